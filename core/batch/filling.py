"""Fills a job: claims items, makes their pictures ready, writes the file, sets the money aside.

The file is written line by line and the money is set aside in the transaction that claims nothing
new: a process that dies here leaves a job that nobody else knows of, which the next one undoes.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import Connection

from core.answer import failure_without_call
from core.batch.keeping import finish_item
from core.batch.splitting import JobRoom, Line
from core.batch.types import BatchItem, JobLane
from core.client import VisionClient
from core.course import Course
from core.engines.jobs import BatchLane
from core.errors import BudgetError, RequestTooLargeForLimitError, StorageError, VisionError
from core.pacing import Urgency
from core.phrases import Phrase
from core.plan import Plan
from core.store.batch_jobs import Job, SqlJobStore
from core.store.batches import SqlBatchStore
from core.store.calls import CallRecord, Hold, to_nano
from core.store.owners import job_owner
from core.terms import Terms
from core.types import Outcome, PreparedImage

_TOGETHER: Final = 16
"""Items that are claimed, decoded and paid for at a time; no more pictures are in memory."""
_LANE: Final = JobLane.BATCH.value
_sent_codec = TypeAdapter(PreparedImage)


@dataclass
class Filled:
    """How far a job was filled: `stopped` says why no more went in, where money was the reason."""

    room: JobRoom
    stopped: BudgetError | None = None


@dataclass(frozen=True, slots=True)
class _Ready:
    """An item as it goes into the file."""

    item: BatchItem
    line: bytes
    size: Line
    hold: Hold
    sent: str


@dataclass
class JobFile:
    """A file of requests on its way to the disk; mode 0600."""

    path: Path
    _descriptor: int = field(init=False)

    def __post_init__(self) -> None:
        with storage_errors():
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY
            self._descriptor = os.open(self.path, flags, 0o600)

    def write(self, line: bytes) -> None:
        """Append a line."""
        with storage_errors():
            written = 0
            while written < len(line):  # a disk that is nearly full takes a part
                written += os.write(self._descriptor, line[written:])

    def close(self) -> None:
        """Bring everything to the disk."""
        with storage_errors():
            os.fsync(self._descriptor)
            os.close(self._descriptor)


class AlreadySettledError(VisionError):
    """The item is no longer the job's: what became of it is on disk."""


class Filler:
    """Its coroutines belong to the client's event loop.

    Args:
        client: Makes pictures ready, knows the cache and the budget.
        store: Where items are.
        jobs: Where jobs are.
    """

    def __init__(self, client: VisionClient, store: SqlBatchStore, jobs: SqlJobStore) -> None:
        self._client = client
        self._store = store
        self._jobs = jobs

    async def fill(
        self,
        job: Job,
        lane: BatchLane,
        room: JobRoom,
        path: Path,
        budget_usd: Decimal | None,
    ) -> Filled:
        """Write items that wait for the batch lane into a file, until it or the purse is full.

        What the cache answers, and what cannot be used, comes to its end here.

        Raises:
            StorageError: If the disk does not take it; the job is to be undone then.
        """
        filled = Filled(room)
        file = await asyncio.to_thread(JobFile, path)
        try:
            while filled.stopped is None and room.requests < room.most_requests:
                most = min(_TOGETHER, room.most_requests - room.requests)
                claimed = await self._claim(job, most)
                if not claimed or not await self._add(job, lane, claimed, file, filled, budget_usd):
                    break
        finally:
            await asyncio.to_thread(file.close)
        return filled

    async def _claim(self, job: Job, most: int) -> list[BatchItem]:
        claim = partial(
            self._store.claim,
            batch_id=job.batch,
            most=most,
            lane=JobLane.BATCH,
            owner=job_owner(job.id),
        )
        return await self._client.writer.run(claim)

    async def _add(
        self,
        job: Job,
        lane: BatchLane,
        claimed: list[BatchItem],
        file: JobFile,
        filled: Filled,
        budget_usd: Decimal | None,
    ) -> bool:
        """Put claimed items into the file; False if not all of them found room."""
        made = await asyncio.gather(*(self._ready(job, lane, item, budget_usd) for item in claimed))
        fits, room = list[_Ready](), replace(filled.room)
        too_many = [each.item.id for each in made if isinstance(each, _Unaffordable)]
        for each in made:
            if not isinstance(each, _Ready):
                continue
            if too_many or not room.takes(each.size):
                if not room.requests and await self._never_fits(job, each, room):
                    continue
                too_many.append(each.item.id)
                continue
            room.take(each.size)
            fits.append(each)
        paid = await self._pay(job, fits, filled)
        too_many += [each.item.id for each in fits[paid:]]
        for unpaid in (each for each in made if isinstance(each, _Unaffordable)):
            filled.stopped = unpaid.error
        for each in fits[:paid]:
            filled.room.take(each.size)
            await asyncio.to_thread(file.write, each.line)
        await self._client.writer.run(partial(self._put_back, job=job, item_ids=too_many))
        return not too_many

    async def _pay(self, job: Job, ready: list[_Ready], filled: Filled) -> int:
        """Set money aside for as many as the budgets allow, the first first; return how many."""
        count = len(ready)
        while count:
            try:
                await self._client.writer.run(partial(self._keep, job=job, ready=ready[:count]))
            except BudgetError as error:
                filled.stopped = error
                count //= 2
            else:
                break
        return count

    def _keep(self, connection: Connection, job: Job, ready: list[_Ready]) -> None:
        """Set the money of all aside, or of none, and remember how their pictures are sent."""
        holds = [each.hold for each in ready]
        self._client.budget.hold_in(connection, job_owner(job.id), holds)
        for each in ready:
            self._jobs.note_sent(connection, each.item.id, each.sent)

    def _put_back(self, connection: Connection, job: Job, item_ids: list[str]) -> None:
        for item_id in item_ids:
            self._jobs.put_back(connection, job, item_id, JobLane.BATCH, was_tried=False)

    async def _ready(
        self, job: Job, lane: BatchLane, item: BatchItem, budget_usd: Decimal | None
    ) -> "_Ready | _Unaffordable | None":
        """Return an item as it goes into the file; None if it came to its end without."""
        plan = self.plan(job, item)
        try:
            if item.outcome is not None:  # its row is damaged
                await self._end(plan, item.outcome, None)
                return None
            if answer := await self._client.kept_answer(plan):
                await self._client.land(plan, answer, plan.unpaid_record(answer))
                return None
            course = await self._client.make_ready(plan)
            return self._line(job, lane, item, course, budget_usd)
        except BudgetError as error:
            return _Unaffordable(item, error)
        except StorageError:
            raise
        except VisionError as error:
            await self._end(plan, failure_without_call(error), None)
            return None

    def plan(self, job: Job, item: BatchItem) -> Plan:
        """Return the plan of an item, whose outcome is written down as the job's."""
        keep = partial(self._finish, job, item.id)
        terms = Terms(
            front_end="batch",
            urgency=Urgency.BATCH,
            batch=item.batch_id,
            item=item.id,
            keep=keep,
        )
        return self._client.plan(item.question.about(item.source), terms)

    def _finish(
        self,
        job: Job,
        item_id: str,
        connection: Connection,
        outcome: Outcome,
        record: CallRecord | None,
    ) -> None:
        if not self._jobs.holds(connection, job, item_id):
            raise AlreadySettledError  # undoes the row that was to go with it
        ledger, owner = self._client.ledger, job_owner(job.id)
        finish_item(self._store, ledger, connection, item_id, outcome, record, owner)
        if record is not None and record.saved_usd and not record.cached:
            self._jobs.add_saved(connection, job, to_nano(record.saved_usd) or 0)

    def item(self, item_id: str) -> BatchItem | None:
        """Return an item of any job, or of none."""
        return self._store.item(item_id)

    async def _end(self, plan: Plan, outcome: Outcome, row: CallRecord | None) -> None:
        await self._client.land(plan, outcome, row)

    def _line(
        self,
        job: Job,
        lane: BatchLane,
        item: BatchItem,
        course: Course,
        budget_usd: Decimal | None,
    ) -> _Ready:
        """Return the line of an item, and the most that it can cost.

        Raises:
            BudgetError: If its price is not known and a budget has to be kept.
        """
        quote = course.quote
        usd = quote.batch if quote else None
        reservation_id = f"{job.id}/{item.id}"
        planned = replace(
            course.plan.call(quote),
            lane=_LANE,
            estimated_usd=usd.expected if usd else None,
            request_id=reservation_id,
        )
        amount_usd = Decimal(0)
        if quote is not None:
            high_usd = usd.high if usd else None
            amount_usd = self._client.budget.amount_usd(planned, high_usd, budget_usd)
        assert course.image is not None  # noqa: S101 - make_ready has seen to it
        line = lane.line(item.id, course.call(timeout_s=0))
        tokens = quote.input_tokens.high if quote and quote.input_tokens else 0
        bare = replace(course.image, data=b"")
        return _Ready(
            item=item,
            line=line,
            size=Line(len(line), tokens),
            hold=Hold(reservation_id, planned, amount_usd),
            sent=_sent_codec.dump_json(bare).decode(),
        )

    async def _never_fits(self, job: Job, ready: _Ready, room: JobRoom) -> bool:
        """Fail an item that no file would take; say whether it is one."""
        alone = JobRoom(most_tokens=room.most_tokens)
        if alone.takes(ready.size) or room.most_tokens is not None:
            return False
        error = RequestTooLargeForLimitError(
            Phrase("One request is larger than a file of the batch lane may be.")
        )
        await self._end(self.plan(job, ready.item), failure_without_call(error), None)
        return True


@dataclass(frozen=True, slots=True)
class _Unaffordable:
    """An item whose price cannot be kept within a budget."""

    item: BatchItem
    error: BudgetError


def read_sent(sent: str | None) -> PreparedImage | None:
    """Return a picture as it was sent, without its bytes."""
    return None if sent is None else _sent_codec.validate_json(sent)


@contextmanager
def storage_errors() -> Iterator[None]:
    """Say what the disk does not take."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            Phrase(
                "The data directory does not take the file: {reason}.",
                {"reason": error.strerror or ""},
            )
        ) from error
