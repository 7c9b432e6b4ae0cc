"""Charts over time, for plots that are drawn again every few seconds. Pure.

They are Vega-Lite, not Plotly: Streamlit hands new rows to a chart that is there already, where a
Plotly figure is thrown away and made anew. The spec changes only when time moves on, and all sizes
are fixed, so that nothing moves but the data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ui.charts import CHOSEN, OTHER

Row = dict[str, Any]

CALM: Final = CHOSEN
PALE: Final = "#8cc7c1"
WARM: Final = "#c2613d"
QUIET: Final = OTHER
COLOURS: Final = (CHOSEN, "#5b84b8", "#b08a2e", "#8d6fae", WARM, "#5b8a5b", OTHER)

_HEIGHT_PX: Final = 230
_BAR_PX: Final = 5
_ROW_PX: Final = 26
_AXIS_PX: Final = 40
_LONG: Final = timedelta(days=2)
_VERY_LONG: Final = timedelta(days=200)
_HOVER_TIME: Final = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Times:
    """The steps of a plot: when each begins, in the reader's time zone, and how long they are."""

    begins: tuple[datetime, ...]
    step: timedelta

    @property
    def span(self) -> timedelta:
        """Return how long it is from the first step to the end of the last."""
        return self.step * len(self.begins)


@dataclass(frozen=True, slots=True)
class Trace:
    """One line or one colour of bars; None leaves a gap."""

    name: str
    values: tuple[float | None, ...]
    colour: str


@dataclass(frozen=True, slots=True)
class Unit:
    """How the numbers of an axis are written, in d3's form; `most` fixes the axis' end."""

    ticks: str
    hover: str
    most: float | None = None
    suffix: str = ""


COUNT: Final = Unit("~s", ",d")
SECONDS: Final = Unit("~f", ",.2f", suffix=" s")
DOLLARS: Final = Unit("$~f", "$,.6~f")
PERCENT: Final = Unit(".0%", ".1%", most=1.0)


@dataclass(frozen=True, slots=True)
class Chart:
    """A Vega-Lite spec and its rows."""

    spec: Row
    rows: list[Row]


def line_chart(times: Times, traces: Sequence[Trace], unit: Unit) -> Chart:
    """Return lines over time; single values between gaps are seen as points."""
    mark = {"type": "line", "point": {"size": 14}, "strokeWidth": 2}
    encoding = _encoding(times, traces, unit)
    if len(traces) == 1:
        encoding["color"]["legend"] = None  # the heading says what it is
    return Chart({"mark": mark, "encoding": encoding, "height": _HEIGHT_PX}, _rows(times, traces))


def stacked_chart(times: Times, traces: Sequence[Trace], unit: Unit) -> Chart:
    """Return bars over time, one colour on the other."""
    encoding = _encoding(times, traces, unit)
    encoding["y"]["stack"] = "zero"
    encoding["order"] = {"field": "rank", "type": "quantitative"}
    mark = {"type": "bar", "size": _BAR_PX}
    spec = {"mark": mark, "encoding": encoding, "height": _HEIGHT_PX}
    return Chart(spec, _rows(times, traces))


def heat_chart(times: Times, names: Sequence[str], counts: Sequence[Sequence[int]]) -> Chart:
    """Return how often each named thing happened in each step, the first on top."""
    rows = [
        {
            "at": at.isoformat(),
            "end": (at + times.step).isoformat(),
            "name": name,
            "value": count,
        }
        for name, each in zip(names, counts, strict=True)
        for at, count in zip(_local(times), each, strict=True)
        if count
    ]
    encoding = {
        "x": _x(times) | {"field": "at"},
        "x2": {"field": "end"},
        "y": {"field": "name", "type": "nominal", "title": None, "scale": {"domain": list(names)}},
        "color": {
            "field": "value",
            "type": "quantitative",
            "legend": None,
            "scale": {"range": ["#f0c9b8", WARM], "domainMin": 1},
        },
        "tooltip": _tooltip(COUNT),
    }
    height_px = _ROW_PX * len(names) + _AXIS_PX
    return Chart({"mark": "rect", "encoding": encoding, "height": height_px}, rows)


def _encoding(times: Times, traces: Sequence[Trace], unit: Unit) -> Row:
    return {"x": _x(times), "y": _y(unit), "color": _colour(traces), "tooltip": _tooltip(unit)}


def _x(times: Times) -> Row:
    first = _local(times)[0]
    return {
        "field": "middle",
        "type": "temporal",
        "title": None,
        "scale": {"domain": [first.isoformat(), (first + times.span).isoformat()]},
        "axis": {
            "format": _tick_format(times.span),
            "tickCount": 5,
            "grid": False,
            "labelOverlap": True,
            "labelAngle": 0,
        },
    }


def _y(unit: Unit) -> Row:
    return {
        "field": "value",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [0, unit.most]} if unit.most else {"zero": True},
        "axis": {
            "format": unit.ticks,
            "labelExpr": f"datum.label + '{unit.suffix}'",
            "tickCount": 4,
            "minExtent": 40,
        },
    }


def _colour(traces: Sequence[Trace]) -> Row:
    names, colours = [trace.name for trace in traces], [trace.colour for trace in traces]
    return {
        "field": "name",
        "type": "nominal",
        "title": None,
        "scale": {"domain": names, "range": colours},
        "legend": {
            "orient": "bottom",
            "columns": 3,
            "columnPadding": 10,
            "offset": 6,
            "padding": 0,
            "labelFontSize": 12,
            "symbolSize": 60,
        },
    }


def _tooltip(unit: Unit) -> list[Row]:
    return [
        {"field": "at", "type": "temporal", "title": " ", "format": _HOVER_TIME},
        {"field": "name", "type": "nominal", "title": " "},
        {"field": "value", "type": "quantitative", "title": " ", "format": unit.hover},
    ]


def _rows(times: Times, traces: Sequence[Trace]) -> list[Row]:
    return [
        {
            "at": at.isoformat(),
            "middle": (at + times.step / 2).isoformat(),
            "name": trace.name,
            "rank": rank,
            "value": value,
        }
        for rank, trace in enumerate(traces)
        for at, value in zip(_local(times), trace.values, strict=True)
    ]


def _local(times: Times) -> list[datetime]:
    """Return local times without their zone: the browser would change them to its own."""
    return [at.replace(tzinfo=None) for at in times.begins]


def _tick_format(span: timedelta) -> str:
    if span <= timedelta(minutes=10):
        return "%H:%M:%S"
    if span <= _LONG:
        return "%H:%M"
    return "%m-%d" if span <= _VERY_LONG else "%Y-%m"
