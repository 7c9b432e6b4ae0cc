"""Plots over time, for a page that draws them again every few seconds. Pure.

What is drawn again and again has to be small: the browser gets the numbers of all plots, the words
of their axes and nothing else, as one text that is made once for all who look at the same.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil, floor, log10
from typing import Final

from ui.charts import CHOSEN, OTHER

CALM: Final = CHOSEN
PALE: Final = "#8cc7c1"
WARM: Final = "#c2613d"
QUIET: Final = OTHER
COLOURS: Final = (CHOSEN, "#5b84b8", "#b08a2e", "#8d6fae", WARM, "#5b8a5b", OTHER)

_MOST_TICKS: Final = 5
_LABEL_ROOM: Final = 0.04
_PLACES: Final = 6
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86400
_TICKS_S: Final = (
    *(10, 30, _MINUTE_S, 2 * _MINUTE_S, 5 * _MINUTE_S, 15 * _MINUTE_S, 30 * _MINUTE_S),
    *(_HOUR_S, 3 * _HOUR_S, 6 * _HOUR_S, 12 * _HOUR_S),
    *(_DAY_S, 2 * _DAY_S, 7 * _DAY_S, 30 * _DAY_S, 90 * _DAY_S, 365 * _DAY_S),
)


class Kind(StrEnum):
    """How a plot is drawn; heat has a row for each trace, and darker where there is more."""

    LINES = "lines"
    BARS = "bars"
    HEAT = "heat"


@dataclass(frozen=True, slots=True)
class Unit:
    """How numbers are written: `factor` times the number, with at most `digits` places.

    `most` fixes the end of the axis. `is_whole` keeps its ticks from having fractions.
    """

    prefix: str = ""
    suffix: str = ""
    factor: int = 1
    digits: int = 0
    most: float | None = None
    is_whole: bool = False


COUNT: Final = Unit(is_whole=True)
SECONDS: Final = Unit(suffix=" s", digits=2)
DOLLARS: Final = Unit(prefix="$", digits=6)
PERCENT: Final = Unit(suffix="%", factor=100, digits=1, most=1.0)


@dataclass(frozen=True, slots=True)
class Trace:
    """One line, one colour of bars or one row of heat; None leaves a gap."""

    name: str
    values: Sequence[float | None]
    colour: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Traces under a heading; `without` is said where there are none."""

    title: str
    kind: Kind
    traces: Sequence[Trace]
    unit: Unit = COUNT
    without: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """Where an axis has a word: as a share of its length, from its beginning."""

    at: float
    text: str


def to_json(plots: Sequence[Plot], begins: Sequence[datetime], language: str) -> str:
    """Return all that the browser needs.

    Args:
        plots: In the order in which they are shown; each trace has a value for each step.
        begins: When each step begins, in the reader's time zone.
        language: How numbers are written, as in "zh_CN".
    """
    drawn = {
        "language": language.replace("_", "-"),
        "times": [f"{at:%Y-%m-%d %H:%M:%S}" for at in begins],
        "ticks": [asdict(tick) for tick in time_ticks(begins)],
        "plots": [_plain(plot) for plot in plots],
    }
    return json.dumps(drawn, ensure_ascii=False, separators=(",", ":"))


def _plain(plot: Plot) -> dict[str, object]:
    top, ticks = value_axis(plot)
    return {
        "title": plot.title,
        "kind": plot.kind,
        "without": plot.without,
        "unit": asdict(plot.unit),
        "top": top,
        "ticks": [asdict(tick) for tick in ticks],
        "traces": [
            {"name": each.name, "colour": each.colour, "values": [*map(_short, each.values)]}
            for each in plot.traces
        ],
    }


def _short(value: float | None) -> float | None:
    if value is None:
        return None
    return int(value) if value == int(value) else round(value, _PLACES)


def time_ticks(begins: Sequence[datetime]) -> list[Tick]:
    """Return at most five words under a plot, at round times of the reader's clock."""
    first = begins[0]
    step = begins[1] - first if len(begins) > 1 else timedelta(minutes=1)
    span_s = step.total_seconds() * len(begins)
    every_s = next((s for s in _TICKS_S if span_s <= s * _MOST_TICKS), _TICKS_S[-1])
    form, every = _time_form(every_s, span_s), timedelta(seconds=every_s)
    wall = first.replace(tzinfo=None)
    round_time = wall - (wall - datetime(1970, 1, 1)) % every  # noqa: DTZ001 - a clock on a wall
    found = []
    for _n in range(_MOST_TICKS + 1):
        moment = round_time.replace(tzinfo=first.tzinfo)
        at = (moment.timestamp() - first.timestamp()) / span_s
        found.append(Tick(at, f"{moment:{form}}"))
        round_time += every
    return [tick for tick in found if _LABEL_ROOM <= tick.at <= 1 - _LABEL_ROOM]


def _time_form(every_s: int, span_s: float) -> str:
    if every_s < _MINUTE_S:
        return "%H:%M:%S"
    if every_s < _DAY_S:
        return "%H:%M" if span_s <= 2 * _DAY_S else "%m-%d %H:%M"
    return "%m-%d" if every_s < 90 * _DAY_S else "%Y-%m"


def value_axis(plot: Plot) -> tuple[float, list[Tick]]:
    """Return where an axis that begins at 0 ends, and its two to six words."""
    if plot.kind is Kind.HEAT:
        return max(_known(plot), default=1), []
    unit, most = plot.unit, plot.unit.most or max(_heights(plot), default=0) or 1
    step = _round_step(most / 4)
    if unit.is_whole:
        step = ceil(step)
    # What is a hair above a tick, only because of how numbers are kept, does not need the next.
    count = ceil(most / step - 1e-9)
    top = step * count
    return top, [Tick(n / count, _tick_text(step * n, step, unit)) for n in range(count + 1)]


def _known(plot: Plot) -> Iterator[float]:
    return (value for trace in plot.traces for value in trace.values if value is not None)


def _heights(plot: Plot) -> Iterator[float]:
    """Yield how high each step reaches: bars stand on each other."""
    if plot.kind is not Kind.BARS:
        return _known(plot)
    steps = zip(*(trace.values for trace in plot.traces), strict=True)
    return (sum(value or 0 for value in step) for step in steps)


def _round_step(least: float) -> float:
    """Return the smallest of 1, 2, 2.5, 5 and their tens that is not below."""
    ten = 10.0 ** floor(log10(least))
    return next(ten * n for n in (1, 2, 2.5, 5, 10) if ten * n >= least * (1 - 1e-9))


def _tick_text(value: float, step: float, unit: Unit) -> str:
    if unit.is_whole:
        return _with_letter(value)
    shown = step * unit.factor
    places = max(0, -floor(log10(shown)))
    if round(shown, places) != round(shown, places + 2):  # of 0.25 it takes one more
        places += 1
    return f"{unit.prefix}{value * unit.factor:.{places}f}{unit.suffix}"


def _with_letter(value: float) -> str:
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
