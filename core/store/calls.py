"""What the ledger keeps about calls, and the two tables it keeps it in."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, String, Table

from core.types import Cost, TokenUsage

_NANO_PER_USD = 1_000_000_000


class CallStatus(StrEnum):
    """How one call ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"  # by the person, before the answer was complete
    RETRIED = "retried"  # an attempt that brought nothing but may have been billed
    LOST = "lost"  # its process ended before the answer came


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """What is known about a call before it is made; None means unknown.

    `front_end` is who asked: page, cli, rest, batch. `batch` and `item` say for what, where it is
    an item of a batch. The estimates come from the quote. `lane` is how it was served: realtime,
    batch, flex. `request_id` is shared by the attempts of one request, and `source_digest` names
    the original picture.
    """

    front_end: str
    task: str
    model: str
    engine: str
    detail: str
    request_key: str
    estimated_input_tokens: int | None = None
    estimated_output_tokens: int | None = None
    estimated_usd: Decimal | None = None
    batch: str | None = None
    item: str | None = None
    lane: str = "realtime"
    request_id: str | None = None
    source_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Money to set aside for a call: the most that it can cost, in USD, under a new id."""

    reservation_id: str
    planned: PlannedCall
    amount_usd: Decimal


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One row of the ledger.

    `code` is the diagnosis code of a call that did not succeed. `at` is set by the ledger.
    `saved_usd` is what a cached answer would have cost again, or what an answer of the batch lane
    would have cost more at once. `saved_by_resizing_usd` is the quote at the original size minus
    that at the size that was sent; None where one of them is unknown.
    """

    planned: PlannedCall
    status: CallStatus
    cost: Cost
    code: str | None = None
    cached: bool = False
    usage: TokenUsage | None = None
    saved_usd: Decimal | None = None
    saved_by_resizing_usd: Decimal | None = None
    latency_s: float = 0.0
    first_token_s: float | None = None
    attempts: int = 1
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Spending:
    """Money that was spent and money that calls under way may still spend, in USD."""

    spent_usd: Decimal
    reserved_usd: Decimal


@dataclass(frozen=True, slots=True)
class DriftPair:
    """Input tokens of one call: what the quote said and what the server billed."""

    estimated_tokens: int
    billed_tokens: int


def to_nano(usd: Decimal | None) -> int | None:
    """Return an amount as whole nano-USD: SQLite adds whole numbers exactly."""
    if usd is None:
        return None
    return int((usd * _NANO_PER_USD).to_integral_value(ROUND_HALF_EVEN))


def from_nano(nano: int | None) -> Decimal | None:
    """Return an amount in USD."""
    return None if nano is None else Decimal(nano) / _NANO_PER_USD


def call_seal(values: Sequence[Any]) -> str:
    """Return the checksum of a row of `calls`, over the values of `SEALED`: 32 hex digits."""
    return sha256(json.dumps(values).encode()).hexdigest()[:32]


def _planned_columns() -> list[Column[object]]:
    return [
        Column("front_end", String, nullable=False),
        Column("task", String, nullable=False),
        Column("model", String, nullable=False),
        Column("engine", String, nullable=False),
        Column("detail", String, nullable=False),
        Column("request_key", String, nullable=False),
        Column("estimated_input_tokens", Integer),
        Column("estimated_output_tokens", Integer),
        Column("estimated_nano_usd", Integer),
        Column("batch", String),
        Column("item", String),
        Column("lane", String, nullable=False),
        Column("request_id", String),
        Column("source_digest", String),
    ]


metadata = MetaData()

calls = Table(
    "calls",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at_s", Float, nullable=False, index=True),
    *_planned_columns(),
    Column("status", String, nullable=False),
    Column("code", String),
    Column("cached", Boolean, nullable=False),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cache_read_tokens", Integer),
    Column("cache_write_tokens", Integer),
    Column("reasoning_tokens", Integer),
    Column("cost_nano_usd", Integer),
    Column("cost_basis", String, nullable=False),
    # What the budget counts: the cost, or the estimate where the cost is not known.
    Column("counted_nano_usd", Integer, nullable=False),
    Column("saved_nano_usd", Integer),
    Column("latency_s", Float, nullable=False),
    Column("first_token_s", Float),
    Column("attempts", Integer, nullable=False),
    Column("saved_by_resizing_nano_usd", Integer),
    Column("seal", String),
)
SEALED = tuple(column.name for column in calls.columns if column.name not in {"id", "seal"})
"""What the seal of a row is taken over."""
Index("calls_by_model", calls.c.model, calls.c.id)
Index("calls_by_request", calls.c.request_id, sqlite_where=calls.c.request_id.is_not(None))
Index("calls_by_item", calls.c.batch, calls.c.item, sqlite_where=calls.c.batch.is_not(None))

reservations = Table(
    "reservations",
    metadata,
    Column("id", String, primary_key=True),
    Column("at_s", Float, nullable=False),
    Column("owner", String, nullable=False),
    Column("amount_nano_usd", Integer, nullable=False),
    *_planned_columns(),
)

EVERYTHING = ""
"""The purse of the whole ledger; it says what was spent, and holds nothing."""

# What a batch may spend, has spent and holds for open calls: reserving looks at one row.
purses = Table(
    "purses",
    metadata,
    Column("id", String, primary_key=True),
    Column("cap_nano_usd", Integer),
    Column("spent_nano_usd", Integer, nullable=False),
    Column("held_nano_usd", Integer, nullable=False),
)
