"""Figures as plain dicts: built in well under a millisecond, by pure functions.

Colours are middle tones that stand out on a light and on a dark page; everything else comes from
the page's theme.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Final

from core.token_steps import TokenStep

Figure = dict[str, Any]

CONFIG: Final = {"displayModeBar": False, "scrollZoom": False}
"""For st.plotly_chart: no toolbar, and a finger scrolls the page instead of zooming."""

CHOSEN: Final = "#2a9187"
OTHER: Final = "rgba(128, 144, 143, 0.55)"
_LINES: Final = ("#c2613d", "#5b84b8", "#b08a2e", "#8d6fae")
_BAND: Final = "rgba(42, 145, 135, 0.18)"
_GRID: Final = "rgba(128, 144, 143, 0.25)"
_BAR_PX: Final = 26
_POINT_EVERY_PX: Final = 128


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its length, the text at its end and what hovering over it tells.

    `value` is None where it is not known; `text` then says so. `is_range` hatches the bar.
    """

    label: str
    value: float | None
    text: str
    hover: str
    chosen: bool = False
    is_range: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """The steps of one detail; `usd_per_token` is None where the price is not known."""

    name: str
    steps: Sequence[TokenStep]
    usd_per_token: float | None
    hovers: Sequence[str]
    chosen: bool = False


def bar_chart(bars: Sequence[Bar], axis_title: str) -> Figure:
    """Return horizontal bars in the given order, the first on top."""
    return {"data": [_bar_trace(bars)], "layout": _bar_layout(bars, axis_title)}


def _bar_trace(bars: Sequence[Bar]) -> Figure:
    return {
        "type": "bar",
        "orientation": "h",
        "y": list(range(len(bars))),  # labels may be equal
        "x": [bar.value for bar in bars],
        "text": [_plain(bar.text) for bar in bars],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertext": [_lines(bar.hover) for bar in bars],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {
            "color": [CHOSEN if bar.chosen else OTHER for bar in bars],
            "pattern": {"shape": ["/" if bar.is_range else "" for bar in bars], "size": 5},
            "line": {"width": 0},
        },
    }


def _bar_layout(bars: Sequence[Bar], axis_title: str) -> Figure:
    longest = max((bar.value for bar in bars if bar.value is not None), default=0) or 1
    most = longest * (1 + 0.03 * _longest_text(bars))
    return {
        **_layout(height_px=_BAR_PX * len(bars) + 60),
        "annotations": _unknown_values(bars),
        "bargap": 0.25,
        "showlegend": False,
        "xaxis": {**_axis(axis_title), "range": [0, most]},
        "yaxis": {
            **_axis(""),
            "autorange": "reversed",
            "showgrid": False,
            "automargin": True,
            "tickmode": "array",
            "tickvals": list(range(len(bars))),
            "ticktext": [_bar_label(bar) for bar in bars],
        },
    }


def _unknown_values(bars: Sequence[Bar]) -> list[Figure]:
    """Return the words that stand where a bar would be."""
    return [
        {"x": 0, "y": at, "text": _plain(bar.text), "showarrow": False, "xanchor": "left"}
        for at, bar in enumerate(bars)
        if bar.value is None
    ]


def _bar_label(bar: Bar) -> str:
    return f"<b>{_plain(bar.label)}</b>" if bar.chosen else _plain(bar.label)


def step_chart(
    curves: Sequence[Curve],
    here_px: int,
    x_title: str,
    y_title: str,
    here_label: str,
    *,
    near: bool = False,
) -> Figure:
    """Return price against the longer side in px, a line for each curve, with its steps.

    The price is USD for 1,000 pictures, or tokens where the chosen curve has no price. The chosen
    curve gets a mark at `here_px` and a band where its rule is a range. `near` draws only the
    neighbourhood of the mark, where the steps of patch models can be told apart.
    """
    curves = sorted(curves, key=lambda curve: curve.chosen)  # the chosen one lies on top
    if near:
        curves = [_near(curve, here_px) for curve in curves]
    colours = iter(_LINES * len(curves))
    data: list[Figure] = []
    for curve in curves:
        if curve.chosen:
            data += _band(curve)
        data.append(_line(curve, CHOSEN if curve.chosen else next(colours)))
    data += [_mark(curve, here_px, here_label) for curve in curves if curve.chosen and curve.steps]
    layout = {
        **_layout(height_px=340),
        "hovermode": "closest",
        "hoverdistance": 60,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "xaxis": _axis(x_title) | ({"range": [here_px * 7 / 8, here_px * 9 / 8]} if near else {}),
        "yaxis": {**_axis(y_title), "rangemode": "normal" if near else "tozero"},
    }
    return {"data": data, "layout": layout}


def _near(curve: Curve, here_px: int) -> Curve:
    """Return the steps within an eighth of the size; those at the edges stay whole."""
    low, high = here_px * 7 / 8, here_px * 9 / 8
    kept = [
        (step, hover)
        for step, hover in zip(curve.steps, curve.hovers, strict=True)
        if _side(step, 1) >= low and _side(step, 0) <= high
    ]
    return replace(curve, steps=[step for step, _ in kept], hovers=[hover for _, hover in kept])


def _line(curve: Curve, colour: str) -> Figure:
    points = [
        (side, _y(curve, step.tokens), _lines(hover))
        for step, hover in zip(curve.steps, curve.hovers, strict=True)
        for side in _sides(step)
    ]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": _plain(curve.name),
        "x": [side for side, _, _ in points],
        "y": [y for _, y, _ in points],
        "text": [text for _, _, text in points],
        "hovertemplate": "%{text}<extra></extra>",
        "line": {"color": colour, "width": 3 if curve.chosen else 1.5},
    }


def _band(curve: Curve) -> list[Figure]:
    """Return the space between the least and the most tokens, or nothing where they are equal."""
    if all(step.low_tokens == step.high_tokens for step in curve.steps):
        return []
    x = [side for step in curve.steps for side in (_side(step, 0), _side(step, 1))]
    edge = {"type": "scatter", "mode": "lines", "x": x, "line": {"width": 0}, "hoverinfo": "skip"}
    low = [_y(curve, step.low_tokens) for step in curve.steps for _ in range(2)]
    high = [_y(curve, step.high_tokens) for step in curve.steps for _ in range(2)]
    return [
        {**edge, "y": low, "showlegend": False},
        {**edge, "y": high, "showlegend": False, "fill": "tonexty", "fillcolor": _BAND},
    ]


def _mark(curve: Curve, here_px: int, label: str) -> Figure:
    at = next((n for n, s in enumerate(curve.steps) if _side(s, 1) >= here_px), -1)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": _plain(label),
        "x": [here_px],
        "y": [_y(curve, curve.steps[at].tokens)],
        "text": [_lines(curve.hovers[at])],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"color": CHOSEN, "size": 13, "line": {"color": "white", "width": 2}},
    }


def _sides(step: TokenStep) -> list[int]:
    """Return both ends of a step and, on a long one, points between that can be pointed at."""
    return [*range(_side(step, 0), _side(step, 1), _POINT_EVERY_PX), _side(step, 1)]


def _side(step: TokenStep, end: int) -> int:
    size = (step.smallest, step.largest)[end]
    return max(size.width_px, size.height_px)


def _y(curve: Curve, tokens: int) -> float:
    return tokens if curve.usd_per_token is None else tokens * curve.usd_per_token * 1000


def _layout(height_px: int) -> Figure:
    return {
        "height": height_px,
        "margin": {"l": 8, "r": 12, "t": 12, "b": 44},
        "dragmode": False,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hoverlabel": {"align": "left"},
    }


def _axis(title: str) -> Figure:
    return {
        "title": {"text": _plain(title)},
        "fixedrange": True,
        "gridcolor": _GRID,
        "zeroline": False,
    }


def _longest_text(bars: Sequence[Bar]) -> int:
    """Return for how many characters there must be room beside the longest bar."""
    return max((len(bar.text) for bar in bars), default=0)


def _plain(text: str) -> str:
    """Return text that the chart shows letter by letter: it knows some HTML."""
    return escape(text, quote=False)


def _lines(text: str) -> str:
    return _plain(text).replace("\n", "<br>")
