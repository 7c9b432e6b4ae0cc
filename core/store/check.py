"""Is the record of batches whole and consistent? Used by the doctor and by every fault test."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, select, text

from core.backoff import PATIENT
from core.batch.types import MOST_DELIVERIES, BatchState, ItemState
from core.phrases import Phrase
from core.store.batch_rows import batches, is_sound, items, seal, tallies
from core.store.calls import EVERYTHING, SEALED, call_seal, calls, purses, reservations
from core.store.job_check import check_jobs
from core.store.rollups import check_rollups
from core.store.transactions import reading

_MOST_ATTEMPTS: Final = max(each.max_attempts for each in PATIENT.backoff_by_error.values())
_IN_PIECES: Final = {"yield_per": 500}
_UNPAID: Final = text("""
    SELECT items.batch, items.position FROM items LEFT JOIN calls ON calls.id = (
        SELECT max(id) FROM calls
        WHERE batch = items.batch AND item = items.id AND status = 'succeeded' AND NOT cached)
    WHERE items.state = 'succeeded' AND NOT items.cached
      AND (calls.id IS NULL OR calls.cost_nano_usd IS NOT items.cost_nano_usd)
""")


def check_store(database: Engine) -> list[Phrase]:
    """Return what is wrong, in words; nothing for a store in which everything holds.

    - Every item that was accepted is there, in exactly one state, and the counts say so.
    - Every row is what was written, by its checksum.
    - Every row of the ledger is what was written, where it has a checksum.
    - Every answer that was paid for has its row in the ledger, with the same cost.
    - What a batch has spent and holds is the sum of its rows, and within its budget.
    - No item was handed out, and no call repeated, more often than allowed.
    - Every item and all money of a job of the Batch API belongs to one that is still open.
    - The sums that metrics are read from are those of the ledger.

    Raises:
        StorageError: If the file itself is damaged.
    """
    with reading(database) as connection:
        return [found for check in _CHECKS for found in check(connection)]


def _file(connection: Connection) -> Iterator[Phrase]:
    for problem in connection.scalars(text("PRAGMA quick_check(5)")):
        if problem != "ok":
            yield Phrase("The file is damaged: {problem}.", {"problem": str(problem)})


def _counts(connection: Connection) -> Iterator[Phrase]:
    key = (items.c.batch, items.c.state, func.coalesce(items.c.code, ""), items.c.cached)
    real = Counter[Any]()
    for *which, count in connection.execute(select(*key, func.count()).group_by(*key)):
        real[tuple(which)] = count
    kept = Counter[Any]()
    for row in connection.execute(select(tallies)).mappings():
        kept[(row["batch"], row["state"], row["code"], row["cached"])] = row["items"]
    for which in sorted(real.keys() | kept.keys(), key=repr):  # damage changes types, too
        if real[which] != kept[which]:
            yield Phrase(
                "Batch {batch}: {real} items are {state}, but {kept} were counted.",
                {
                    "batch": which[0],
                    "state": which[1],
                    "real": real[which],
                    "kept": kept[which],
                },
            )


def _positions(connection: Connection) -> Iterator[Phrase]:
    by_batch = select(items.c.batch, func.count(), func.max(items.c.position)).group_by(
        items.c.batch
    )
    for batch, count, last in connection.execute(by_batch):
        if last != count - 1:
            yield Phrase(
                "Batch {batch}: {missing} items have disappeared.",
                {"batch": batch, "missing": last + 1 - count},
            )


def _seals(connection: Connection) -> Iterator[Phrase]:
    for row in connection.execute(select(batches)).mappings():
        if row["seal"] != seal(row["id"], row["question"]):
            yield Phrase("Batch {batch}: its row was changed.", {"batch": row["id"]})
    found = connection.execution_options(yield_per=500).execute(select(items)).mappings()
    for row in found:
        if not is_sound(row):
            yield Phrase(
                "Batch {batch}: the row of item {position} was changed.",
                {"batch": row["batch"], "position": row["position"]},
            )


def _call_seals(connection: Connection) -> Iterator[Phrase]:
    """Rows from before there were seals have none; from the first one on each has its own."""
    first = connection.scalar(select(func.min(calls.c.id)).where(calls.c.seal.is_not(None)))
    if first is None:
        return
    sealed = (calls.c[name] for name in SEALED)
    query = select(calls.c.id, calls.c.seal, *sealed).where(calls.c.id >= first)
    for row_id, seal_of_row, *values in connection.execute(query, execution_options=_IN_PIECES):
        if seal_of_row != call_seal(values):
            yield Phrase("Row {row} of the ledger was changed.", {"row": row_id})


def _states(connection: Connection) -> Iterator[Phrase]:
    final = [state.value for state in BatchState if state.is_final]
    unfinished = [ItemState.QUEUED.value, ItemState.RUNNING.value]
    query = (
        select(batches.c.id, func.count())
        .join(items, items.c.batch == batches.c.id)
        .where(batches.c.state.in_(final), items.c.state.in_(unfinished))
        .where(batches.c.state != BatchState.CANCELLED.value)
        .group_by(batches.c.id)
    )
    for batch, count in connection.execute(query):
        yield Phrase(
            "Batch {batch} has ended, but {count} items have not.", {"batch": batch, "count": count}
        )


def _paid(connection: Connection) -> Iterator[Phrase]:
    """Compare each answer that was paid for with the newest row of its item in the ledger."""
    for batch, position in connection.execute(_UNPAID):
        yield Phrase(
            "Batch {batch}: the ledger does not agree with what item {position} cost.",
            {"batch": batch, "position": position},
        )


def _purses(connection: Connection) -> Iterator[Phrase]:
    spent: dict[str, int] = dict(_sums(connection, calls.c.batch, calls.c.counted_nano_usd))
    held: dict[str, int] = dict(
        _sums(connection, reservations.c.batch, reservations.c.amount_nano_usd)
    )
    for purse in connection.execute(select(purses).where(purses.c.id != EVERYTHING)):
        real = (spent.get(purse.id, 0), held.get(purse.id, 0))
        if real != (purse.spent_nano_usd, purse.held_nano_usd):
            yield Phrase("Batch {batch}: its money does not add up.", {"batch": purse.id})
        if purse.cap_nano_usd is not None and sum(real) > purse.cap_nano_usd:
            yield Phrase("Batch {batch} has passed its budget.", {"batch": purse.id})


def _spent(connection: Connection) -> Iterator[Phrase]:
    real = connection.scalar(select(func.sum(calls.c.counted_nano_usd))) or 0
    kept = select(purses.c.spent_nano_usd).where(purses.c.id == EVERYTHING)
    if connection.scalar(kept) != real:
        yield Phrase("What was spent does not agree with the rows of the ledger.")


def _sums(connection: Connection, batch: Any, amount: Any) -> Iterator[tuple[str, int]]:
    query = select(batch, func.sum(amount)).where(batch.is_not(None)).group_by(batch)
    yield from (tuple(row) for row in connection.execute(query))


def _attempts(connection: Connection) -> Iterator[Phrase]:
    often = select(items.c.batch, items.c.position).where(items.c.deliveries > MOST_DELIVERIES)
    for batch, position in connection.execute(often):
        yield Phrase(
            "Batch {batch}: item {position} was handed out too often.",
            {"batch": batch, "position": position},
        )
    repeated = select(calls.c.batch).where(
        calls.c.batch.is_not(None), calls.c.attempts > _MOST_ATTEMPTS
    )
    for batch in connection.scalars(repeated.distinct()):
        yield Phrase("Batch {batch}: a call was repeated too often.", {"batch": batch})


_CHECKS: Final[tuple[Callable[[Connection], Iterator[Phrase]], ...]] = (
    _file,
    _counts,
    _positions,
    _seals,
    _call_seals,
    _states,
    _paid,
    _purses,
    _spent,
    _attempts,
    check_jobs,
    check_rollups,
)
