"""Tiles and plots of one frame, drawn once and repeated for everybody who looks at the same."""

from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

import streamlit as st

from core.metrics import ErrorHeat, Frame, Metrics, Point
from core.pulse import Pulse
from core.report import rate_text
from ui import format as fmt
from ui import time_charts as charts
from ui.i18n import _
from ui.live.alerts import show_active
from ui.live.frame import Look, measured, shared
from ui.time_charts import Kind, Plot, Trace

_DRAWINGS_KEPT = 32
_TILE_PX = 150


# Streamlit compares a text faster than what it is made of.
@st.cache_resource(max_entries=_DRAWINGS_KEPT, show_spinner=False, hash_funcs={Look: repr})
def show_now(look: Look) -> None:
    """Draw alerts and tiles; Streamlit repeats them for everybody who looks at the same."""
    show_active(look.zone)
    frame = measured(look.view, look.pulse)
    if not frame.metrics.requests:
        st.info(
            _("No request was made in this time. Ask something on the Analyze page."),
            icon=":material/monitoring:",
        )
        return
    _show_tiles(frame, look.pulse)
    st.caption(_held_line(frame.metrics) + _money_line(frame.metrics))


@shared
def plotted(look: Look) -> str:
    """Return the plots as `ui.widgets.plots` takes them; empty without a request."""
    frame, zone = measured(look.view, look.pulse), ZoneInfo(look.zone)
    if not frame.metrics.requests:
        return ""
    begins = [point.at.astimezone(zone) for point in frame.points]
    return charts.to_json(_plots(frame), begins, look.language)


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


def _plots(frame: Frame) -> list[Plot]:
    points = frame.points
    return [
        _latency(points),
        _outcomes(points),
        _costs(points),
        _tokens(points),
        _cache(points),
        _errors(frame.heat),
    ]


def _latency(points: Sequence[Point]) -> Plot:
    traces = (
        Trace(_("median"), [point.p50_s for point in points], charts.CALM),
        Trace("p95", [point.p95_s for point in points], charts.COLOURS[2]),
        Trace("p99", [point.p99_s for point in points], charts.WARM),
    )
    is_known = any(point.p50_s is not None for point in points)
    without = _("No response time is known: only what a model answers at once is timed.")
    return Plot(
        _("Response times"), Kind.LINES, traces if is_known else (), charts.SECONDS, without
    )


def _outcomes(points: Sequence[Point]) -> Plot:
    traces = (
        Trace(_("answered"), [p.succeeded - p.cached for p in points], charts.CALM),
        Trace(_("from the cache"), [point.cached for point in points], charts.PALE),
        Trace(_("failed"), [point.failed for point in points], charts.WARM),
        Trace(_("stopped"), [point.stopped for point in points], charts.QUIET),
    )
    return Plot(_("Requests by outcome"), Kind.BARS, traces)


def _costs(points: Sequence[Point]) -> Plot:
    models = sorted({model for point in points for model in point.cost_usd})
    traces = [
        Trace(
            model,
            [float(point.cost_usd.get(model, 0)) for point in points],
            charts.COLOURS[at % len(charts.COLOURS)],
        )
        for at, model in enumerate(models)
    ]
    shown = traces if any(map(_usd, points)) else ()
    without = _("Nothing is known to have cost anything in this time.")
    return Plot(_("Cost by model"), Kind.BARS, shown, charts.DOLLARS, without)


def _tokens(points: Sequence[Point]) -> Plot:
    traces = (
        Trace(_("input"), [point.input_tokens for point in points], charts.COLOURS[1]),
        Trace(_("output"), [point.output_tokens for point in points], charts.CALM),
    )
    return Plot(_("Tokens"), Kind.BARS, traces)


def _cache(points: Sequence[Point]) -> Plot:
    title = _("Cache hit rate")
    share = Trace(title, [*map(_hit_share, points)], charts.CALM)
    return Plot(title, Kind.LINES, [share], charts.PERCENT)


def _errors(heat: ErrorHeat) -> Plot:
    traces = [Trace(code, counts, charts.WARM) for code, counts in heat.counts.items()]
    without = _("Nothing failed in this time.")
    return Plot(_("Errors by code"), Kind.HEAT, traces, without=without)


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
