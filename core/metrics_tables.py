"""Metrics as tables to take away: the steps of a plot, and calls one by one. Pure."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from core.metrics import CallRow, Point
from core.tables import Cell, Column, TableData

_CALLS: Final = (
    *("id", "at", "front_end", "lane", "task", "model", "detail", "status", "code", "cached"),
    *("input_tokens", "output_tokens", "cache_read_tokens", "cost_usd", "cost_basis", "saved_usd"),
    *("latency_s", "first_token_s", "attempts", "request_id", "batch", "item"),
)
_POINTS: Final = (
    *("at", "succeeded", "failed", "stopped", "cached", "p50_s", "p95_s", "p99_s"),
    *("input_tokens", "output_tokens"),
)


def calls_table(rows: Iterable[CallRow]) -> TableData:
    """Return one row for each row of the ledger."""
    return TableData(tuple(map(Column, _CALLS)), tuple(map(_call_cells, rows)))


def series_table(points: Sequence[Point]) -> TableData:
    """Return one row for each step of a plot, with a column for the cost of each model."""
    models = sorted({model for point in points for model in point.cost_usd})
    columns = (*_POINTS, *(f"cost_usd.{model}" for model in models))
    rows = tuple(
        (
            point.at.isoformat(),
            *(point.succeeded, point.failed, point.stopped, point.cached),
            *(_seconds(value) for value in (point.p50_s, point.p95_s, point.p99_s)),
            *(point.input_tokens, point.output_tokens),
            *(point.cost_usd.get(model, Decimal(0)) for model in models),
        )
        for point in points
    )
    return TableData(tuple(map(Column, columns)), rows)


def _call_cells(row: CallRow) -> tuple[Cell, ...]:
    call, planned, usage = row.call, row.call.planned, row.call.usage
    return (
        *(row.id, call.at.isoformat() if call.at else None),
        *(planned.front_end, planned.lane, planned.task, planned.model, planned.detail),
        *(call.status.value, call.code, str(call.cached).lower()),
        usage.input_tokens if usage else None,
        usage.output_tokens if usage else None,
        usage.cache_read_tokens if usage else None,
        *(call.cost.usd, call.cost.basis.value, call.saved_usd),
        *(_seconds(call.latency_s), _seconds(call.first_token_s)),
        *(call.attempts, planned.request_id, planned.batch, planned.item),
    )


def _seconds(value_s: float | None) -> Decimal | None:
    return None if value_s is None else Decimal(str(round(value_s, 4)))
