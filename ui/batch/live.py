"""One batch as it stands, read from the store while it works, and what can be done with it."""

from collections.abc import Callable, Coroutine
from typing import Any

import streamlit as st

from core.batch import BatchProgress, BatchState, JobLane
from core.diagnosis import diagnose
from core.errors import VisionError
from ui import format as fmt
from ui.batch.downloads import show_exports
from ui.batch.figures import PLACE, show_figures, show_style
from ui.batch.held import offer_other_words, show_held_answers
from ui.batch.items import show_items
from ui.batch.jobs import show_jobs
from ui.batch.lanes import lane_price
from ui.batch.limits import is_paused_at_own_limit, show_limits
from ui.batch.rerun import show_rerun
from ui.batch.state import state
from ui.batch.words import lane_words, moment, state_badge
from ui.diagnosis_box import code_link, show_diagnosis, show_error
from ui.i18n import _, say
from ui.quote_line import headline
from ui.resources import runtime, workbench
from ui.text import harmless_markdown

_EVERY = "2s"
_EVERY_WHILE_STILL = "10s"
_DETAILS_EVERY = "10s"
_ACT_WITHIN_S = 60
_PLAY = ":material/play_arrow:"


def show_batch(batch_id: str) -> None:
    """Draw the batch that the address names."""
    progress = workbench().batches.progress(batch_id)
    if progress is None:
        st.info(_("There is no such batch. It may have been made in another data directory."))
        return
    st.subheader(harmless_markdown(progress.name), anchor=False)
    active, offer = _is_active(progress), _offer(progress)
    every = _EVERY if progress.state is BatchState.RUNNING else _EVERY_WHILE_STILL
    st.markdown(f"{state_badge(progress)} &nbsp; :small[:gray[{_summary(progress)}]]")
    with st.container(key=PLACE, gap=None):
        show_style()
        st.fragment(_show_progress, run_every=every if active else None)(batch_id, offer)
    if progress.state is BatchState.QUEUED and progress.is_intake_complete:
        _show_quote(progress)
    _show_actions(progress)
    if progress.started_at:
        show_exports(progress)
    if progress.total:
        has_more = bool(progress.failures or progress.held or progress.lane is not JobLane.REALTIME)
        every = _DETAILS_EVERY if active else None
        st.fragment(_show_details, run_every=every if has_more else None)(batch_id)
        st.fragment(_show_items, run_every=every if state().rows_move else None)(batch_id)
    _show_left_out(progress)


def _is_active(progress: BatchProgress) -> bool:
    """Say whether the numbers may change by themselves, or by another process."""
    return not progress.state.is_final or progress.running > 0


def _offer(progress: BatchProgress) -> tuple[object, ...]:
    """Return what the rest of the page depends on; it is drawn again when that changes."""
    shown = progress.state, progress.is_intake_complete, progress.priority, progress.total > 0
    return (*shown, len(progress.failures), progress.held > 0, _is_active(progress))


def _show_progress(batch_id: str, drawn: tuple[object, ...]) -> None:
    """Draw only what changes all the time: less than 2 kB each."""
    progress = workbench().batches.progress(batch_id)
    if progress is None:
        return
    if _offer(progress) != drawn:
        st.rerun()
    show_figures(progress)
    _show_reason(progress)


def _show_details(batch_id: str) -> None:
    progress = workbench().batches.progress(batch_id)
    if progress is None:
        return
    show_jobs(progress)
    if progress.held:
        show_held_answers(progress)
    if progress.failures:
        _show_failures(progress)


def _show_items(batch_id: str) -> None:
    """Draw the table; its clock stands while no row that is seen can change by itself."""
    progress = workbench().batches.progress(batch_id)
    if progress is None:
        return
    rows_move = show_items(progress)
    if rows_move != state().rows_move:
        state().rows_move = rows_move
        st.rerun()


def _summary(progress: BatchProgress) -> str:
    question = workbench().batches.question(progress.id)
    parts = [
        f"`{question.model}`",
        _("priority {level}").format(level=progress.priority),
    ]
    if progress.lane is not JobLane.REALTIME:
        parts.append(lane_words()[progress.lane])
    if progress.ready_by:
        parts.append(_("ready by {time}").format(time=moment(progress.ready_by)))
    if progress.finished_at:
        parts.append(_("ended {time}").format(time=moment(progress.finished_at)))
    elif progress.started_at:
        parts.append(_("began {time}").format(time=moment(progress.started_at)))
    return " · ".join(parts)


def _show_reason(progress: BatchProgress) -> None:
    if progress.reason_code:
        show_diagnosis(progress.reason_code, say(progress.reason) if progress.reason else "")
    elif progress.reason:
        st.info(harmless_markdown(say(progress.reason)))


def _show_quote(progress: BatchProgress) -> None:
    batches = workbench().batches
    quote = runtime().run(batches.quote(progress.id), _ACT_WITHIN_S)
    with st.container(border=True, gap="small"):
        st.markdown(headline(quote, batches.question(progress.id)))
        st.caption(say(quote.summary))
        if progress.lane is not JobLane.REALTIME:
            quotes = runtime().run(
                batches.lane_quotes(progress.id, progress.ready_by), _ACT_WITHIN_S
            )
            st.caption(lane_price(progress.lane, quotes.of(progress.lane)))


def _show_actions(progress: BatchProgress) -> None:
    batches, batch_id = workbench().batches, progress.id
    with st.container(horizontal=True, key="batch-actions"):
        if progress.state is BatchState.QUEUED and progress.is_intake_complete:
            _action(_("Start"), "go", _PLAY, batches.start, batch_id, primary=True)
        if progress.state is BatchState.RUNNING:
            _action(_("Pause"), "pause", ":material/pause:", batches.pause, batch_id)
        if progress.state is BatchState.PAUSED:
            is_first = not is_paused_at_own_limit(progress)
            _action(_("Resume"), "resume", _PLAY, batches.resume, batch_id, primary=is_first)
        if not progress.state.is_final and progress.is_intake_complete:
            show_limits(progress)
        if progress.state is not BatchState.CANCELLED and batches.retriable(batch_id):
            _action(_("Retry all failed"), "retry", ":material/refresh:", batches.retry, batch_id)
        if progress.started_at and progress.total:
            show_rerun(progress)
        if not progress.state.is_final:
            with st.popover(_("Cancel"), icon=":material/stop:", key="batch.end"):
                st.markdown(_("End this batch? Its results are kept; it cannot be resumed."))
                _action(_("Cancel the batch"), "cancel", "", batches.cancel, batch_id)


def _action(
    label: str,
    name: str,
    icon: str,
    act: Callable[..., Coroutine[Any, Any, Any]],
    *given: Any,
    primary: bool = False,
) -> None:
    """Draw a button; what it does runs on the process's loop."""
    kind = "primary" if primary else "secondary"
    if st.button(label, key=f"batch.{name}", icon=icon or None, type=kind):
        try:
            runtime().run(act(*given), _ACT_WITHIN_S)
        except VisionError as error:
            show_error(error)
        else:
            st.rerun()


def _show_failures(progress: BatchProgress) -> None:
    """Say why items failed, most frequent first, each code with its own retry."""
    batches = workbench().batches
    is_over = progress.state is BatchState.CANCELLED
    retriable = {} if is_over else batches.retriable(progress.id)
    with st.expander(_("Why pictures failed"), icon=":material/error:", key="batch.failures"):
        for code, count in sorted(progress.failures.items(), key=lambda each: -each[1]):
            found = diagnose(code)
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(
                    f"**{count:,}** × {_(found.summary)} {code_link(code)}", width="stretch"
                )
                if retriable.get(code):
                    label, icon = _("Retry these"), ":material/refresh:"
                    offer_other_words(progress.id, code)
                    _action(label, f"retry.{code}", icon, batches.retry, progress.id, code)
            st.caption(_(found.solution))
            if not is_over and retriable.get(code, 0) < count:
                st.caption(_("What never came in as a picture cannot be tried again."))


def _show_left_out(progress: BatchProgress) -> None:
    if not progress.left_out:
        return
    title = _("Left out on the way in: {count}").format(count=fmt.count(progress.left_out))
    with st.expander(title, icon=":material/block:"):
        for each in workbench().batches.left_out(progress.id):
            st.caption(f"**{harmless_markdown(each.name)}** · {harmless_markdown(say(each.why))}")
