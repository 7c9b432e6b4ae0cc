"""Turns the lines of a job that has ended into outcomes of its items, a line at a time.

A line counts once: its item must still be the job's, and leaves it in the transaction that writes
its row and frees its money. So reading the same files again after a crash changes nothing.
"""

import asyncio
import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from core.answer import validate_answer
from core.batch.filling import AlreadySettledError, Filler, read_sent
from core.batch.keeping import HOPELESS, stays_queued
from core.batch.types import MOST_DELIVERIES, BatchItem, JobLane
from core.client import VisionClient
from core.course import FREE, UNKNOWN_COST, Course
from core.engines.jobs import BatchLane, JobLine, JobProblem
from core.errors import AnswerError, EngineError, LostCallError, RequestRejectedError
from core.flights import Flight
from core.phrases import Phrase
from core.pricing import UnpricedTierError, request_cost_usd
from core.quote import Lane
from core.store.batch_jobs import Job, SqlJobStore
from core.store.calls import CallRecord, CallStatus, PlannedCall
from core.types import Cost, CostBasis, Failure, Outcome

_log = logging.getLogger(__name__)

_TOGETHER: Final = 64
_GONE: Final = Phrase(
    "The vendor no longer knows this job or its files, so it is not known what became of this "
    "request."
)


@dataclass(frozen=True, slots=True)
class _Held:
    """An item that a job holds, how it was sent and what was expected of its call."""

    item: BatchItem
    sent: str | None
    planned: PlannedCall | None


class Settler:
    """Its coroutines belong to the client's event loop.

    Args:
        client: Judges nothing here, but records and keeps answers.
        filler: Knows how an item was asked.
        jobs: Where jobs are.
    """

    def __init__(self, client: VisionClient, filler: Filler, jobs: SqlJobStore) -> None:
        self._client = client
        self._filler = filler
        self._jobs = jobs

    async def settle(
        self, job: Job, lane: BatchLane, files: list[Path], next_lane: JobLane
    ) -> Failure | None:
        """Settle every line; return what every other call would meet too, if a line met that.

        Args:
            job: A job that has ended.
            lane: Reads lines.
            files: Its output and its errors, on disk.
            next_lane: Where a request goes on that may succeed another time.
        """
        hopeless: Failure | None = None
        for file in files:
            with closing(_lines(file, lane)) as lines:
                while chunk := await asyncio.to_thread(list, islice(lines, _TOGETHER)):
                    for met in await self._settle_some(job, chunk, next_lane):
                        hopeless = met or hopeless
        return hopeless

    async def give_back(self, job: Job, next_lane: JobLane, *, was_tried: bool) -> None:
        """Queue every item that the job still holds; nothing was billed for them."""

        def write(connection: Connection) -> None:
            held = self._jobs.all_held(connection, job)
            self._client.ledger.free_in(connection, (f"{job.id}/{each}" for each in held))
            self._jobs.put_back(connection, job, None, next_lane, was_tried=was_tried)

        await self._client.writer.run(write)

    async def refuse(
        self, job: Job, lane: BatchLane, file: Path, problems: Sequence[JobProblem]
    ) -> bool:
        """Fail the requests whose lines the vendor named; say whether that was all it minded.

        Args:
            job: A job that the vendor refused.
            lane: Reads lines.
            file: Its file of requests.
            problems: What the vendor said.
        """
        reasons = {each.line: each.message for each in problems if each.line is not None}
        named = await asyncio.to_thread(_named, file, lane, reasons)
        waiting = iter(named)
        while ids := list(islice(waiting, _TOGETHER)):
            for each in await self._client.writer.run(partial(self._held, job, ids)):
                course = self._course(job, each)
                error = RequestRejectedError(named[each.item.id])
                await self._land(job, each, course, course.failure(error))
        return bool(named) and all(each.line is not None for each in problems)

    async def lose(self, job: Job) -> None:
        """Fail every item that the job still holds: it may have been billed, nobody knows."""
        while held := await self._client.writer.run(partial(self._some_held, job)):
            for each in held:
                course = self._course(job, each)
                error = LostCallError(_GONE)
                outcome = course.failure(error)
                if not course.plan.is_free:
                    outcome = replace(outcome, cost=Cost(None, CostBasis.UNKNOWN))
                await self._land(job, each, course, outcome)

    async def count(self, job: Job, lane: BatchLane, files: list[Path]) -> None:
        """Count what a job's answers cost whose items went on without it; those keep theirs."""
        for file in files:
            with closing(_lines(file, lane)) as lines:
                while chunk := await asyncio.to_thread(list, islice(lines, _TOGETHER)):
                    for line in chunk:
                        await self._count_line(job, line)

    async def _count_line(self, job: Job, line: JobLine) -> None:
        item = await asyncio.to_thread(self._filler.item, line.custom_id)
        if item is None or line.answer is None:
            return
        course = self._course(job, _Held(item, None, None))
        course.answer = replace(line.answer, service_tier=Lane.BATCH.value)
        late = course.retried(LostCallError(_GONE))
        reservation_id = f"{job.id}/{item.id}"

        def write(connection: Connection) -> None:
            planned = self._client.ledger.planned_in(connection, reservation_id)
            if planned is not None:  # else it was counted before
                row = replace(late, planned=planned)
                self._client.ledger.record_in(connection, row, reservation_id)

        await self._client.writer.run(write)

    async def drop_money(self, job: Job, *, is_lost: bool) -> None:
        """Free what is held for a job's lines that cost nothing, or that nobody can know about."""

        def write(connection: Connection) -> None:
            ledger = self._client.ledger
            for each in self._jobs.money(connection, job):
                planned = ledger.planned_in(connection, each)
                if is_lost and planned is not None:
                    code = LostCallError.code
                    row = CallRecord(planned, CallStatus.RETRIED, UNKNOWN_COST, code)
                    ledger.record_in(connection, row, each)
                else:
                    ledger.free_in(connection, [each])

        await self._client.writer.run(write)

    def _some_held(self, job: Job, connection: Connection) -> list["_Held"]:
        return self._held(job, self._jobs.all_held(connection, job)[:_TOGETHER], connection)

    def _held(self, job: Job, ids: list[str], connection: Connection) -> list["_Held"]:
        planned_in = self._client.ledger.planned_in
        return [
            _Held(each.item, each.sent, planned_in(connection, f"{job.id}/{each.item.id}"))
            for each in self._jobs.held(connection, job, ids)
        ]

    async def _settle_some(
        self, job: Job, lines: list[JobLine], next_lane: JobLane
    ) -> list[Failure | None]:
        ids = [line.custom_id for line in lines]
        find = partial(self._held, job, ids)
        held = {each.item.id: each for each in await self._client.writer.run(find)}
        # A line that comes twice is settled once: the first of them takes the item.
        ours = {line.custom_id: line for line in reversed(lines) if line.custom_id in held}
        return await asyncio.gather(
            *(self._settle_line(job, held[each], line, next_lane) for each, line in ours.items())
        )

    async def _settle_line(
        self, job: Job, held: _Held, line: JobLine, next_lane: JobLane
    ) -> Failure | None:
        course = self._course(job, held)
        try:
            if line.error is not None:
                raise line.error
            assert line.answer is not None  # noqa: S101 - one of them is there
            course.answer = replace(line.answer, service_tier=Lane.BATCH.value)
            outcome: Outcome = course.success(
                validate_answer(course.answer, held.item.question.schema)
            )
        except AnswerError as error:
            outcome = course.failure(error)
        except EngineError as error:
            outcome = course.failure(error)
            if stays_queued(outcome) or self._goes_on(held, error):
                await self._try_again(job, held, course, error, next_lane)
                return outcome if outcome.code in HOPELESS else None
        await self._land(job, held, course, outcome)
        return None

    def _goes_on(self, held: _Held, error: EngineError) -> bool:
        return error.retryable and held.item.deliveries < MOST_DELIVERIES

    def _course(self, job: Job, held: _Held) -> Course:
        course = Course(self._filler.plan(job, held.item), Flight(streaming=False))
        course.image = read_sent(held.sent)
        course.attempts, course.is_sent = 1, True
        return course

    async def _try_again(
        self, job: Job, held: _Held, course: Course, error: EngineError, next_lane: JobLane
    ) -> None:
        """Queue an item once more; a row tells what the failed call may have cost."""
        retried, reservation_id = course.retried(error), f"{job.id}/{held.item.id}"

        def write(connection: Connection) -> None:
            if not self._jobs.holds(connection, job, held.item.id):
                return
            if retried.cost == FREE:
                self._client.ledger.free_in(connection, [reservation_id])
            else:
                row = replace(retried, planned=held.planned or retried.planned)
                self._client.ledger.record_in(connection, row, reservation_id)
            self._jobs.put_back(connection, job, held.item.id, next_lane, was_tried=True)

        await self._client.writer.run(write)

    async def _land(self, job: Job, held: _Held, course: Course, outcome: Outcome) -> None:
        row = course.record(outcome)
        row = replace(row, planned=held.planned or row.planned, saved_usd=_saved_usd(course, row))
        with suppress(AlreadySettledError):
            await self._client.land(course.plan, outcome, row, f"{job.id}/{held.item.id}")


def _saved_usd(course: Course, row: CallRecord) -> Decimal | None:
    """Return what the same answer would have cost more at once; None where that is not known."""
    price, usage, cost = course.plan.card.price, row.usage, row.cost
    if price is None or usage is None or cost.usd is None or cost.basis is not CostBasis.MEASURED:
        return None
    if course.plan.is_free:
        return None
    try:
        return request_cost_usd(usage, price) - cost.usd
    except UnpricedTierError:
        return None


def _named(file: Path, lane: BatchLane, reasons: Mapping[int, Phrase]) -> dict[str, Phrase]:
    """Return why items were refused, from the numbers of their lines, which count from 1."""
    if not file.exists():
        return {}
    with file.open("rb") as found:
        read = ((lane.read_line(raw), reasons[n]) for n, raw in enumerate(found, 1) if n in reasons)
        return {line.custom_id: why for line, why in read if line}


def _lines(file: Path, lane: BatchLane) -> Generator[JobLine]:
    with file.open("rb") as found:
        for raw in found:
            line = lane.read_line(raw)
            if line is None:
                _log.warning("job_line_unreadable")
            else:
                yield line
