"""The report and the data of what is looked at, as files made when they are asked for."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import streamlit as st

from core.i18n import Language, translator
from core.metrics import CallRow
from core.metrics_tables import calls_table, series_table
from core.report import Report, performance_report, to_html, to_markdown
from core.tables import table_to_csv
from ui.i18n import _, language
from ui.live.frame import STEPS, View, zone
from ui.resources import workbench

MOST_CALLS: Final = 50_000
_CALLS_TOGETHER: Final = 2_000


def show_downloads(view: View) -> None:
    """Offer the report in the reader's language, the steps of the plots, and the calls."""
    spoken, place = language(), zone().key
    with st.popover(_("Download"), icon=":material/download:"):
        offers = (
            (_("Report (Markdown)"), "report.md", "text/markdown", _markdown),
            (_("Report (HTML)"), "report.html", "text/html", _html),
            (_("Steps of the plots (CSV)"), "steps.csv", "text/csv", _steps),
            (_("Calls (CSV)"), "calls.csv", "text/csv", _calls),
        )
        for label, name, mime, make in offers:
            st.download_button(
                label,
                data=partial(make, view, spoken, place),
                file_name=f"tessera-{name}",
                mime=mime,
                key=f"live.download.{name}",
                on_click="ignore",
                width="stretch",
            )
        st.caption(
            _("Calls: the latest {most} of this window at most.").format(most=f"{MOST_CALLS:,}")
        )


def _markdown(view: View, spoken: Language, place: str) -> str:
    return to_markdown(_report(view, spoken, place))


def _html(view: View, spoken: Language, place: str) -> str:
    return to_html(_report(view, spoken, place), spoken)


def _steps(view: View, _spoken: Language, _place: str) -> str:
    since = view.since(datetime.now(UTC))
    points = workbench().metrics.series(since, points=STEPS, filters=view.filters)
    return table_to_csv(series_table(points))


def _calls(view: View, _spoken: Language, _place: str) -> str:
    return table_to_csv(calls_table(_rows(view)))


def _rows(view: View) -> Iterator[CallRow]:
    """Yield the window's calls, newest first, a page at a time."""
    since, above = view.since(datetime.now(UTC)), None
    for _page in range(MOST_CALLS // _CALLS_TOGETHER):
        rows = workbench().metrics.latest(_CALLS_TOGETHER, view.filters, above)
        yield from (row for row in rows if not since or not row.call.at or row.call.at >= since)
        if len(rows) < _CALLS_TOGETHER or (since and (rows[-1].call.at or since) < since):
            return
        above = rows[-1].id


def _report(view: View, spoken: Language, place: str) -> Report:
    bench, now = workbench(), datetime.now(ZoneInfo(place))
    since = view.since(now)
    return performance_report(
        bench.metrics.measure(since, filters=view.filters),
        bench.alerts.active,
        since,
        now,
        view.filters,
        translator(spoken),
    )
