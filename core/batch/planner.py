"""From what intake found to items in their order."""

from dataclasses import replace
from typing import Final

from core.answer import failure_without_call
from core.batch.types import PRIORITIES, USUAL_PRIORITY, BatchItem, NewItem
from core.i18n import Language
from core.images.intake import Kept, Refused
from core.images.manifest import ItemOverrides
from core.runs import Question
from core.tasks import prompt_for, task
from core.types import ImageSource

_SIMPLE_BYTES: Final = 500 * 1024
_MEDIUM_BYTES: Final = 2 * 2**20
_MOST_ITEMS: Final = 2**32


def accepted_item(
    position: int,
    source: ImageSource,
    overrides: ItemOverrides,
    question: Question,
    language: Language,
    kept: Kept,
    priority: int = USUAL_PRIORITY,
) -> NewItem:
    """Return the item for a picture; a manifest's line may ask something of its own about it.

    Raises:
        InputNotUsableError: If the line names a task that does not exist or cannot be asked.
    """
    own = question_for(question, overrides, language)
    chosen = overrides.priority or priority
    return NewItem(
        position=position,
        name=source.name,
        digest=source.digest,
        page=source.page,
        size_bytes=kept.size_bytes,
        width_px=kept.width_px,
        height_px=kept.height_px,
        layer_tokens=kept.layer_tokens,
        label=overrides.id,
        priority=chosen,
        rank=rank(chosen, kept.size_bytes, position),
        question=None if own == question else own,
    )


def refused_item(position: int, refused: Refused) -> NewItem:
    """Return an item that failed before it began."""
    return NewItem(
        position=position,
        name=refused.name,
        label=refused.overrides.id,
        outcome=failure_without_call(refused.error),
    )


def item_again(item: BatchItem, question: Question) -> NewItem:
    """Return an item of an earlier batch as a new one."""
    own = replace(item.question, model=question.model)
    return NewItem(
        position=item.position,
        name=item.name,
        digest=item.digest,
        page=item.page,
        width_px=item.width_px,
        height_px=item.height_px,
        layer_tokens=item.layer_tokens,
        label=item.label,
        priority=item.priority,
        rank=item.position,
        question=None if own == question else own,
        outcome=None if item.digest else item.outcome,
    )


def question_for(question: Question, overrides: ItemOverrides, language: Language) -> Question:
    """Return the question with what a manifest says about one item.

    Raises:
        InputNotUsableError: If it names a task that does not exist or cannot be asked.
    """
    own = question
    if overrides.task:
        chosen = task(overrides.task)
        words = prompt_for(chosen, language, overrides.prompt)
        own = replace(
            own,
            task=chosen.name,
            prompt=words.prompt,
            system=words.system,
            detail=chosen.detail,
            sampling=chosen.sampling,
            schema=chosen.schema,
        )
    elif overrides.prompt:
        own = replace(own, prompt=overrides.prompt)
    if overrides.detail:
        own = replace(own, detail=overrides.detail)
    if overrides.max_output_tokens:
        sampling = replace(own.sampling, max_output_tokens=overrides.max_output_tokens)
        own = replace(own, sampling=sampling)
    return own


def rank(priority: int, size_bytes: int, position: int) -> int:
    """Return an item's place in the work: by urgency, then small before large, then as it came.

    The sizes are the guide's groups; they order the work, and nothing waits for a group.
    """
    group = 0 if size_bytes < _SIMPLE_BYTES else 1 if size_bytes < _MEDIUM_BYTES else 2
    return ((PRIORITIES.stop - priority) * 3 + group) * _MOST_ITEMS + position
