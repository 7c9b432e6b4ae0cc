"""The batch lane: has a vendor's Batch API answer items for half the price.

What waits for it is submitted in jobs as large as files, budgets and the vendor's queue allow; on
the lane AUTO it is taken back in time for the deadline.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Final

from sqlalchemy import Connection

from core.batch.driving import Drive
from core.batch.job_steps import JobSteps
from core.batch.keeping import HOPELESS
from core.batch.lanes import LanePlan, Lanes, OpenJob, most_in_a_job, plan_lanes
from core.batch.splitting import MOST_REQUESTS, JobRoom, queue_room
from core.batch.types import BatchId, BatchState, JobLane
from core.engines.jobs import NoBatchLaneError
from core.engines.openai import EMBEDDED_ENGINE
from core.errors import (
    BudgetError,
    EngineError,
    RequestTooLargeForLimitError,
    StorageError,
)
from core.phrases import Phrase
from core.store.batch_jobs import BatchTerms, Job, JobStep

_log = logging.getLogger(__name__)

_EVERYTHING: Final = 2**31
"""More than a batch can hold."""


def _elsewhere(job: Job) -> Phrase:
    return Phrase(
        "This job is at {origin}. Set OPENAI_BASE_URL back to fetch its answers.",
        {"origin": job.origin},
    )


class Operator(JobSteps):
    """Submits what waits and decides about lanes; its coroutines belong to the client's loop."""

    @property
    def clock(self) -> Callable[[], float]:
        """Return the clock that it goes by, in seconds since 1970."""
        return self._rhythm.clock

    async def refusal(self) -> Phrase | None:
        """Return why the endpoint has no batch lane, or None if it has one."""
        try:
            await (await self._lane()).check()
        except EngineError as error:
            return error.detail
        return None

    def drive(self, batch_id: BatchId, budget_usd: Decimal | None, per_minute: float) -> None:
        """Work on a batch's jobs from now on.

        Args:
            batch_id: Which.
            budget_usd: The most that it may cost; None for no limit of its own.
            per_minute: How many items the realtime lane answers in a minute.
        """
        drive = self._drives.setdefault(batch_id, Drive(batch_id, budget_usd, per_minute))
        drive.budget_usd, drive.per_minute, drive.hold_until_s = budget_usd, per_minute, 0.0
        drive.was_refused = False
        if drive.loop is None and not self._is_closing:
            drive.loop = asyncio.create_task(self._see_to(drive))
        self.wake(batch_id)

    def wake(self, batch_id: BatchId) -> None:
        """End every wait for this batch: something was decided, or somebody wants to know."""
        if drive := self._drives.get(batch_id):
            drive.wake()

    async def hurry(self, batch_id: BatchId) -> None:
        """Let what is not submitted yet go to the realtime lane."""
        await self._move(batch_id, _EVERYTHING)
        if drive := self._drives.get(batch_id):
            drive.is_hurried = True
            for job in [each for each in drive.open.values() if each.vendor_id is None]:
                await self._ask_to_cancel(drive, job.id)

    async def idle(self) -> None:
        """Wait until no item waits for a job."""
        while busy := [each for each in self._drives.values() if each.is_waited_for]:
            changed = asyncio.create_task(busy[0].again.wait())
            try:
                loops = {each.loop for each in busy if each.loop is not None}
                await asyncio.wait({*loops, changed}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()

    async def close(self) -> None:
        """Stop wherever it is; every step can be taken up again."""
        self._is_closing = True
        loops = self._loops()
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        with suppress(StorageError):  # a process that is dead keeps nothing either
            await self._write(self.jobs.let_go)

    # A batch

    def _loops(self) -> "set[asyncio.Task[None]]":
        loops = (each.loop for each in self._drives.values())
        return {loop for loop in loops if loop is not None and not loop.done()}

    async def _see_to(self, drive: Drive) -> None:
        try:
            while await self._work_on(drive):
                pass
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001 - a bug is logged; all is on disk for the next start
            _log.exception("batch_lane_crashed", extra={"batch": drive.batch_id})
        finally:
            for task in drive.tasks.values():
                task.cancel()
            await asyncio.gather(*drive.tasks.values(), return_exceptions=True)
            drive.loop = None
            self._drives.pop(drive.batch_id, None)
            self._look()

    async def _work_on(self, drive: Drive) -> bool:
        """Work until nothing is left to do, or wait for the disk: then say True."""
        try:
            await self._begin_again(drive)
            while await self._turn(drive):
                pass
        except StorageError:
            _log.exception("batch_lane_waits_for_the_disk", extra={"batch": drive.batch_id})
            await self._rhythm.wait(drive.again, self._rhythm.tick_s)
            return True
        return False

    async def _begin_again(self, drive: Drive) -> None:
        """Take up what another process has left, and undo what nobody was told of."""
        for job in await self._write(partial(self.jobs.keep, batch_id=drive.batch_id)):
            if job.step is JobStep.FILLING:
                await self._undo(job)
            elif self._is_elsewhere(job):
                await self._save(drive, job, reason=_elsewhere(job))
            elif job.id not in drive.tasks:
                self._begin(drive, job)

    def _is_elsewhere(self, job: Job) -> bool:
        """Say whether another endpoint has the job; asking this one would look like a loss."""
        here = self._client.engine
        is_embedded = here.name == EMBEDDED_ENGINE and job.origin.startswith(EMBEDDED_ENGINE)
        return job.origin != here.origin and not is_embedded

    async def _turn(self, drive: Drive) -> bool:
        """Decide about lanes, submit what may be, and wait; False if nothing is left to do."""
        again = drive.again
        terms = await self._terms(drive)
        plan = await self._plan(drive, terms)
        for job_id in plan.cancel:
            await self._ask_to_cancel(drive, job_id)
        is_waiting = await self._submit(drive, terms)
        if not is_waiting and not drive.tasks:
            return again.is_set()  # somebody has just begun the batch anew
        wait_s = min(self._rhythm.tick_s, plan.again_in_s) if is_waiting or drive.tasks else 0.0
        await self._rhythm.wait(again, wait_s)
        return True

    async def _plan(self, drive: Drive, terms: BatchTerms) -> LanePlan:
        """Move what can no longer wait; return which jobs to end."""
        if terms.state is BatchState.CANCELLED:
            return LanePlan(cancel=tuple(drive.open))
        if terms.lane is not JobLane.AUTO:
            lanes = await self._lanes(drive, replace(terms, ready_by_s=None))
            return plan_lanes(lanes)
        if terms.state is not BatchState.RUNNING:
            return LanePlan()
        plan = plan_lanes(await self._lanes(drive, terms))
        if plan.to_realtime or drive.is_hurried:
            most = _EVERYTHING if drive.is_hurried else plan.to_realtime
            await self._move(drive.batch_id, most)
        return plan

    async def _move(self, batch_id: BatchId, most: int) -> None:
        move = partial(self.jobs.move_to_realtime, batch_id=batch_id, most=most)
        await self._write(move)
        self._look()

    async def _lanes(self, drive: Drive, terms: BatchTerms) -> Lanes:
        def read(connection: Connection) -> Lanes:
            realtime = self.jobs.waiting(connection, drive.batch_id, JobLane.REALTIME)
            return Lanes(
                now_s=self._rhythm.clock(),
                ready_by_s=terms.ready_by_s,
                per_minute=drive.per_minute,
                realtime=realtime + self.jobs.in_hand(connection, drive.batch_id),
                waiting=self.jobs.waiting(connection, drive.batch_id, JobLane.BATCH),
                jobs=[
                    OpenJob(
                        job.id,
                        self.jobs.count_held(connection, job),
                        job.submitted_at_s or job.created_at_s,
                        job.expires_at_s,
                        is_cancelling=job.cancel_asked_at_s is not None,
                        is_finalizing=job.vendor_state == "finalizing",
                    )
                    for job in drive.open.values()
                    if job.is_open
                ],
            )

        lanes: Lanes = await self._write(read)
        return lanes

    async def _submit(self, drive: Drive, terms: BatchTerms) -> bool:
        """Begin a job if items wait for one; say whether some still do."""
        waiting = partial(self.jobs.waiting, batch_id=drive.batch_id, lane=JobLane.BATCH)
        if terms.state is not BatchState.RUNNING or not terms.is_driven:
            return False
        if not await self._write(waiting):
            return False
        if drive.tasks and drive.waits_for_jobs:
            return True  # what they hold comes back when they end
        if self._rhythm.clock() < drive.hold_until_s:
            return True
        try:
            await self._fill(drive, terms)
        except NoBatchLaneError as error:
            await self._do_without(drive, terms, error)
        except EngineError as error:
            if error.code in HOPELESS:
                await self._pause(drive, error)
            drive.hold_until_s = self._rhythm.clock() + self._rhythm.full_queue_s
        return bool(await self._write(waiting)) and (await self._terms(drive)).state is (
            BatchState.RUNNING
        )

    async def _do_without(self, drive: Drive, terms: BatchTerms, error: EngineError) -> None:
        """Go on where there is no batch lane: at once, or not at all."""
        if terms.lane is JobLane.AUTO:
            await self._move(drive.batch_id, _EVERYTHING)
        else:
            await self._pause(drive, error)

    async def _fill(self, drive: Drive, terms: BatchTerms) -> None:
        """Make one job of what waits and begin it."""
        lane = await self._lane()
        question = await asyncio.to_thread(self._store.question, drive.batch_id)
        job = Job(
            id=secrets.token_hex(16),
            batch=drive.batch_id,
            model=question.model,
            origin=self._client.engine.origin,
            step=JobStep.FILLING,
            created_at_s=self._rhythm.clock(),
        )
        room = await self._room(drive, terms, job)
        if not drive.tasks:
            await lane.check()  # a file that nobody takes is not worth writing
        await self._write(partial(self.jobs.add, job=job))
        try:
            filled = await self._filler.fill(job, lane, room, self._file(job), drive.budget_usd)
        except asyncio.CancelledError:
            with suppress(StorageError):  # whoever takes the batch up next undoes it
                await asyncio.shield(self._undo(job))
            raise
        except Exception:
            await self._undo(job)
            raise
        drive.waits_for_jobs = filled.stopped is not None or room.most_tokens is not None
        if not room.requests:
            await self._undo(job)
            if not drive.tasks:
                await self._stand(drive, terms, filled.stopped)
            return
        job = await self._save(
            drive,
            job,
            step=JobStep.FILLED,
            requests=room.requests,
            tokens=room.tokens,
            size_bytes=room.size_bytes,
        )
        drive.fresh.add(job.id)
        self._begin(drive, job)

    async def _stand(self, drive: Drive, terms: BatchTerms, stopped: BudgetError | None) -> None:
        """See what is to be done when not a single item goes into a job."""
        if stopped is not None:
            await self._pause(drive, stopped)
        elif drive.enqueued_tokens:
            drive.hold(self._rhythm)  # another batch's jobs fill the queue
        elif await self._write(
            partial(self.jobs.waiting, batch_id=drive.batch_id, lane=JobLane.BATCH)
        ):
            error = RequestTooLargeForLimitError(
                Phrase("One request has more tokens than the vendor's queue takes at all.")
            )
            await self._do_without(drive, terms, error)

    async def _room(self, drive: Drive, terms: BatchTerms, job: Job) -> JobRoom:
        now_s = self._rhythm.clock()

        def read(connection: Connection) -> int | None:
            limit = self.jobs.token_limit(connection, job.origin, job.model, now_s)
            enqueued = self.jobs.enqueued_tokens(connection, job.origin, job.model)
            drive.enqueued_tokens = enqueued
            return queue_room(limit, enqueued)

        ready_by_s = terms.ready_by_s if terms.lane is JobLane.AUTO else None
        most = most_in_a_job(ready_by_s, now_s, drive.per_minute, MOST_REQUESTS)
        return JobRoom(most, drive.most_bytes, most_tokens=await self._write(read))
