"""On what terms a question is asked: by whom, how urgently, how patiently, and for which purse."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import Connection

from core.backoff import RetryPolicy
from core.pacing import Urgency
from core.store.calls import CallRecord
from core.types import Outcome

Keep = Callable[[Connection, Outcome, CallRecord | None], None]
"""Writes an outcome down in the transaction that appends its row to the ledger, if it has one."""


@dataclass(slots=True)
class Wire:
    """What a caller and the client tell each other about a request under way.

    `is_out` says that it is with the engine, so that ending it may cost money. `is_last` says that
    its caller has nothing else to do than wait for the last few: one that hangs holds up all.
    """

    is_out: bool = False
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What differs between a person who waits and an item of a batch.

    `front_end` is who asks, for the ledger: "page", "cli", "rest", "batch". `policy` and
    `deadline_s` replace the client's own. `batch` names the purse that pays, which holds
    `budget_usd`; `item` is what it pays for. With `keep`, an outcome counts only once it is on
    disk: when the disk is full the call keeps its place and waits. `wire` is shared with whoever
    asks.
    """

    front_end: str = "page"
    urgency: Urgency = Urgency.PERSON
    policy: RetryPolicy | None = None
    deadline_s: float | None = None
    batch: str | None = None
    item: str | None = None
    budget_usd: Decimal | None = None
    keep: Keep | None = None
    wire: Wire = field(default_factory=Wire)
