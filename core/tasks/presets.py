"""The built-in tasks: what is asked, in which form the answer comes, and with which settings.

Sampling follows the guide's table: temperature 0.1 to 0.3 where facts are extracted, 0.7 to 1.0
where words are invented, top_p 0.9 to 0.95, 500 to 1500 output tokens for an analysis and 2000
where a whole document is transcribed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from core.errors import InputNotUsableError
from core.i18n import SOURCE_LANGUAGE, Language
from core.phrases import N_, Phrase
from core.tasks import prompts, schemas
from core.types import AnswerSchema, Detail, Sampling


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of question, ready to be asked.

    `title` and `description` are for the reader and go through the translator. `prompts` is empty
    where the person writes the question. `typical_output_tokens` is what a quote assumes.
    """

    name: str
    title: str
    description: str
    prompts: Mapping[Language, str]
    sampling: Sampling
    typical_output_tokens: int
    schema: AnswerSchema | None = None
    detail: Detail = Detail.HIGH
    disclaimer: Phrase | None = None


class TaskPrompt(NamedTuple):
    """The two texts of a request."""

    system: str
    prompt: str


_ALL = (
    Task(
        "describe",
        N_("Describe"),
        N_("What the picture shows: subjects, setting, colours, light and text."),
        prompts.DESCRIBE,
        Sampling(max_output_tokens=1000, temperature=0.7, top_p=0.95),
        typical_output_tokens=350,
    ),
    Task(
        "document",
        N_("Document"),
        N_("Full text, key facts and structure of a page."),
        prompts.DOCUMENT,
        Sampling(max_output_tokens=2000, temperature=0.1, top_p=0.95),
        typical_output_tokens=800,
        schema=schemas.DOCUMENT,
    ),
    Task(
        "receipt",
        N_("Receipt or invoice"),
        N_("Vendor, date, total, tax and every item."),
        prompts.RECEIPT,
        Sampling(max_output_tokens=1500, temperature=0.1, top_p=0.95),
        typical_output_tokens=300,
        schema=schemas.RECEIPT,
    ),
    Task(
        "product",
        N_("Product"),
        N_("Catalogue facts: category, colours, materials and features."),
        prompts.PRODUCT,
        Sampling(max_output_tokens=1000, temperature=0.3, top_p=0.95),
        typical_output_tokens=300,
        schema=schemas.PRODUCT,
    ),
    Task(
        "social",
        N_("Social media"),
        N_("Content, mood, a caption and what to check before publishing."),
        prompts.SOCIAL,
        Sampling(max_output_tokens=800, temperature=0.8, top_p=0.95),
        typical_output_tokens=250,
        schema=schemas.SOCIAL,
    ),
    Task(
        "medical",
        N_("Medical image report"),
        N_("Observations on a medical image, for a trained reader."),
        prompts.MEDICAL,
        Sampling(max_output_tokens=1500, temperature=0.1, top_p=0.9),
        typical_output_tokens=450,
        schema=schemas.MEDICAL,
        disclaimer=Phrase(
            "This is a description made by software, not a diagnosis. It can be wrong or "
            "incomplete. A qualified professional must read the original image before anyone "
            "decides anything about a person's health."
        ),
    ),
    Task(
        "diagram",
        N_("Diagram or chart"),
        N_("Components, connections and text of an architecture, flow or chart."),
        prompts.DIAGRAM,
        Sampling(max_output_tokens=1500, temperature=0.1, top_p=0.95),
        typical_output_tokens=600,
        schema=schemas.DIAGRAM,
    ),
    Task(
        "custom",
        N_("Your own question"),
        N_("Your prompt, with a JSON Schema of yours if you like."),
        {},
        Sampling(max_output_tokens=1000, temperature=0.2, top_p=0.95),
        typical_output_tokens=350,
    ),
)

TASKS: Mapping[str, Task] = {task.name: task for task in _ALL}


def task(name: str) -> Task:
    """Return the task called `name`.

    Raises:
        InputNotUsableError: Naming the tasks that exist.
    """
    if found := TASKS.get(name):
        return found
    raise InputNotUsableError(
        Phrase(
            "There is no task called {name}. The tasks are {known}.",
            {"name": name, "known": ", ".join(TASKS)},
        )
    )


def prompt_for(
    chosen: Task, language: Language = SOURCE_LANGUAGE, custom_prompt: str | None = None
) -> TaskPrompt:
    """Return what to send for a task; the person's own prompt, where given, replaces the task's.

    Raises:
        InputNotUsableError: The task has no prompt of its own and the person wrote none.
    """
    text = (custom_prompt or "").strip() or chosen.prompts.get(language)
    if not text:
        raise InputNotUsableError(Phrase("Write what you want to know about the picture."))
    return TaskPrompt(prompts.SYSTEM[language], text)
