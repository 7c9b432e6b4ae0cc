"""The ledger: one row for every call, appended and never changed, and money held for open calls."""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from core.errors import BudgetError, LostCallError
from core.phrases import Phrase
from core.store.calls import (
    EVERYTHING,
    SEALED,
    CallRecord,
    CallStatus,
    DriftPair,
    Hold,
    PlannedCall,
    Spending,
    call_seal,
    calls,
    from_nano,
    purses,
    reservations,
    to_nano,
)
from core.store.owners import is_dead, this_process
from core.store.transactions import reading, writing
from core.types import Cost, CostBasis, TokenUsage

_HISTORY_ROWS = 200
_USAGE = tuple(TokenUsage.__dataclass_fields__)
_PLANNED = tuple(name for name in PlannedCall.__dataclass_fields__ if name != "estimated_usd")
# Statements made once, with their values outside, are compiled once.
_INSERT_CALL = insert(calls)
_INSERT_RESERVATION = insert(reservations)
_FREE = (
    delete(reservations)
    .where(reservations.c.id == bindparam("settled"))
    .returning(reservations.c.amount_nano_usd, reservations.c.batch)
)
_SPEND = (
    update(purses)
    .where(purses.c.id == bindparam("batch"))
    .values(
        held_nano_usd=purses.c.held_nano_usd - bindparam("freed"),
        spent_nano_usd=purses.c.spent_nano_usd + bindparam("counted"),
    )
)
_PURSE = select(purses).where(purses.c.id == bindparam("batch"))
_SPENT = select(purses.c.spent_nano_usd).where(purses.c.id == EVERYTHING)
_HOLD = (
    update(purses)
    .where(
        purses.c.id == bindparam("batch"),
        purses.c.cap_nano_usd.is_(None)
        | (
            purses.c.spent_nano_usd + purses.c.held_nano_usd + bindparam("amount")
            <= purses.c.cap_nano_usd
        ),
    )
    .values(held_nano_usd=purses.c.held_nano_usd + bindparam("amount"))
)


class Ledger:
    """Reads and writes calls; may be used from any thread. Money is nano-USD inside.

    Opening it turns reservations of processes that have died into LOST rows, counted at their
    estimate: such a call may have been billed.

    Args:
        database: From `open_database`.
        clock: Seconds since 1970.

    Raises:
        StorageError: If the database is damaged or cannot be written.
    """

    def __init__(self, database: Engine, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._owner = this_process()
        with writing(database) as connection:
            self._record_lost(connection)

    @property
    def database(self) -> Engine:
        """Return where the rows are, for who writes more in the same transaction."""
        return self._database

    def reserve(
        self,
        reservation_id: str,
        planned: PlannedCall,
        amount_usd: Decimal,
        cap_usd: Decimal | None,
    ) -> None:
        """Do `reserve_in` in a transaction of its own.

        Raises:
            BudgetError: If a cap would be passed; nothing is held then.
            StorageError: If the disk does not take it.
        """
        with writing(self._database) as connection:
            self.reserve_in(connection, reservation_id, planned, amount_usd, cap_usd)

    def record(self, record: CallRecord, settles: str | None = None) -> None:
        """Do `record_in` in a transaction of its own.

        Raises:
            StorageError: If the disk does not take it; the reservation then stays.
        """
        with writing(self._database) as connection:
            self.record_in(connection, record, settles)

    def reserve_in(
        self,
        connection: Connection,
        reservation_id: str,
        planned: PlannedCall,
        amount_usd: Decimal,
        cap_usd: Decimal | None,
    ) -> None:
        """Hold money for a call, if everything spent and held stays within each cap.

        Args:
            connection: A transaction from `writing`.
            reservation_id: New, from the caller, so that settling is safe whatever happens.
            planned: The call, for the row that it becomes if this process dies. Where it belongs
                to a batch with a budget, that cap is kept as well.
            amount_usd: The most that it can cost.
            cap_usd: The budget of this data directory; None for none.

        Raises:
            BudgetError: If a cap would be passed; nothing is held then.
        """
        self.hold_in(connection, self._owner, [Hold(reservation_id, planned, amount_usd)], cap_usd)

    def hold_in(
        self,
        connection: Connection,
        owner: str,
        holds: Sequence[Hold],
        cap_usd: Decimal | None,
    ) -> None:
        """Hold money for calls of one batch, or of none, in the name of `owner`: for all or none.

        Raises:
            BudgetError: If a cap would be passed; nothing is held then.
        """
        total_usd = sum((hold.amount_usd for hold in holds), Decimal(0))
        if cap_usd is not None:
            spending = _spending(connection)
            left_usd = cap_usd - spending.spent_usd - spending.reserved_usd
            if total_usd > left_usd:
                raise _over_budget(total_usd, left_usd, spending.reserved_usd, cap_usd)
        rows = [self._held(owner, hold) for hold in holds]
        if holds and holds[0].planned.batch is not None:
            _hold(connection, holds[0].planned.batch, sum(row["amount_nano_usd"] for row in rows))
        connection.execute(_INSERT_RESERVATION, rows)

    def free_in(self, connection: Connection, reservation_ids: Iterable[str]) -> None:
        """Give back what is held for calls that were never made."""
        for each in reservation_ids:
            row = connection.execute(_FREE, {"settled": each}).one_or_none()
            if row is not None and row.batch is not None:
                spent = {"batch": row.batch, "freed": row.amount_nano_usd, "counted": 0}
                connection.execute(_SPEND, spent)

    def planned_in(self, connection: Connection, reservation_id: str) -> PlannedCall | None:
        """Return the call that money is held for, or None if none is."""
        query = select(reservations).where(reservations.c.id == reservation_id)
        row = connection.execute(query).mappings().first()
        return None if row is None else _planned(row)

    def _held(self, owner: str, hold: Hold) -> dict[str, Any]:
        return {
            "id": hold.reservation_id,
            "at_s": self._clock(),
            "owner": owner,
            "amount_nano_usd": to_nano(hold.amount_usd) or 0,
            **_planned_values(hold.planned),
        }

    def record_in(
        self, connection: Connection, record: CallRecord, settles: str | None = None
    ) -> None:
        """Append a row and free the reservation that it settles, in the caller's transaction."""
        row = self._row(record)
        connection.execute(_INSERT_CALL, row)
        batch, freed = record.planned.batch, 0
        if settles is not None:
            freed = connection.scalar(_FREE, {"settled": settles}) or 0
        counted = row["counted_nano_usd"]
        spent = [{"batch": EVERYTHING, "freed": 0, "counted": counted}] if counted else []
        if batch is not None and (freed or counted):
            spent.append({"batch": batch, "freed": freed, "counted": counted})
        if spent:
            connection.execute(_SPEND, spent)

    def open_purse(self, connection: Connection, purse_id: str, cap_usd: Decimal | None) -> None:
        """Begin to count what the calls of a batch cost, within a cap if there is one."""
        row = {"id": purse_id, "cap_nano_usd": to_nano(cap_usd)}
        connection.execute(insert(purses), row | {"spent_nano_usd": 0, "held_nano_usd": 0})

    def spending(self) -> Spending:
        """Return what was spent in this data directory and what open calls hold."""
        with reading(self._database) as connection:
            return _spending(connection)

    def recent(self, limit: int) -> list[CallRecord]:
        """Return the last rows, newest first."""
        query = select(calls).order_by(calls.c.id.desc()).limit(limit)
        with reading(self._database) as connection:
            return [call_from_row(row) for row in connection.execute(query).mappings()]

    def output_tokens_history(self, task: str, model: str) -> list[int]:
        """Return the output tokens of the task's latest answers by this model, newest first."""
        rows = self._latest([calls.c.output_tokens], calls.c.task == task, calls.c.model == model)
        return [row[0] for row in rows]

    def drift_pairs(self, model: str, detail: str) -> list[DriftPair]:
        """Return estimated against billed input tokens of the latest answers, newest first."""
        rows = self._latest(
            [calls.c.estimated_input_tokens, calls.c.input_tokens],
            calls.c.model == model,
            calls.c.detail == detail,
        )
        return [DriftPair(estimated, billed) for estimated, billed in rows]

    def close(self) -> None:
        """Close every connection of the database."""
        self._database.dispose()

    def _latest(self, columns: list[Any], *conditions: ColumnElement[bool]) -> list[Any]:
        """Return known values from the newest answers that a server really gave."""
        answered = (calls.c.status == CallStatus.SUCCEEDED, calls.c.cached.is_(False))
        known = (column.is_not(None) for column in columns)
        query = select(*columns).where(*conditions, *answered, *known)
        with reading(self._database) as connection:
            return list(connection.execute(query.order_by(calls.c.id.desc()).limit(_HISTORY_ROWS)))

    def _record_lost(self, connection: Connection) -> None:
        """Turn what died with its process into rows, so that its money stays counted."""
        for row in connection.execute(select(reservations)).mappings().all():
            if is_dead(row["owner"]):
                lost = CallRecord(
                    planned=_planned(row),
                    status=CallStatus.LOST,
                    code=LostCallError.code,
                    cost=Cost(None, CostBasis.UNKNOWN),
                )
                self.record_in(connection, lost, settles=row["id"])

    def _row(self, record: CallRecord) -> dict[str, Any]:
        cost, planned = record.cost, record.planned
        counted_usd = planned.estimated_usd if cost.usd is None else cost.usd
        row = {
            "at_s": float(self._clock()),
            **_planned_values(planned),
            "status": record.status.value,
            "code": record.code,
            "cached": record.cached,
            **{name: getattr(record.usage, name, None) for name in _USAGE},
            "cost_nano_usd": to_nano(cost.usd),
            "cost_basis": cost.basis.value,
            "counted_nano_usd": to_nano(counted_usd) or 0,
            "saved_nano_usd": to_nano(record.saved_usd),
            "latency_s": float(record.latency_s),  # as it will be read, for the seal
            "first_token_s": record.first_token_s,
            "attempts": record.attempts,
            "saved_by_resizing_nano_usd": to_nano(record.saved_by_resizing_usd),
        }
        return row | {"seal": call_seal([row[name] for name in SEALED])}


def _spending(connection: Connection) -> Spending:
    spent = connection.scalar(_SPENT)
    held = connection.scalar(select(func.sum(reservations.c.amount_nano_usd)))
    return Spending(_usd(spent), _usd(held))


def _hold(connection: Connection, purse_id: str, amount: int) -> None:
    """Set money of a batch aside.

    Raises:
        BudgetError: If that would pass its cap.
    """
    if connection.execute(_HOLD, {"batch": purse_id, "amount": amount}).rowcount:
        return
    purse = connection.execute(_PURSE, {"batch": purse_id}).one()
    left = purse.cap_nano_usd - purse.spent_nano_usd - purse.held_nano_usd
    held = purse.held_nano_usd
    raise _over_budget(_usd(amount), _usd(left), _usd(held), _usd(purse.cap_nano_usd))


def _over_budget(
    amount_usd: Decimal, left_usd: Decimal, held_usd: Decimal, cap_usd: Decimal
) -> BudgetError:
    return BudgetError(
        Phrase(
            "This call may cost up to {amount} USD, and only {left} USD of the budget of {cap} USD "
            "are left.",
            {
                "amount": f"{amount_usd:.6f}",
                "left": f"{max(left_usd, Decimal(0)):.6f}",
                "cap": f"{cap_usd:.2f}",
            },
        ),
        retryable=amount_usd <= left_usd + held_usd,
    )


def _planned_values(planned: PlannedCall) -> dict[str, Any]:
    values = {name: getattr(planned, name) for name in _PLANNED}
    return values | {"estimated_nano_usd": to_nano(planned.estimated_usd)}


def _planned(row: RowMapping) -> PlannedCall:
    values = {name: row[name] for name in _PLANNED}
    return PlannedCall(**values, estimated_usd=from_nano(row["estimated_nano_usd"]))


def call_from_row(row: RowMapping) -> CallRecord:
    """Return a row of `calls` as the rest of Tessera knows it."""
    return CallRecord(
        planned=_planned(row),
        status=CallStatus(row["status"]),
        code=row["code"],
        cached=row["cached"],
        usage=_usage(row),
        cost=Cost(from_nano(row["cost_nano_usd"]), CostBasis(row["cost_basis"])),
        saved_usd=from_nano(row["saved_nano_usd"]),
        saved_by_resizing_usd=from_nano(row["saved_by_resizing_nano_usd"]),
        latency_s=row["latency_s"],
        first_token_s=row["first_token_s"],
        attempts=row["attempts"],
        at=datetime.fromtimestamp(row["at_s"], UTC),
    )


def _usage(row: RowMapping) -> TokenUsage | None:
    if row["input_tokens"] is None:
        return None
    return TokenUsage(**{name: row[name] for name in _USAGE})


def _usd(nano: int | None) -> Decimal:
    return from_nano(nano) or Decimal(0)
