"""Writes down what became of an item, in whichever lane it was answered."""

from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from core.cache import as_cached
from core.course import FREE
from core.errors import (
    AuthenticationError,
    BudgetError,
    InsecureConnectionError,
    ModelUnavailableError,
    PermissionDeniedError,
    QuotaError,
    StorageError,
)
from core.store.batches import SqlBatchStore
from core.store.calls import CallRecord, CallStatus
from core.store.ledger import Ledger
from core.types import Outcome, Success

HOPELESS: Final = frozenset(
    error.code
    for error in (
        AuthenticationError,
        QuotaError,
        ModelUnavailableError,
        PermissionDeniedError,
        InsecureConnectionError,
    )
)
"""The next item would meet the same: the batch pauses, and the item stays queued."""


def stays_queued(outcome: Outcome) -> bool:
    """Say whether an item met what every other one would meet, so that it is not to blame."""
    if isinstance(outcome, Success):
        return False
    return outcome.code in HOPELESS or outcome.code in {BudgetError.code, StorageError.code}


def finish_item(
    store: SqlBatchStore,
    ledger: Ledger,
    connection: Connection,
    item_id: str,
    outcome: Outcome,
    record: CallRecord | None,
    owner: str | None = None,
) -> None:
    """Write an outcome down, also for the items that ask the same, each with its ledger's row.

    Args:
        store: Where items are.
        ledger: Where rows go.
        connection: The transaction that appends the item's own row.
        item_id: Which.
        outcome: What became of it.
        record: Its row, if it has one.
        owner: In whose hands it is; None for this process.
    """
    for_twins = _shared(outcome)
    for twin in store.finish(connection, item_id, outcome, for_twins, owner):
        if record is not None and isinstance(for_twins, Success):
            row = CallRecord(
                planned=replace(record.planned, item=twin, request_id=twin),
                status=CallStatus.SUCCEEDED,
                code=for_twins.held,
                cached=True,
                usage=for_twins.usage,
                cost=for_twins.cost,
                saved_usd=for_twins.saved_usd,
                attempts=0,
            )
            ledger.record_in(connection, row)


def _shared(outcome: Outcome) -> Outcome:
    """Return the outcome of an item as that of those which ask the same: they paid nothing."""
    if isinstance(outcome, Success):
        return as_cached(outcome)
    return replace(outcome, cost=FREE, usage=None, attempts=0)
