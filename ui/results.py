"""What came of the last run: an overview where there are several, and the card of one."""

from decimal import Decimal

import streamlit as st

from core.runs import RunItem, RunState
from core.types import Failure, Success
from ui import format as fmt
from ui.downloads import show_downloads
from ui.i18n import _
from ui.resources import runtime, workbench
from ui.result_card import show_result
from ui.state import state
from ui.text import literal
from ui.widgets import Tile, bring_into_view, gallery, image_url

RUN_PARAMETER = "run"
_LIVE_EVERY = "0.7s"
_STOP_WITHIN_S = 15


def show_results() -> None:
    """Draw the run that the address names, or the session's last one; redraw while it works."""
    run_id = st.query_params.get(RUN_PARAMETER) or state().run_id
    if not run_id:
        return
    items = workbench().runs.items(run_id)
    if not items:
        st.info(_("These results are no longer kept. Drop the pictures in again."))
        return
    st.query_params[RUN_PARAMETER] = state().run_id = run_id
    active = any(not item.state.is_final for item in items)
    st.divider()
    bring_into_view(state().new_run)
    st.fragment(_draw, run_every=_LIVE_EVERY if active else None)(run_id, active)


def _draw(run_id: str, was_active: bool) -> None:
    items = workbench().runs.items(run_id)
    active = any(not item.state.is_final for item in items)
    if was_active and not active:
        st.rerun()  # once, to stop the clock
    _show_summary(run_id, items, active)
    chosen = _choose(run_id, items) if len(items) > 1 else items[0]
    if len(items) > 1:
        st.subheader(literal(chosen.source.name), anchor=False)
    show_result(run_id, chosen)


def _show_summary(run_id: str, items: list[RunItem], active: bool) -> None:
    """Say how far the run is and what it cost; offer Stop while it works."""
    done = [item for item in items if item.state.is_final]
    failed = [item for item in items if item.state is RunState.FAILED]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(_("Results"), anchor=False, width="content")
        words = _("{done} of {total} done").format(done=len(done), total=len(items))
        if failed:
            words += " · " + _("{count} failed").format(count=len(failed))
        if held := sum(_is_held(item) for item in items):
            words += " · " + _("{count} to look at").format(count=held)
        st.caption(f"{words} · {_spent(items)}", width="stretch")
        if active:
            if st.button(_("Stop"), key="analyze.stop", icon=":material/stop:"):
                runtime().run(workbench().runs.stop(run_id), _STOP_WITHIN_S)
                st.rerun()
        elif len(items) > 1:
            show_downloads(run_id, items, key=f"analyze.{run_id[:8]}.all")
    if active and len(items) > 1:
        st.progress(len(done) / len(items))


def _is_held(item: RunItem) -> bool:
    return isinstance(item.outcome, Success) and item.outcome.held is not None


def _spent(items: list[RunItem]) -> str:
    """Add up what is known; say so when something is not."""
    costs = [item.outcome.cost for item in items if item.outcome]
    known = sum((cost.usd for cost in costs if cost.usd is not None), start=Decimal(0))
    text = _("cost {amount}").format(amount=fmt.usd(known))
    unknown = sum(cost.usd is None for cost in costs)
    return text + (" + " + _("{count} unknown").format(count=unknown) if unknown else "")


def _choose(run_id: str, items: list[RunItem]) -> RunItem:
    key = f"analyze.{run_id[:8]}.chosen"
    picked = st.session_state.get(key, "0")
    result = gallery(
        [_tile(item) for item in items],
        key=f"analyze.{run_id[:8]}.gallery",
        selected=picked,
        pickable=True,
    )
    if result.picked and result.picked != picked:
        st.session_state[key] = result.picked
        st.rerun(scope="fragment")
    return items[int(st.session_state.get(key, "0"))]


def _tile(item: RunItem) -> Tile:
    labels = {
        RunState.QUEUED: _("waiting"),
        RunState.RUNNING: _("working"),
        RunState.SUCCEEDED: _("done"),
        RunState.FAILED: _("failed"),
    }
    return Tile(
        id=str(item.position),
        name=item.source.name,
        caption=_headline(item) or labels[item.state],
        url=image_url(item.sent),
        state="held" if _is_held(item) else item.state.value,
        state_label=_("to look at") if _is_held(item) else labels[item.state],
    )


def _headline(item: RunItem) -> str:
    """Return the one fact that a person scanning a hundred pictures looks for."""
    match item.outcome:
        case Success(held=str(code)):
            return code
        case Success(data={"total": total}) if total is not None:
            data = item.corrected or item.outcome.data
            amount = data.get("total")
            shown = f"{amount:,.2f}" if isinstance(amount, int | float) else str(amount)
            return f"{data.get('currency') or ''} {shown}".strip()
        case Success(data={"document_type": kind}) if kind:
            return str(kind)
        case Failure(code=code):
            return code
        case _:
            return ""
