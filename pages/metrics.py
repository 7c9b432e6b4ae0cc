"""Live metrics: what the ledger of this data directory has counted."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import streamlit as st

from core.store.calls import CallRecord
from core.tasks import TASKS
from ui import format as fmt
from ui.i18n import _
from ui.navigation import require_frame
from ui.resources import workbench

require_frame()

WINDOWS = {
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "all": None,
}


@st.fragment(run_every="2s")
def show_numbers() -> None:
    """Read the ledger again every two seconds."""
    window = WINDOWS[chosen or "24h"]
    summary = workbench().ledger.summary(datetime.now(UTC) - window if window else None)
    if not summary.requests:
        st.info(
            _("No request was made in this time. Ask something on the Analyze page."),
            icon=":material/monitoring:",
        )
        return
    known = summary.measured_usd + summary.estimated_usd
    answered = summary.succeeded + summary.failed
    rate = f"{summary.succeeded / answered:.1%}" if answered else _("unknown")
    tiles = [
        (_("Requests"), fmt.count(summary.requests)),
        (_("Succeeded"), rate),
        (_("From the cache"), fmt.count(summary.cached)),
        (_("Cost"), fmt.usd(known)),
        (_("Saved by the cache"), fmt.usd(summary.saved_usd)),
        (_("Input tokens"), fmt.count(summary.input_tokens)),
        (_("Output tokens"), fmt.count(summary.output_tokens)),
    ]
    with st.container(horizontal=True):
        for name, value in tiles:
            st.metric(name, value, border=True, width=192)
    if summary.unknown_calls:
        st.caption(
            _("{count} calls may have been billed at a cost that nobody stated.").format(
                count=summary.unknown_calls
            )
        )
    if summary.failures:
        failures = " · ".join(f"{code}: {count}" for code, count in summary.failures.items())
        st.caption(_("Failures by code: {failures}").format(failures=failures))
    st.subheader(_("Latest calls"), anchor=False)
    st.dataframe(
        [_row(call) for call in workbench().ledger.recent(50)], hide_index=True, key="metrics.calls"
    )


def _row(call: CallRecord) -> dict[str, object]:
    return {
        _("Time"): pd.Timestamp(call.at)
        .tz_convert(st.context.timezone or "UTC")
        .strftime("%Y-%m-%d %H:%M:%S")
        if call.at
        else "",
        _("Task"): _task_title(call.planned.task),
        _("Model"): call.planned.model,
        _("Result"): call.code or (_("from the cache") if call.cached else _("answered")),
        _("Tokens"): f"{call.usage.input_tokens:,} + {call.usage.output_tokens:,}"
        if call.usage
        else _("unknown"),
        _("Cost"): fmt.cost(call.cost),
        _("Seconds"): f"{call.latency_s:.2f}",
    }


def _task_title(name: str) -> str:
    return _(TASKS[name].title) if name in TASKS else name


st.title(_("Live metrics"), anchor=False)
names = {"1h": _("1 hour"), "24h": _("24 hours"), "7d": _("7 days"), "all": _("All time")}
chosen = st.segmented_control(
    _("Window"),
    list(WINDOWS),
    default="24h",
    required=True,
    format_func=names.__getitem__,
    key="metrics.window",
    bind="query-params",
    label_visibility="collapsed",
)
show_numbers()
