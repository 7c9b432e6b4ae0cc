"""A batch in numbers, from counts that are kept: cheap enough to be asked every second."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import Connection, Engine, RowMapping, func, select, text

from core.batch.types import BatchId, BatchProgress, BatchState, ItemState, JobLane
from core.store.batch_rows import batches, items, left_out, moment, phrase_codec, tallies
from core.store.calls import from_nano, purses
from core.store.transactions import reading

_SAVED: Final = text("SELECT sum(saved_nano_usd) FROM jobs WHERE batch = :batch")
_RATE_WINDOW_S: Final = 30.0


class BatchFigures:
    """Reads progress; `clock` gives seconds since 1970."""

    def __init__(self, database: Engine, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def progress(self, batch_id: BatchId) -> BatchProgress | None:
        """Return one batch as it stands, or None if there is none."""
        with reading(self._database) as connection:
            row = (
                connection.execute(select(batches).where(batches.c.id == batch_id))
                .mappings()
                .first()
            )
            return None if row is None else self._progress(connection, row)

    def newest(self, limit: int = 100, offset: int = 0) -> list[BatchProgress]:
        """Return batches, newest first."""
        query = select(batches).order_by(batches.c.created_at_s.desc())
        with reading(self._database) as connection:
            rows = connection.execute(query.offset(offset).limit(limit)).mappings().all()
            return [self._progress(connection, row) for row in rows]

    def _progress(self, connection: Connection, row: RowMapping) -> BatchProgress:
        batch_id = row["id"]
        counted = connection.execute(select(tallies).where(tallies.c.batch == batch_id)).mappings()
        purse = connection.execute(select(purses).where(purses.c.id == batch_id)).mappings().one()
        skipped = connection.scalar(select(func.count()).where(left_out.c.batch == batch_id))
        saved = connection.scalar(_SAVED, {"batch": batch_id})
        known = _as_kept(row, _Counts(counted.all()), purse, skipped or 0, from_nano(saved))
        return self._with_course(connection, known)

    def _with_course(self, connection: Connection, known: BatchProgress) -> BatchProgress:
        """Add how fast it goes and how it will have ended."""
        remaining = known.queued + known.running
        is_moving = known.state is BatchState.RUNNING
        rate = self._rate_per_minute(connection, known) if is_moving else None
        return replace(
            known,
            rate_per_minute=rate,
            projected_usd=_projected_usd(known, remaining),
            projected_end=moment(self._clock() + remaining / rate * 60) if rate else None,
        )

    def _rate_per_minute(self, connection: Connection, known: BatchProgress) -> float | None:
        """Return how many items end in a minute, as of late; None when nothing has ended."""
        now_s = self._clock()
        started_s = known.started_at.timestamp() if known.started_at else now_s
        window_s = min(_RATE_WINDOW_S, now_s - started_s)
        if window_s <= 0:
            return None
        ended = connection.scalar(
            select(func.count()).where(
                items.c.batch == known.id, items.c.finished_at_s > now_s - window_s
            )
        )
        return ended * 60 / window_s if ended else None


class _Counts:
    def __init__(self, rows: Sequence[RowMapping]) -> None:
        self._by_state = Counter[str]()
        self.cached = 0
        self.held: dict[str, int] = {}
        self.failures: dict[str, int] = {}
        for row in rows:
            self._by_state[row["state"]] += row["items"]
            self.cached += row["items"] if row["cached"] else 0
            if row["code"] and row["items"]:
                is_held = row["state"] == ItemState.SUCCEEDED
                of_code = self.held if is_held else self.failures
                of_code[row["code"]] = of_code.get(row["code"], 0) + row["items"]
        self.total = self._by_state.total()

    def of(self, state: ItemState) -> int:
        return self._by_state[state.value]


def _as_kept(
    row: RowMapping, counts: _Counts, purse: RowMapping, skipped: int, saved_usd: Decimal | None
) -> BatchProgress:
    """Return what the rows say; how it goes on is not known from them."""
    return BatchProgress(
        id=row["id"],
        name=row["name"],
        state=BatchState(row["state"]),
        lane=JobLane(row["lane"]),
        total=counts.total,
        queued=counts.of(ItemState.QUEUED),
        running=counts.of(ItemState.RUNNING),
        succeeded=counts.of(ItemState.SUCCEEDED),
        failed=counts.of(ItemState.FAILED),
        cancelled=counts.of(ItemState.CANCELLED),
        cached=counts.cached,
        left_out=skipped,
        cost_usd=from_nano(purse["spent_nano_usd"]) or Decimal(0),
        reserved_usd=from_nano(purse["held_nano_usd"]) or Decimal(0),
        budget_usd=from_nano(purse["cap_nano_usd"]),
        max_items=row["max_items"],
        priority=row["priority"],
        is_intake_complete=row["is_intake_complete"],
        created_at=datetime.fromtimestamp(row["created_at_s"], UTC),
        started_at=moment(row["started_at_s"]),
        finished_at=moment(row["finished_at_s"]),
        failures=counts.failures,
        held=sum(counts.held.values()),
        held_codes=counts.held,
        reason_code=row["reason_code"],
        reason=phrase_codec.validate_json(row["reason"]) if row["reason"] else None,
        rerun_of=row["rerun_of"],
        ready_by=moment(row["ready_by_s"]),
        saved_batch_usd=saved_usd or Decimal(0),
    )


def _projected_usd(known: BatchProgress, remaining: int) -> Decimal | None:
    """Return what the whole will have cost if the rest costs what the done ones did."""
    if not known.done:
        return None
    return known.cost_usd + known.cost_usd * remaining / known.done
