"""One picture of a run with its answer: streaming, complete, or failed with a diagnosis."""

from collections.abc import Coroutine
from typing import Any

import streamlit as st

from core.fixes import is_sent_smaller, objective_prompt
from core.phrases import Phrase
from core.runs import RunItem, RunState
from core.tasks import task
from core.types import Failure, Success
from ui import format as fmt
from ui.answer_form import answer_form, corrections, label_of
from ui.diagnosis_box import show_failure, show_held, show_other_words
from ui.downloads import show_downloads
from ui.i18n import _, say
from ui.resources import runtime, workbench
from ui.text import harmless_markdown, literal
from ui.widgets import zoomable

_QUICK_S = 10


def show_result(run_id: str, item: RunItem) -> None:
    """Draw the picture beside what came of it."""
    key = f"analyze.{run_id[:8]}.{item.position}.{item.asked}"
    picture, answer = st.columns([5, 7], gap="large")
    with picture:
        _show_picture(item, key)
    with answer:
        match item.outcome:
            case Success() as success:
                _show_success(run_id, item, success, key)
            case Failure() as failure:
                show_failure(failure)
                _offer_other_words(run_id, item, failure, key)
                _again_button(run_id, item, _("Try again"), key)
            case None:
                _show_progress(run_id, item)


def _show_picture(item: RunItem, key: str) -> None:
    if item.sent is None:
        st.caption(literal(item.source.name))
        return
    size = fmt.size(item.sent.width_px, item.sent.height_px)
    smaller = item.outcome is not None and is_sent_smaller(item.outcome.notes)
    exact, less = _("Exactly what was sent: {size}"), _("Sent smaller than shown: {size}")
    caption = (less if smaller else exact).format(size=size)
    zoomable(item.sent, name=item.source.name, caption=caption, key=f"{key}.picture")


def _show_progress(run_id: str, item: RunItem) -> None:
    if item.state is RunState.QUEUED:
        st.caption(_("Waiting for its turn …"))
        return
    text = workbench().runs.text_so_far(run_id, item.position)
    if not text:
        st.caption(_("Asked; waiting for the first words …"))
    elif item.question.schema:
        st.code(text, language="json", wrap_lines=True, height=360)
    else:
        st.markdown(harmless_markdown(text) + " ▍")


def _show_success(run_id: str, item: RunItem, success: Success, key: str) -> None:
    _show_facts(item, success)
    if success.held:
        show_held(
            success.held,
            accept=lambda: _run(workbench().runs.accept(run_id, item.position)),
            ask_again=lambda: _run(workbench().runs.again(run_id, item.position)),
            key=key,
        )
    if disclaimer := task(item.question.task).disclaimer:
        st.warning(say(disclaimer), icon=":material/info:")
    if success.data is None:
        st.markdown(harmless_markdown(success.text))
    else:
        _show_fields(run_id, item, success, key)
    _show_notes(success.notes)
    with st.container(horizontal=True):
        show_downloads(run_id, [item], key=key)
        if not success.held:  # its own box asks again
            _again_button(run_id, item, _("Run again without cache"), key)


def _show_facts(item: RunItem, success: Success) -> None:
    """Say what it cost, how long it took, and what was predicted beside what was billed."""
    usage = success.usage
    cost, beside_cost = fmt.cost(success.cost), _predicted(fmt.usd(item.estimate.cost_usd), item)
    if success.cached:
        cost = _("$0 (cached)")
        beside_cost = _("saved {usd}").format(usd=fmt.usd(success.saved_usd))
    predicted = "" if success.cached else _predicted(fmt.count(item.estimate.input_tokens), item)
    facts = [
        (_("Cost"), cost, beside_cost),
        (_("Input tokens"), fmt.count(usage.input_tokens if usage else None), predicted),
        (_("Output tokens"), fmt.count(usage.output_tokens if usage else None), ""),
        (_("Time"), fmt.seconds(success.latency_s), ""),
    ]
    with st.grid("auto", min_column_width=100, gap="xsmall"):
        for name, value, aside in facts:
            with st.container(gap=None):
                st.caption(name)
                st.markdown(f"**{harmless_markdown(value)}**")
                if aside:
                    st.caption(harmless_markdown(aside))
    told = [_("Answered by {model}").format(model=success.model)]
    if not success.cached:
        told.append(_("attempts: {count}").format(count=success.attempts))
    if success.first_token_s is not None:
        told.append(_("first words after {time}").format(time=fmt.seconds(success.first_token_s)))
    st.caption(harmless_markdown(" · ".join(told)))


def _predicted(value: str, item: RunItem) -> str:
    """Return the prediction for paid calls; what costs nothing was not predicted to anybody."""
    return _("predicted {value}").format(value=value) if item.estimate.cost_usd else ""


def _show_fields(run_id: str, item: RunItem, success: Success, key: str) -> None:
    form, raw = st.tabs([_("Fields"), "JSON"])
    current = success.data if item.corrected is None else item.corrected
    with form:
        edited = answer_form(current, key=f"{key}.form")
        if edited != current:
            runtime().run(workbench().runs.correct(run_id, item.position, edited), _QUICK_S)
        _show_corrections(success.data, edited)
    with raw:
        st.json(edited)


def _show_corrections(before: Any, after: Any) -> None:
    changed = corrections(before, after)
    if not changed:
        return
    with st.expander(
        _("Corrected by you: {count}").format(count=len(changed)), icon=":material/edit:"
    ):
        for field, was, now in changed:
            st.text(f"{label_of(field)}: {was} → {now}")


def _show_notes(notes: tuple[Phrase, ...]) -> None:
    for note in notes:
        st.caption("· " + harmless_markdown(say(note)))


def _offer_other_words(run_id: str, item: RunItem, failure: Failure, key: str) -> None:
    prompt = objective_prompt(item.question.prompt, failure.code)
    if prompt:
        again = workbench().runs.again
        show_other_words(prompt, lambda: _run(again(run_id, item.position, prompt)), key=key)


def _run(work: Coroutine[Any, Any, None]) -> None:
    runtime().run(work, _QUICK_S)


def _again_button(run_id: str, item: RunItem, label: str, key: str) -> None:
    if st.button(label, key=f"{key}.again", icon=":material/refresh:"):
        _run(workbench().runs.again(run_id, item.position))
        st.rerun()
