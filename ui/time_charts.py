"""Figures over time as plain dicts, for plots that are drawn again every few seconds. Pure.

Margins and ranges are fixed, so that nothing moves but the data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ui.charts import CHOSEN, OTHER, Figure, axis, base_layout, plain

CALM: Final = CHOSEN
PALE: Final = "rgba(42, 145, 135, 0.45)"
WARM: Final = "#c2613d"
QUIET: Final = OTHER
COLOURS: Final = (CHOSEN, "#5b84b8", "#b08a2e", "#8d6fae", WARM, "#5b8a5b", OTHER)

_HEIGHT_PX: Final = 240
_MARGIN: Final = {"l": 52, "r": 10, "t": 6, "b": 52}
_ROW_PX: Final = 26
_LONG: Final = timedelta(days=2)
_VERY_LONG: Final = timedelta(days=200)
# From nothing to many: the plot's ground shows through where nothing happened.
_HEAT: Final = ((0, "rgba(194, 97, 61, 0)"), (0.001, "rgba(194, 97, 61, 0.25)"), (1, WARM))


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


def line_chart(times: Times, traces: Sequence[Trace], unit: "Unit") -> Figure:
    """Return lines over time; single values between gaps are seen as points."""
    data: list[Figure] = [
        {
            **_trace(times, trace, unit),
            "type": "scatter",
            "mode": "lines+markers",
            "line": {"color": trace.colour, "width": 2},
            "marker": {"color": trace.colour, "size": 4},
        }
        for trace in traces
    ]
    return {"data": data, "layout": _time_layout(times, unit)}


def stacked_chart(times: Times, traces: Sequence[Trace], unit: "Unit") -> Figure:
    """Return bars over time, one colour on the other."""
    data: list[Figure] = [
        {
            **_trace(times, trace, unit),
            "type": "bar",
            "marker": {"color": trace.colour, "line": {"width": 0}},
        }
        for trace in traces
    ]
    return {
        "data": data,
        "layout": {
            **_time_layout(times, unit),
            "barmode": "stack",
            "bargap": 0.15,
            "showlegend": True,  # also for the one and only model
        },
    }


def heat_chart(times: Times, rows: Sequence[str], counts: Sequence[Sequence[int]]) -> Figure:
    """Return how often each row's thing happened in each step, the first row on top."""
    trace = {
        "type": "heatmap",
        "x": _text(times),
        "y": [plain(row) for row in rows],
        "z": [list(each) for each in counts],
        "zmin": 0,
        "xgap": 1,
        "ygap": 3,
        "colorscale": [list(each) for each in _HEAT],
        "showscale": False,
        "hovertemplate": "%{y}: %{z}<br>%{x}<extra></extra>",
    }
    layout = {
        **_time_layout(times, COUNT),
        "height": _ROW_PX * len(rows) + 60,
        "margin": {**_MARGIN, "l": 68, "b": 30},
        "hovermode": "closest",
        "yaxis": {**axis(""), "autorange": "reversed", "showgrid": False},
    }
    return {"data": [trace], "layout": layout}


@dataclass(frozen=True, slots=True)
class Unit:
    """How the numbers of an axis are written, in d3's form."""

    ticks: str
    hover: str
    prefix: str = ""
    suffix: str = ""
    most: float | None = None


COUNT: Final = Unit("~s", ",d")
SECONDS: Final = Unit("~g", ".2f", suffix=" s")
DOLLARS: Final = Unit("~g", ".6~f", prefix="$")
PERCENT: Final = Unit(".0%", ".1%", most=1.0)


def _trace(times: Times, trace: Trace, unit: Unit) -> Figure:
    step_ms = times.step.total_seconds() * 1000
    return {
        "name": plain(trace.name),
        "x": _text(times),
        "y": list(trace.values),
        "xperiod": step_ms,
        "xperiod0": _text(times)[0],
        "xperiodalignment": "middle",
        "hovertemplate": f"{unit.prefix}%{{y:{unit.hover}}}{unit.suffix}",
    }


def _text(times: Times) -> list[str]:
    """Return local times without their zone: the browser would change them to its own."""
    return [at.replace(tzinfo=None).isoformat() for at in times.begins]


def _time_layout(times: Times, unit: Unit) -> Figure:
    first = times.begins[0].replace(tzinfo=None)
    return {
        **base_layout(height_px=_HEIGHT_PX),
        "margin": _MARGIN,
        "hovermode": "x unified",
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": -0.14,
            "yanchor": "top",
            "traceorder": "normal",
        },
        "uirevision": "kept",  # what was hidden in the legend stays hidden
        "xaxis": {
            **axis(""),
            "type": "date",
            "range": [first.isoformat(), (first + times.span).isoformat()],
            "tickformat": _tick_format(times.span),
            "hoverformat": "%Y-%m-%d %H:%M:%S",
            "nticks": 5,
            "showgrid": False,
            "tickangle": 0,
        },
        "yaxis": {
            **axis(""),
            **({"range": [0, 1.05 * unit.most]} if unit.most else {"rangemode": "tozero"}),
            "tickformat": unit.ticks,
            "tickprefix": unit.prefix,
            "ticksuffix": unit.suffix,
            "nticks": 5,
        },
    }


def _tick_format(span: timedelta) -> str:
    if span <= timedelta(minutes=10):
        return "%H:%M:%S"
    if span <= _LONG:
        return "%H:%M"
    return "%m-%d" if span <= _VERY_LONG else "%Y-%m"
