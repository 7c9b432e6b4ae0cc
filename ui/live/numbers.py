"""Tiles and plots of one frame, drawn once and repeated for everybody who looks at the same."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from core.metrics import Frame, Metrics, Point
from core.pulse import Pulse
from core.report import rate_text
from ui import format as fmt
from ui import time_charts as charts
from ui.i18n import _
from ui.live.frame import Look, measured
from ui.time_charts import Chart, Times, Trace, Unit

_DRAWINGS_KEPT = 32
_TILE_PX = 150
_PLOT_PX = 330


# Kept is what was drawn; Streamlit compares a sentence faster than what it is made of.
@st.cache_resource(max_entries=_DRAWINGS_KEPT, show_spinner=False, hash_funcs={Look: repr})
def show_numbers(look: Look) -> None:
    """Draw the tiles; Streamlit repeats what was drawn for everybody who looks at the same."""
    frame = measured(look.view, look.pulse)
    if not frame.metrics.requests:
        st.info(
            _("No request was made in this time. Ask something on the Analyze page."),
            icon=":material/monitoring:",
        )
        return
    _show_tiles(frame, look.pulse)
    st.caption(_held_line(frame.metrics) + _money_line(frame.metrics))


@st.cache_resource(max_entries=_DRAWINGS_KEPT, show_spinner=False, hash_funcs={Look: repr})
def show_plots(look: Look) -> None:
    """Draw the plots, as `show_numbers` does the tiles."""
    frame = measured(look.view, look.pulse)
    if frame.metrics.requests:
        _show_plots(frame, ZoneInfo(look.zone))


def _show_tiles(frame: Frame, pulse: Pulse) -> None:
    metrics, points = frame.metrics, frame.points
    tokens = metrics.tokens
    asked = [_requests(point) for point in points]
    with st.grid(4, min_column_width=_TILE_PX, gap="small"):
        _tile(_("Requests"), fmt.count(metrics.requests), asked, "bar")
        _tile(_("Success rate"), _percent(metrics.success_rate), _known(points, _success_share))
        _tile(
            _("Response time (p95)"),
            fmt.seconds(metrics.latency.p95_s),
            _known(points, lambda point: point.p95_s),
        )
        _tile(_("Cost"), fmt.usd(metrics.cost.total_usd), [_usd(point) for point in points], "bar")
        _tile(
            _("Tokens"),
            fmt.count(tokens.input + tokens.output),
            [point.input_tokens + point.output_tokens for point in points],
            "bar",
        )
        _tile(_("Cache hit rate"), _percent(metrics.cache_hit_rate), _known(points, _hit_share))
        _tile(_("In flight"), fmt.count(pulse.in_flight))
        _tile(_("Requests a minute"), rate_text(metrics.throughput_per_minute), asked)


def _tile(name: str, value: str, course: Sequence[float] | None = None, kind: str = "area") -> None:
    st.metric(name, value, border=True, height="stretch", chart_data=course, chart_type=kind)  # type: ignore[arg-type]


def _held_line(metrics: Metrics) -> str:
    """Say how many answers wait for a person, if any do."""
    if not metrics.held:
        return ""
    return _("Held for a person to look at: {count}.").format(count=fmt.count(metrics.held)) + " "


def _money_line(metrics: Metrics) -> str:
    """Say where the cost is from, what was saved, and how well it was foretold."""
    cost = metrics.cost
    parts = [
        _("Measured {usd}").format(usd=fmt.usd(cost.measured_usd)),
        _("estimated {usd}").format(usd=fmt.usd(cost.estimated_usd)),
    ]
    if cost.unknown_calls:
        parts.append(
            _("calls at an unknown cost: {count}").format(count=fmt.count(cost.unknown_calls))
        )
    saved = (
        (_("saved by the cache {usd}"), cost.saved_cache_usd),
        (_("saved by the batch lane {usd}"), cost.saved_batch_usd),
        (_("saved by resizing {usd}"), cost.saved_resizing_usd),
    )
    parts += [text.format(usd=fmt.usd(usd)) for text, usd in saved if usd]
    if metrics.drift is not None:
        parts.append(_("bills against estimates {drift}").format(drift=f"{metrics.drift:+.1%}"))
    return " · ".join(parts).replace("$", r"\$")


def _show_plots(frame: Frame, zone: ZoneInfo) -> None:
    points = frame.points
    times = _times([point.at.astimezone(zone) for point in points])
    plots = {
        "latency": (_("Response times"), _latency(times, points)),
        "requests": (_("Requests by outcome"), _outcomes(times, points)),
        "cost": (_("Cost by model"), _costs(times, points)),
        "tokens": (_("Tokens"), _tokens(times, points)),
        "cache": (_("Cache hit rate"), _cache(times, points)),
        "errors": (_("Errors by code"), _errors(frame, zone)),
    }
    without = {
        "cost": _("Nothing is known to have cost anything in this time."),
        "errors": _("Nothing failed in this time."),
    }
    with st.grid(2, min_column_width=_PLOT_PX, gap="small"):
        for name, (title, chart) in plots.items():
            _plot(name, title, chart, without.get(name, ""))


def _plot(name: str, title: str, chart: Chart | None, without: str) -> None:
    """Draw a plot, or say why there is none."""
    with st.container(border=True, height="stretch", gap="xsmall", key=f"live-{name}"):
        st.markdown(f"**{title}**")
        if chart is None:
            st.caption(without)
            return
        # Of one type also while nothing is known: another type would be another chart.
        rows = pd.DataFrame(chart.rows).astype({"value": float})
        st.vega_lite_chart(rows, chart.spec)


def _times(begins: list[datetime]) -> Times:
    step = begins[1] - begins[0] if len(begins) > 1 else timedelta(minutes=1)
    return Times(tuple(begins), step)


def _latency(times: Times, points: Sequence[Point]) -> Chart:
    lines = (
        Trace(_("median"), tuple(point.p50_s for point in points), charts.CALM),
        Trace("p95", tuple(point.p95_s for point in points), charts.COLOURS[2]),
        Trace("p99", tuple(point.p99_s for point in points), charts.WARM),
    )
    return charts.line_chart(times, lines, charts.SECONDS)


def _outcomes(times: Times, points: Sequence[Point]) -> Chart:
    fresh = tuple(float(point.succeeded - point.cached) for point in points)
    return _stack(
        times,
        charts.COUNT,
        Trace(_("answered"), fresh, charts.CALM),
        Trace(_("from the cache"), tuple(float(p.cached) for p in points), charts.PALE),
        Trace(_("failed"), tuple(float(point.failed) for point in points), charts.WARM),
        Trace(_("stopped"), tuple(float(point.stopped) for point in points), charts.QUIET),
    )


def _costs(times: Times, points: Sequence[Point]) -> Chart | None:
    if not any(map(_usd, points)):
        return None
    models = sorted({model for point in points for model in point.cost_usd})
    return _stack(
        times,
        charts.DOLLARS,
        *(
            Trace(
                model,
                tuple(float(point.cost_usd.get(model, 0)) for point in points),
                charts.COLOURS[at % len(charts.COLOURS)],
            )
            for at, model in enumerate(models)
        ),
    )


def _tokens(times: Times, points: Sequence[Point]) -> Chart:
    return _stack(
        times,
        charts.COUNT,
        Trace(_("input"), tuple(float(point.input_tokens) for point in points), charts.COLOURS[1]),
        Trace(_("output"), tuple(float(point.output_tokens) for point in points), charts.CALM),
    )


def _cache(times: Times, points: Sequence[Point]) -> Chart:
    share = Trace(_("Cache hit rate"), tuple(map(_hit_share, points)), charts.CALM)
    return charts.line_chart(times, [share], charts.PERCENT)


def _errors(frame: Frame, zone: ZoneInfo) -> Chart | None:
    heat = frame.heat
    if not heat.counts:
        return None
    times = _times([at.astimezone(zone) for at in heat.times])
    return charts.heat_chart(times, list(heat.counts), list(heat.counts.values()))


def _stack(times: Times, unit: Unit, *traces: Trace) -> Chart:
    return charts.stacked_chart(times, traces, unit)


def _requests(point: Point) -> int:
    return point.succeeded + point.failed + point.stopped


def _usd(point: Point) -> float:
    return float(sum(point.cost_usd.values()))


def _success_share(point: Point) -> float | None:
    answered = point.succeeded + point.failed
    return point.succeeded / answered if answered else None


def _hit_share(point: Point) -> float | None:
    asked = _requests(point)
    return point.cached / asked if asked else None


def _known(points: Sequence[Point], read: Callable[[Point], float | None]) -> list[float] | None:
    """Return the course of what is known, without steps in which nothing is; None for nothing."""
    return [value for value in map(read, points) if value is not None] or None


def _percent(share: float | None) -> str:
    return _("unknown") if share is None else f"{share:.1%}"
