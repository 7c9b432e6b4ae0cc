"""Writes what came of a request down, in one transaction: ledger, outcome, review, history."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace

from sqlalchemy import Connection

from core.errors import StorageError
from core.phrases import Phrase
from core.plan import Plan
from core.store.calls import CallRecord
from core.store.history import add_overcome
from core.store.ledger import Ledger
from core.store.review import Given, Judged, judge
from core.store.writer import GroupWriter
from core.types import Outcome, Success

_log = logging.getLogger(__name__)

_DISK_PAUSE_S = 1.0
_NOT_RECORDED = Phrase("This call is missing in the ledger: the data directory takes no more.")


class Recorder:
    """Shares its transactions with whoever writes beside it.

    A full disk must not cost the answer that was paid for; but who has to keep the outcome
    (`Terms.keep`) waits until the disk takes it.

    Args:
        ledger: Where rows go.
        writer: Groups the transactions.
        sleep: Waits seconds; tests put their own in.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        ledger: Ledger,
        writer: GroupWriter,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._writer = writer
        self._sleep = sleep
        self._clock = clock

    async def append(self, record: CallRecord | None, settles: str) -> None:
        """Write a row that no outcome belongs to, if the disk takes it.

        Without a row there was no call: what is held for it is given back.
        """

        def write(connection: Connection) -> None:
            if record is None:
                self._ledger.free_in(connection, [settles])
            else:
                self._ledger.record_in(connection, record, settles)

        try:
            await self._writer.run(write)
        except StorageError:
            _log.exception("call_not_recorded")

    async def record(
        self,
        plan: Plan,
        outcome: Outcome,
        row: CallRecord | None,
        settles: str | None = None,
        met: Collection[str] = (),
    ) -> Judged:
        """Write an outcome down and return it as it is from now on: perhaps held, perhaps noted.

        Args:
            plan: What was asked.
            outcome: What came of it.
            row: For the ledger; None for a failure that somebody else paid for.
            settles: The reservation that the row frees.
            met: Codes that were met on the way to an answer.
        """
        keep = plan.terms.keep

        def write(connection: Connection) -> Judged:
            judged = self._judged(connection, plan, outcome)
            told = row and _with_code(row, judged.outcome)
            if told is not None:
                self._ledger.record_in(connection, told, settles)
            if met and isinstance(outcome, Success):
                add_overcome(connection, met, self._clock())
            if keep is not None:
                keep(connection, judged.outcome, told)
            return judged

        while True:
            try:
                return await self._writer.run(write)
            except StorageError:
                _log.exception("call_not_recorded")
                if keep is None:
                    return Judged(replace(outcome, notes=(*outcome.notes, _NOT_RECORDED)))
            await self._sleep(_DISK_PAUSE_S)

    def _judged(self, connection: Connection, plan: Plan, outcome: Outcome) -> Judged:
        """Compare an answer with those to other pictures.

        The embedded engine measures: from it the same words mean the same measurements.
        """
        if plan.is_free or not isinstance(outcome, Success):
            return Judged(outcome)
        given = Given(plan.picture, plan.terms.batch, plan.terms.item)
        return judge(connection, outcome, given, self._clock())


def _with_code(row: CallRecord, outcome: Outcome) -> CallRecord:
    """Return the row of a held answer with the code that says why."""
    return replace(row, code=outcome.held) if isinstance(outcome, Success) else row
