"""The latest calls as a table, and one of them in full."""

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import streamlit as st

from core.i18n import Language, translator
from core.metrics import CallRow, Filters
from core.phrases import Translate
from core.report import name_of
from core.store.calls import CallRecord, CallStatus
from ui import format as fmt
from ui.batch.detail import show_item
from ui.i18n import _
from ui.live.frame import Look, shared, zone
from ui.live.kept import find_kept, show_kept
from ui.live.state import OpenCall, state
from ui.resources import workbench
from ui.text import harmless_markdown

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 25


@dataclass(frozen=True, slots=True)
class _Rows:
    """All that the table depends on: the workbench and how far its ledger has grown, too."""

    bench: float
    last_id: int
    above: int | None
    filters: Filters
    language: Language
    zone: str


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows as they are drawn, and which they are."""

    ids: tuple[int, ...]
    cells: "pa.Table"


def show_calls(look: Look) -> None:
    """Draw the table, and below it the call that was clicked."""
    here, _ = state(), translator(look.language)
    st.subheader(_("Latest calls"), anchor=False)
    opened = here.open_call
    above = opened.above if opened else None
    last_id = 0 if opened else look.pulse.last_id  # what stands still does not depend on it
    filters = look.view.filters
    table = _table(_Rows(look.pulse.bench, last_id, above, filters, look.language, look.zone))
    if not table.ids:
        st.caption(_("No call passes the filters."))
        return
    here.shown = list(table.ids)
    key = f"live.calls.{here.tables}"
    st.dataframe(
        table.cells,
        hide_index=True,
        key=key,
        on_select=partial(_choose, key),
        selection_mode="single-row",
        column_config={_("Time"): st.column_config.TextColumn(width=120)},
    )
    if opened:
        _show_call(opened)
    else:
        st.caption(_("Click a row to see the picture, the answer and the attempts."))


@shared
def _table(rows: _Rows) -> _Table:
    import pyarrow as pa  # slow to load, and only pages need it

    found = workbench().metrics.latest(_ROWS, rows.filters, rows.above)
    place, translate = ZoneInfo(rows.zone), translator(rows.language)
    cells = [_cells(row.call, place, translate) for row in found]
    return _Table(tuple(row.id for row in found), pa.Table.from_pylist(cells))


def _cells(call: CallRecord, zone: ZoneInfo, _: Translate) -> dict[str, str]:
    planned = call.planned
    return {
        _("Time"): call.at.astimezone(zone).strftime("%m-%d %H:%M:%S") if call.at else "",
        _("Asked by"): name_of("front_end", planned.front_end, _),
        _("Task"): name_of("task", planned.task, _),
        _("Model"): planned.model,
        **_result_cells(call, _),
    }


def _result_cells(call: CallRecord, _: Translate) -> dict[str, str]:
    usage = call.usage
    tokens = f"{usage.input_tokens:,} + {usage.output_tokens:,}" if usage else _("unknown")
    return {
        _("Result"): _result(call, _),
        _("Tokens"): tokens,
        _("Cost"): fmt.cost(call.cost),
        _("Took"): fmt.seconds(call.latency_s),
        _("Attempts"): str(call.attempts),
    }


def _result(call: CallRecord, _: Translate) -> str:
    if call.status is CallStatus.RETRIED:
        return _("{code}, tried again").format(code=call.code)
    if call.code and call.status is CallStatus.SUCCEEDED:
        return _("held: {code}").format(code=call.code)
    return call.code or (_("from the cache") if call.cached else _("answered"))


def _choose(key: str) -> None:
    """Open the clicked call, or close it when it is clicked again."""
    here, rows = state(), st.session_state[key].selection.rows
    if not rows or rows[0] >= len(here.shown):
        here.open_call = None
        return
    above = here.open_call.above if here.open_call else here.shown[0] + 1
    here.open_call = _opened(here.shown[rows[0]], above)


def _opened(row_id: int, above: int) -> OpenCall | None:
    """Read everything that is kept about a call."""
    bench = workbench()
    found = bench.metrics.latest(1, before_id=row_id + 1)
    if not found:
        return None
    row, planned = found[0], found[0].call.planned
    request = bench.metrics.attempts(planned.request_id) if planned.request_id else [row]
    opened = OpenCall(row, tuple(request), above)
    if planned.item:
        return replace(opened, item=bench.batches.item(planned.item))
    return replace(opened, kept=find_kept(row.call))


def _show_call(opened: OpenCall) -> None:
    call = opened.row.call
    with st.container(border=True, key="live-call"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(_("**Call {number}**").format(number=opened.row.id), width="stretch")
            st.button(_("Close"), key="live.close", icon=":material/close:", on_click=_close)
        st.caption(harmless_markdown(_facts(call)))
        if opened.item:
            show_item(opened.item)
        else:
            show_kept(opened.kept, call)
        _show_attempts(opened.attempts)


def _facts(call: CallRecord) -> str:
    planned = call.planned
    facts = [
        f"{call.at.astimezone(zone()):%Y-%m-%d %H:%M:%S}" if call.at else _("unknown"),
        _("Model: {model}").format(model=planned.model),
        _("detail: {detail}").format(detail=planned.detail),
        _("lane: {lane}").format(lane=name_of("lane", planned.lane, _)),
        _("asked by: {who}").format(who=name_of("front_end", planned.front_end, _)),
        _("attempts: {count}").format(count=call.attempts),
        _("Cost: {amount}").format(amount=fmt.cost(call.cost)),
    ]
    if planned.estimated_usd is not None:
        facts.append(_("predicted {value}").format(value=fmt.usd(planned.estimated_usd)))
    return " · ".join(facts)


def _show_attempts(attempts: tuple[CallRow, ...]) -> None:
    """List the rows of the request; attempts that cost nothing are only counted."""
    st.markdown(_("**Attempts that may have been billed**"))
    st.dataframe(
        [_cells(row.call, zone(), _) for row in attempts], hide_index=True, key="live.attempts"
    )


def _close() -> None:
    """Let the table move again, without a row that is marked."""
    here = state()
    here.open_call, here.tables = None, here.tables + 1
