"""What changes when one thing changes: a chart and a table along one axis."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.catalog import Catalog
from core.catalog.models import Origin
from core.scenarios import Scenario
from core.what_if import Axis, Correction, Priced, what_if
from ui import charts
from ui.engine_badge import today
from ui.estimate.downloads import show_table_downloads
from ui.estimate.words import (
    axis_name,
    axis_value,
    cny_per_usd,
    detail_name,
    money,
    spread,
    tokens_name,
)
from ui.i18n import _, say

_AXIS = "estimate.axis"


def show_comparison(scenario: Scenario, catalog: Catalog, correction: Correction) -> None:
    """Draw the month along the axis that the reader chooses."""
    st.subheader(_("What if"), anchor=False)
    axis = st.segmented_control(
        _("Compare by"),
        list(Axis),
        default=Axis.MODEL,
        required=True,
        format_func=axis_name,
        key=_AXIS,
        persist_state="session",
        label_visibility="collapsed",
    )
    rows = what_if(scenario, axis, catalog, today(), correction)
    chart, table = st.tabs([_("Chart"), _("Table")], key="estimate.compare")
    with chart:
        st.plotly_chart(
            charts.bar_chart(
                [_bar(row, axis, scenario) for row in rows],
                _("USD a month"),
            ),
            key="estimate.bars",
            config=charts.CONFIG,
            alt=_("Cost of a month by {axis}").format(axis=axis_name(axis)),
        )
        _show_legend(rows)
    with table:
        _show_table(rows, axis, scenario)
        show_table_downloads(rows, key="estimate.compare")


def _bar(priced: Priced, axis: Axis, own: Scenario) -> charts.Bar:
    label, chosen = _label(priced, axis, own), priced.scenario == own
    if priced.month is None:
        why = priced.problem or (priced.notes[0] if priced.notes else None)
        words = say(why) if why else _("not offered")
        return charts.Bar(label, None, _unpriced(priced), f"{label}\n{words}", chosen)
    hover = "\n".join(
        [
            label,
            _("{usd} a month").format(usd=money(priced.month.expected)),
            spread(priced.month),
            _("{tokens} image tokens").format(tokens=tokens_name(priced)),
            *(say(note) for note in priced.notes),
        ]
    )
    value = float(priced.month.expected)
    return charts.Bar(label, value, money(priced.month.expected), hover, chosen, priced.is_range)


def _label(priced: Priced, axis: Axis, own: Scenario) -> str:
    """Return the value on the axis with its marks, and the detail where it had to be another."""
    label = axis_value(priced.scenario, axis)
    if axis is not Axis.MODEL:
        return label
    detail = priced.scenario.detail
    return (
        label
        + (f" · {detail_name(detail)}" if detail is not own.detail else "")
        + (" ≈" if priced.is_range else "")
        + (" ✎" if priced.card.origin is Origin.USER else "")
    )


def _unpriced(priced: Priced) -> str:
    """Return why there is no price, in two words."""
    if priced.problem:
        return _("not possible")
    return _("unknown") if not any(usd for _lane, usd in priced.requests) else _("not offered")


def _show_legend(rows: Sequence[Priced]) -> None:
    """Explain the marks that are in the chart."""
    if any(row.is_range for row in rows):
        st.caption(
            _(
                "≈ hatched: the vendor does not publish how this model counts images; the number "
                "is the likeliest of a range."
            )
        )
    if any(row.card.origin is Origin.USER for row in rows):
        st.caption(_("✎ described in your models.toml, not by the vendor"))


def _show_table(rows: Sequence[Priced], axis: Axis, own: Scenario) -> None:
    columns: dict[str, Any] = {
        "usd": st.column_config.NumberColumn(_("USD a month"), format="$%.2f"),
        "low": st.column_config.NumberColumn(_("At least"), format="$%.2f"),
        "high": st.column_config.NumberColumn(_("At most"), format="$%.2f"),
        "cny": st.column_config.NumberColumn(_("CNY a month"), format="¥%.2f"),
        "one": st.column_config.NumberColumn(_("One picture"), format="$%.6f"),
        "tokens": st.column_config.TextColumn(_("Image tokens")),
        "end": st.column_config.TextColumn(_("Shuts down")),
        "read": st.column_config.TextColumn(_("Price read")),
    }
    st.dataframe(
        [_table_row(row, axis, own) for row in rows],
        hide_index=True,
        column_config=columns,
        placeholder=_("unknown"),
        key="estimate.table",
    )


def _table_row(priced: Priced, axis: Axis, own: Scenario) -> dict[str, Any]:
    month, rate = priced.month, cny_per_usd()
    yuan = {"cny": float(month.expected * rate) if month else None} if rate else {}
    dates = {"end": _day(priced.card.shutdown_date), "read": _day(priced.card.read_date)}
    return {
        axis_name(axis): _label(priced, axis, own),
        "usd": float(month.expected) if month else None,
        "low": float(month.low) if month else None,
        "high": float(month.high) if month else None,
        **yuan,
        "one": float(priced.request.expected) if priced.request else None,
        "tokens": tokens_name(priced),
        **(dates if axis is Axis.MODEL else {}),
    }


def _day(day: Any) -> str:
    """Return a date as text: an empty one means that none is announced, not that it is unknown."""
    return day.isoformat() if day else "–"
