"""What is asked: task, model, detail, and the limits behind "More"."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.catalog.models import ModelCard
from core.errors import ConfigurationError
from core.runs import Question
from core.settings import EMBEDDED_MODEL
from core.sizing import SizeStep, best_size
from core.tasks import TASKS, Task, parse_user_schema, prompt_for, task
from core.tray import TrayItem
from core.types import AnswerSchema, Detail, Sampling
from ui import format as fmt
from ui.choice import choose
from ui.diagnosis_box import show_error
from ui.engine_badge import shutdown_note, today
from ui.i18n import _, language
from ui.resources import workbench

TASK = "analyze.task"
"""The name of the task's choice; a sample chooses the task that suits it."""

_MOST_OUTPUT_TOKENS = 32_000
_MOST_LOSS = 0.6
_MOST_STEPS = 4


def choose_question() -> Question | None:
    """Draw the choices and return the question, or None while something is missing."""
    columns = st.columns([4, 4, 3, 2], vertical_alignment="bottom")
    with columns[0]:
        chosen = task(_choose_task())
    with columns[1]:
        card = _choose_model()
    with columns[2]:
        detail = _choose_detail(chosen, card)
    with columns[3], st.popover(_("More"), icon=":material/tune:", width="stretch"):
        sampling = _choose_limits(chosen, card)
        own_prompt = "" if chosen.name == "custom" else _edit_prompt(chosen)
    st.caption(_(chosen.description))
    try:
        schema = chosen.schema
        if chosen.name == "custom":
            own_prompt, schema = _write_own()
            if not own_prompt.strip():
                return None
        text = prompt_for(chosen, language(), own_prompt)
    except ConfigurationError as error:
        show_error(error)
        return None
    return Question(chosen.name, text.prompt, text.system, card.name, detail, sampling, schema)


def _choose_task() -> str:
    titles = {name: _(each.title) for name, each in TASKS.items()}
    return choose(_("Task"), titles, name=TASK, default=next(iter(titles)))


def _choose_model() -> ModelCard:
    """Offer the models that can answer here; another one may be typed for a compatible server."""
    bench = workbench()
    if bench.settings.embedded:
        names = [EMBEDDED_MODEL]
    else:
        live = [c.name for c in bench.catalog.live_cards(today()) if c.name != EMBEDDED_MODEL]
        names = list(dict.fromkeys([bench.settings.model, *live]))
    name = st.selectbox(
        _("Model"),
        names,
        key="analyze.model",
        accept_new_options=not bench.settings.embedded,
        persist_state="session",
        help=_("Set OPENAI_API_KEY or OPENAI_BASE_URL to ask a model on the network.")
        if bench.settings.embedded
        else None,
    )
    card = bench.catalog.card(name or bench.settings.model)
    if card.name != bench.settings.model and (note := shutdown_note(card)):
        st.caption(f":material/event_busy: {note}")
    return card


def choose_size(items: Sequence[TrayItem], question: Question) -> Question:
    """Offer smaller sizes at each lower price, where every picture has the same; never unasked."""
    sizes = {(item.width_px, item.height_px) for item in items}
    card = workbench().catalog.card(question.model)
    steps = best_size(*sizes.pop(), card, question.detail, _MOST_LOSS) if len(sizes) == 1 else []
    if not steps:
        return question
    by_name = {fmt.size(step.width_px, step.height_px): step for step in steps[:_MOST_STEPS]}
    names = {"": _("As the model sees it")} | {k: _step_name(s) for k, s in by_name.items()}
    help_ = _("A smaller picture costs less; small print may be lost.")
    chosen = choose(_("Size"), names, name="analyze.size", default="", width=420, help=help_)
    if not chosen:
        return question
    step = by_name[chosen]
    return replace(question, max_size=(step.width_px, step.height_px))


def _step_name(step: SizeStep) -> str:
    share = step.saved_tokens / (step.saved_tokens + step.image_tokens)
    size = fmt.size(step.width_px, step.height_px)
    text = _("{size}: {tokens} image tokens, {share} less")
    return text.format(size=size, tokens=fmt.count(step.image_tokens), share=f"{share:.0%}")


def _choose_detail(chosen: Task, card: ModelCard) -> Detail:
    names = {
        Detail.AUTO: _("Automatic"),
        Detail.LOW: _("Low"),
        Detail.HIGH: _("High"),
        Detail.ORIGINAL: _("Original"),
    }
    taken = {detail.value: names[detail] for detail in card.details or (Detail.HIGH,)}
    value = choose(
        _("Detail"),
        taken,
        name=f"analyze.detail.{card.name}",
        default=chosen.detail.value,
        help=_("How closely the model looks. Low costs least; high reads small print."),
    )
    return Detail(value)


def _choose_limits(chosen: Task, card: ModelCard) -> Sampling:
    advised = chosen.sampling
    most = min(card.max_output_tokens or _MOST_OUTPUT_TOKENS, _MOST_OUTPUT_TOKENS)
    tokens = st.number_input(
        _("Longest answer (tokens)"),
        min_value=16,
        max_value=most,
        value=min(advised.max_output_tokens, most),
        step=100,
        key=f"analyze.tokens.{chosen.name}",
        help=_("An answer that reaches this limit is cut off and counts as failed."),
    )
    temperature = advised.temperature
    if card.supports_temperature is not False:
        temperature = st.slider(
            _("Temperature"),
            0.0,
            1.5,
            value=advised.temperature or 0.0,
            step=0.1,
            key=f"analyze.temperature.{chosen.name}",
            help=_("Low for facts, higher for varied wording."),
        )
    return replace(advised, max_output_tokens=int(tokens), temperature=temperature)


def _edit_prompt(chosen: Task) -> str:
    return st.text_area(
        _("Prompt"),
        chosen.prompts[language()],
        key=f"analyze.prompt.{chosen.name}.{language()}",
        height=180,
        help=_("What the model is asked. Empty means the text of the task."),
    )


def _write_own() -> tuple[str, AnswerSchema | None]:
    """Return the person's own prompt, and their schema where they gave one."""
    prompt = st.text_area(
        _("Your question"),
        key="analyze.own_prompt",
        placeholder=_("What do you want to know about the picture?"),
        height=100,
        persist_state="session",
    )
    with st.expander(_("Answer as JSON (optional)"), icon=":material/data_object:"):
        text = st.text_area(
            "JSON Schema",
            key="analyze.own_schema",
            height=160,
            placeholder='{"type": "object", "properties": {"colour": {"type": "string"}}}',
            persist_state="session",
        )
    return prompt, parse_user_schema(text) if text.strip() else None
