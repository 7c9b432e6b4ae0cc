"""Batches and their items on disk.

Methods that write take a connection from `writing`, so that a group of them shares a transaction;
methods that read open their own. A process takes a batch up as its driver and then claims items.
Both are free again as soon as that process is dead: no clock is asked.
"""

import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    RowMapping,
    func,
    insert,
    select,
    update,
)

from core.batch.types import (
    MOST_DELIVERIES,
    BatchId,
    BatchItem,
    BatchState,
    ItemState,
    JobLane,
    LeftOut,
    NewBatch,
    NewItem,
    first_lane,
)
from core.errors import (
    BudgetError,
    InputNotUsableError,
    LostCallError,
)
from core.phrases import Phrase
from core.store.batch_reader import BatchReader
from core.store.batch_rows import (
    NO_OUTCOME,
    batches,
    item_from_row,
    item_row,
    items,
    left_out,
    outcome_values,
    phrase_text,
    question_from_row,
    question_text,
    seal,
    twin_key,
)
from core.store.batch_statements import (
    ASKED,
    CLAIM,
    FINISH,
    FIRST_TWIN,
    INSERT_ITEM,
    LET_GO,
    OPEN,
    RELEASE,
    REQUEUE,
    TWINS,
)
from core.store.calls import from_nano, purses, to_nano
from core.store.owners import is_dead, this_process
from core.types import Cost, CostBasis, Failure, Outcome


class SqlBatchStore(BatchReader):
    """Batches in the database of the data directory; every method may raise StorageError.

    Args:
        database: From `open_database`.
        clock: Seconds since 1970, for what people are shown; nothing is decided by it.
    """

    def __init__(self, database: Engine, clock: Callable[[], float] = time.time) -> None:
        super().__init__(database)
        self.owner = this_process()
        self._clock = clock

    # Taking in

    def add(self, connection: Connection, batch: NewBatch) -> None:
        """Write down a batch whose items are still to come."""
        question = question_text(batch.question)
        row = {
            "id": batch.id,
            "name": batch.name,
            "state": BatchState.QUEUED.value,
            "lane": batch.lane.value,
            "question": question,
            "seal": seal(batch.id, question),
            "priority": batch.priority,
            "max_items": batch.max_items,
            "is_intake_complete": False,
            "driver": self.owner,
            "rerun_of": batch.rerun_of,
            "ready_by_s": batch.ready_by.timestamp() if batch.ready_by else None,
            "created_at_s": self._clock(),
        }
        connection.execute(insert(batches), row)

    def add_items(self, connection: Connection, batch_id: BatchId, new: Iterable[NewItem]) -> None:
        """Append items; one that asks the same as an earlier one waits for that one's answer."""
        of_batch = select(batches.c.lane).where(batches.c.id == batch_id)
        chosen = JobLane(connection.execute(of_batch).scalar_one())
        for item in new:
            key = twin_key(item)
            first = None
            if key is not None:
                first = connection.scalar(FIRST_TWIN, {"of": batch_id, "key": key})
            row = item_row(batch_id, item, key, first, self._clock())
            row["lane"] = first_lane(chosen, item.priority).value
            connection.execute(INSERT_ITEM, row)

    def leave_out(self, connection: Connection, batch_id: BatchId, what: LeftOut) -> None:
        """Remember something that is no item."""
        row = {"batch": batch_id, "name": what.name, "why": phrase_text(what.why)}
        connection.execute(insert(left_out), row)

    def complete_intake(self, connection: Connection, batch_id: BatchId) -> None:
        """Say that every item is there: now the batch can be started."""
        self._change(connection, batch_id, is_intake_complete=True, driver=None)

    # Working

    def take_up(self, connection: Connection, batch_id: BatchId) -> bool:
        """Make this process the driver of a batch that no living process drives.

        What a dead process had in hand is queued again; what was handed out too often fails.
        """
        row = connection.execute(select(batches).where(batches.c.id == batch_id)).mappings().one()
        driver = row["driver"]
        if driver not in (None, self.owner) and not is_dead(driver):
            return False
        self._change(connection, batch_id, driver=self.owner)
        self.requeue_orphans(connection, batch_id)
        return True

    def let_go(self, connection: Connection, batch_id: BatchId, *, anyway: bool) -> bool:
        """Drive a batch no longer: one that runs no more, or `anyway`; say whether that was so."""
        values = {"batch": batch_id, "owner": self.owner, "anyway": anyway}
        return connection.execute(LET_GO, values).rowcount > 0

    def abandon_intakes(self, connection: Connection) -> None:
        """Cancel batches whose process died before all their items were there."""
        begun = select(batches).where(
            batches.c.is_intake_complete.is_(False), batches.c.state == BatchState.QUEUED.value
        )
        for row in connection.execute(begun).mappings().all():
            if row["driver"] is not None and is_dead(row["driver"]):
                self.cancel(connection, row["id"])
                reason = phrase_text(_INTAKE_CUT)
                self._change(connection, row["id"], reason_code=LostCallError.code, reason=reason)

    def requeue_orphans(self, connection: Connection, batch_id: BatchId) -> None:
        """Queue again what processes had in hand that are dead now."""
        running = (items.c.batch == batch_id, items.c.state == ItemState.RUNNING.value)
        owners = connection.scalars(select(items.c.owner).where(*running).distinct()).all()
        for owner in owners:
            if owner is not None and not is_dead(owner):
                continue
            lost = (*running, items.c.owner == owner)
            given_up = select(items.c.id).where(*lost, items.c.deliveries >= MOST_DELIVERIES)
            for item_id in connection.scalars(given_up).all():
                self._end(connection, item_id, _GIVEN_UP, ItemState.RUNNING, None)
            connection.execute(REQUEUE, {"batch": batch_id, "owner": owner})

    def claim(
        self,
        connection: Connection,
        batch_id: BatchId,
        most: int,
        lane: JobLane = JobLane.REALTIME,
        owner: str | None = None,
    ) -> list[BatchItem]:
        """Take up to `most` items of a running batch that this process drives, the first first.

        Args:
            connection: A transaction from `writing`.
            batch_id: Whose.
            most: How many at most.
            lane: Which they wait for.
            owner: Whose they are from now on: this process's, unless a job takes them.
        """
        row = connection.execute(select(batches).where(batches.c.id == batch_id)).mappings().one()
        usual = question_from_row(row)
        if row["max_items"] is not None:
            most = min(most, row["max_items"] - _asked(connection, batch_id))
        if most <= 0:
            return []
        found = connection.execute(
            CLAIM,
            {
                "batch": batch_id,
                "lane": lane.value,
                "owner": owner or self.owner,
                "driver": self.owner,
                "most": most,
            },
        ).mappings()
        rows = sorted(found.all(), key=lambda each: (each["deliveries"], each["rank"]))
        return [item_from_row(each, usual) for each in rows]

    def finish(
        self,
        connection: Connection,
        item_id: str,
        outcome: Outcome,
        for_twins: Outcome,
        owner: str | None = None,
    ) -> list[str]:
        """Give an item that this process or `owner` has in hand its outcome, and its twins theirs.

        Returns the ids of the twins; none if the item is no longer theirs.
        """
        owner = owner or self.owner
        first = self._end(connection, item_id, outcome, ItemState.RUNNING, owner)
        if first is None or not first.has_twins:
            return []
        twins = list(connection.scalars(TWINS, {"first": first.seq}))
        for twin in twins:
            self._end(connection, twin, for_twins, ItemState.QUEUED, None)
        return twins

    def release(self, connection: Connection, item_ids: Iterable[str]) -> None:
        """Put items back that this process took and did not finish."""
        for item_id in item_ids:
            connection.execute(RELEASE, {"item": item_id, "owner": self.owner})

    def settle(self, connection: Connection, batch_id: BatchId) -> BatchState:
        """End a batch of which nothing is left to do, and return its state."""
        row = connection.execute(select(batches).where(batches.c.id == batch_id)).mappings().one()
        state = BatchState(row["state"])
        if state not in {BatchState.RUNNING, BatchState.PAUSED} or not row["is_intake_complete"]:
            return state
        if connection.scalar(OPEN, {"batch": batch_id}):
            is_running = state is BatchState.RUNNING
            return self._pause_at_most_items(connection, row) if is_running else state
        failed = connection.scalar(
            select(func.count()).where(
                items.c.batch == batch_id, items.c.state == ItemState.FAILED.value
            )
        )
        state = BatchState.FAILED if failed else BatchState.SUCCEEDED
        self._change(connection, batch_id, state=state.value, finished_at_s=self._clock())
        return state

    def _pause_at_most_items(self, connection: Connection, row: RowMapping) -> BatchState:
        """Pause a batch that has asked about as many items as it may."""
        if row["max_items"] is None or _asked(connection, row["id"]) < row["max_items"]:
            return BatchState.RUNNING
        why = Phrase("The limit of {count} items is reached.", {"count": row["max_items"]})
        self.pause(connection, row["id"], BudgetError.code, why)
        return BatchState.PAUSED

    def _end(
        self,
        connection: Connection,
        item_id: str,
        outcome: Outcome,
        was: ItemState,
        owner: str | None,
    ) -> Row[Any] | None:
        """Write an outcome down; return the item's `seq` and whether it `has_twins`, if it was."""
        values = outcome_values(item_id, outcome, self._clock())
        found = connection.execute(FINISH, values | {"of": item_id, "was": was.value, "by": owner})
        return found.one_or_none()

    # What a person decides

    def begin(self, connection: Connection, batch_id: BatchId) -> None:
        """Let a batch be worked on: one that is new, was paused, or has new items to try."""
        row = connection.execute(select(batches).where(batches.c.id == batch_id)).mappings().one()
        self._change(
            connection,
            batch_id,
            state=BatchState.RUNNING.value,
            reason_code=None,
            reason=None,
            started_at_s=row["started_at_s"] or self._clock(),
            finished_at_s=None,
        )

    def pause(
        self,
        connection: Connection,
        batch_id: BatchId,
        code: str | None = None,
        reason: Phrase | None = None,
    ) -> bool:
        """Hand out no more items; what is under way goes on. Say whether it was running."""
        paused = connection.execute(
            update(batches)
            .where(batches.c.id == batch_id, batches.c.state == BatchState.RUNNING.value)
            .values(
                state=BatchState.PAUSED.value,
                reason_code=code,
                reason=phrase_text(reason) if reason else None,
            )
        )
        return paused.rowcount > 0

    def limit(
        self,
        connection: Connection,
        batch_id: BatchId,
        budget_usd: Decimal | None,
        max_items: int | None,
    ) -> None:
        """Replace what a batch may cost and how many items may be asked about; None for no limit.

        Raises:
            InputNotUsableError: If the budget is less than what is spent or held already.
        """
        purse = connection.execute(select(purses).where(purses.c.id == batch_id)).one()
        used, cap = purse.spent_nano_usd + purse.held_nano_usd, to_nano(budget_usd)
        if cap is not None and cap < used:
            raise _below(used)
        connection.execute(update(purses).where(purses.c.id == batch_id).values(cap_nano_usd=cap))
        self._change(connection, batch_id, max_items=max_items)

    def cancel(self, connection: Connection, batch_id: BatchId) -> None:
        """End a batch; what is queued is never asked, what is under way goes on."""
        connection.execute(
            update(items)
            .where(items.c.batch == batch_id, items.c.state == ItemState.QUEUED.value)
            .values(state=ItemState.CANCELLED.value, owner=None)
        )
        self._change(
            connection,
            batch_id,
            state=BatchState.CANCELLED.value,
            finished_at_s=self._clock(),
        )

    def try_again(self, connection: Connection, batch_id: BatchId, code: str | None = None) -> int:
        """Queue failed items anew, all or those with one code, and return how many."""
        again = (
            items.c.batch == batch_id,
            items.c.state == ItemState.FAILED.value,
            items.c.digest != "",
            *([] if code is None else [items.c.code == code]),
        )
        return connection.execute(
            update(items).where(*again).values(NO_OUTCOME | {"deliveries": 0})
        ).rowcount

    def _change(self, connection: Connection, batch_id: BatchId, **values: Any) -> None:
        connection.execute(update(batches).where(batches.c.id == batch_id).values(values))


def _asked(connection: Connection, batch_id: BatchId) -> int:
    return connection.scalar(ASKED, {"batch": batch_id}) or 0


def _below(used: int) -> InputNotUsableError:
    return InputNotUsableError(
        Phrase(
            "{used} USD are spent or set aside for open calls, so the budget cannot be lower. To "
            "spend no more, pause the batch.",
            {"used": f"{from_nano(used):.6f}"},
        )
    )


_GIVEN_UP: Final = Failure(
    code=LostCallError.code,
    detail=Phrase(
        "Tessera ended {times} times while it worked on this item, so it was left alone.",
        {"times": MOST_DELIVERIES},
    ),
    retryable=True,
    cost=Cost(None, CostBasis.UNKNOWN),
    attempts=0,
    latency_s=0.0,
)


_INTAKE_CUT: Final = Phrase(
    "Tessera ended before all pictures had been taken in. Make the batch again."
)
