"""The batch lane: has a vendor's Batch API answer items for half the price.

Each job goes through the steps of `JobStep`, and each step is on disk before the next begins. So
whatever ends this process, the next one knows what the vendor may have been told, looks there
before it says anything twice, and reads again what it had not finished reading.
"""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from core.batch.filling import Filler
from core.batch.keeping import HOPELESS
from core.batch.lanes import LanePlan, Lanes, OpenJob, most_in_a_job, plan_lanes
from core.batch.settling import Settler
from core.batch.splitting import MOST_BYTES, MOST_REQUESTS, JobRoom, queue_room
from core.batch.types import BatchId, BatchState, JobLane
from core.client import VisionClient
from core.engines.jobs import TOKEN_LIMIT, BatchEngine, BatchLane, NoBatchLaneError, RemoteJob
from core.errors import (
    BudgetError,
    EngineError,
    PayloadTooLargeError,
    RequestRejectedError,
    RequestTooLargeForLimitError,
    StorageError,
    VisionError,
)
from core.phrases import Phrase
from core.store.batch_jobs import BatchTerms, Job, JobStep, SqlJobStore
from core.store.batches import SqlBatchStore

_log = logging.getLogger(__name__)

_SETTLED_STATES: Final = {JobStep.SETTLED, JobStep.DONE}
_CLEANING_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often things are looked at, in seconds; tests put their own in.

    A job is looked at after `look_share` of its age, between `least_look_s` and `most_look_s`.
    After a create whose answer was lost, the vendor's list is given `settling_s` to show the job.
    """

    look_share: float = 0.1
    least_look_s: float = 1.0
    most_look_s: float = 300.0
    settling_s: float = 60.0
    tick_s: float = 2.0
    full_queue_s: float = 60.0
    abandoned_s: float = 3600.0
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    jitter: Callable[[], float] = random.random


@dataclass
class _Drive:
    """A batch whose jobs this process keeps.

    `again` ends every wait at once; `fresh` are the jobs whose upload was never begun;
    `most_bytes` is what the endpoint takes, as far as it has shown; `hold_until_s` is when to try
    the vendor's queue again. `waits_for_jobs` says that money or room comes back when a job ends,
    `is_hurried` that what is not submitted no longer waits.
    """

    batch_id: BatchId
    budget_usd: Decimal | None
    per_minute: float
    tasks: "dict[str, asyncio.Task[None]]" = field(default_factory=dict)
    open: dict[str, Job] = field(default_factory=dict)
    again: asyncio.Event = field(default_factory=asyncio.Event)
    fresh: set[str] = field(default_factory=set)
    most_bytes: int = MOST_BYTES
    waits_for_jobs: bool = False
    is_hurried: bool = False
    enqueued_tokens: int = 0
    hold_until_s: float = 0.0
    queue_waits: int = 0
    loop: "asyncio.Task[None] | None" = None


class Operator:
    """Its coroutines belong to the client's event loop.

    Args:
        client: Makes requests ready and records what came of them.
        store: Where items are.
        directory: For files on their way; created with mode 0700.
        look: Called when items have come back for the realtime lane, or the last one has ended.
        rhythm: How often things are looked at.
    """

    def __init__(
        self,
        client: VisionClient,
        store: SqlBatchStore,
        directory: Path,
        look: Callable[[], None],
        rhythm: Rhythm | None = None,
    ) -> None:
        self._client = client
        self._store = store
        self._directory = directory
        self._look = look
        self._rhythm = rhythm or Rhythm()
        self.jobs = SqlJobStore(store.database)
        self._filler = Filler(client, store, self.jobs)
        self._settler = Settler(client, self._filler, self.jobs)
        self._drives: dict[BatchId, _Drive] = {}
        self._is_closing = False

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
        drive = self._drives.setdefault(batch_id, _Drive(batch_id, budget_usd, per_minute))
        drive.budget_usd, drive.per_minute, drive.hold_until_s = budget_usd, per_minute, 0.0
        if drive.loop is None and not self._is_closing:
            drive.loop = asyncio.create_task(self._see_to(drive))
        self.wake(batch_id)

    def wake(self, batch_id: BatchId) -> None:
        """End every wait for this batch: something was decided, or somebody wants to know."""
        if drive := self._drives.get(batch_id):
            drive.again.set()
            drive.again = asyncio.Event()

    async def hurry(self, batch_id: BatchId) -> None:
        """Let what is not submitted yet go to the realtime lane."""
        await self._move(batch_id, _EVERYTHING)
        if drive := self._drives.get(batch_id):
            drive.is_hurried = True
            for job in [each for each in drive.open.values() if each.vendor_id is None]:
                await self._ask_to_cancel(drive, job.id)

    async def idle(self) -> None:
        """Wait until no job is left to look at."""
        while loops := {each.loop for each in self._drives.values() if each.loop is not None}:
            await asyncio.wait(loops)

    async def close(self) -> None:
        """Stop wherever it is; every step can be taken up again."""
        self._is_closing = True
        loops = {each.loop for each in self._drives.values() if each.loop is not None}
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        with suppress(StorageError):  # a process that is dead keeps nothing either
            await self._write(self.jobs.let_go)

    # A batch

    async def _see_to(self, drive: _Drive) -> None:
        try:
            await self._begin_again(drive)
            while await self._turn(drive):
                pass
        except asyncio.CancelledError:
            raise
        except StorageError:
            _log.exception("batch_lane_stopped", extra={"batch": drive.batch_id})
        except Exception:  # noqa: BLE001 - a bug is logged; all is on disk for the next start
            _log.exception("batch_lane_crashed", extra={"batch": drive.batch_id})
        finally:
            for task in drive.tasks.values():
                task.cancel()
            await asyncio.gather(*drive.tasks.values(), return_exceptions=True)
            drive.loop = None
            self._drives.pop(drive.batch_id, None)
            self._look()

    async def _begin_again(self, drive: _Drive) -> None:
        """Take up what another process has left, and undo what nobody was told of."""
        for job in await self._write(partial(self.jobs.keep, batch_id=drive.batch_id)):
            if job.step is JobStep.FILLING:
                await self._undo(job)
            else:
                self._begin(drive, job)

    async def _turn(self, drive: _Drive) -> bool:
        """Decide about lanes, submit what may be, and wait; False if nothing is left to do."""
        again = drive.again
        terms = await self._terms(drive)
        plan = await self._plan(drive, terms)
        for job_id in plan.cancel:
            await self._ask_to_cancel(drive, job_id)
        is_waiting = await self._submit(drive, terms)
        if not is_waiting and not drive.tasks:
            return False
        wait_s = min(self._rhythm.tick_s, plan.again_in_s) if is_waiting or drive.tasks else 0.0
        await self._wait(again, wait_s)
        return True

    async def _terms(self, drive: _Drive) -> BatchTerms:
        terms: BatchTerms = await self._write(partial(self.jobs.terms, batch_id=drive.batch_id))
        return terms

    async def _plan(self, drive: _Drive, terms: BatchTerms) -> LanePlan:
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

    async def _lanes(self, drive: _Drive, terms: BatchTerms) -> Lanes:
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

    async def _submit(self, drive: _Drive, terms: BatchTerms) -> bool:
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

    async def _do_without(self, drive: _Drive, terms: BatchTerms, error: EngineError) -> None:
        """Go on where there is no batch lane: at once, or not at all."""
        if terms.lane is JobLane.AUTO:
            await self._move(drive.batch_id, _EVERYTHING)
        else:
            await self._pause(drive, error)

    async def _fill(self, drive: _Drive, terms: BatchTerms) -> None:
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
        except BaseException:
            await asyncio.shield(self._undo(job))
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

    async def _stand(self, drive: _Drive, terms: BatchTerms, stopped: BudgetError | None) -> None:
        """See what is to be done when not a single item goes into a job."""
        if stopped is not None:
            await self._pause(drive, stopped)
        elif drive.enqueued_tokens:
            self._hold(drive)  # another batch's jobs fill the queue
        elif await self._write(
            partial(self.jobs.waiting, batch_id=drive.batch_id, lane=JobLane.BATCH)
        ):
            error = RequestTooLargeForLimitError(
                Phrase("One request has more tokens than the vendor's queue takes at all.")
            )
            await self._do_without(drive, terms, error)

    def _hold(self, drive: _Drive) -> None:
        """Wait for room: the longer, the more often there was none."""
        wait_s = self._rhythm.full_queue_s * 2 ** min(drive.queue_waits, 5)
        drive.queue_waits += 1
        drive.hold_until_s = self._rhythm.clock() + self._with_jitter(wait_s)

    async def _room(self, drive: _Drive, terms: BatchTerms, job: Job) -> JobRoom:
        now_s = self._rhythm.clock()

        def read(connection: Connection) -> int | None:
            limit = self.jobs.token_limit(connection, job.origin, job.model, now_s)
            enqueued = self.jobs.enqueued_tokens(connection, job.origin, job.model)
            drive.enqueued_tokens = enqueued
            return queue_room(limit, enqueued)

        ready_by_s = terms.ready_by_s if terms.lane is JobLane.AUTO else None
        most = most_in_a_job(ready_by_s, now_s, drive.per_minute, MOST_REQUESTS)
        return JobRoom(most, drive.most_bytes, most_tokens=await self._write(read))

    async def _pause(self, drive: _Drive, error: VisionError) -> None:
        pause = partial(
            self._store.pause, batch_id=drive.batch_id, code=error.code, reason=error.detail
        )
        await self._write(pause)
        self._look()

    # A job

    def _begin(self, drive: _Drive, job: Job) -> None:
        if job.is_open:
            drive.open[job.id] = job
        task = asyncio.create_task(self._see_through(drive, job))
        drive.tasks[job.id] = task

        def end(_: object) -> None:
            drive.tasks.pop(job.id, None)
            drive.waits_for_jobs = False
            drive.open.pop(job.id, None)
            if not task.cancelled() and (error := task.exception()):
                _log.error("job_crashed", exc_info=error, extra={"job": job.id})
            self.wake(drive.batch_id)

        task.add_done_callback(end)

    async def _see_through(self, drive: _Drive, job: Job) -> None:
        """Take a job from step to step, waiting out whatever passes."""
        failed = 0
        while job.step is not JobStep.DONE:
            job = drive.open.get(job.id, job)  # also what was decided about it meanwhile
            again, before = drive.again, job
            try:
                job = await self._step(drive, job)
            except NoBatchLaneError as error:
                job = await self._reject(drive, job, error)
            except EngineError as error:
                failed += 1
                if job.step is JobStep.SETTLED and failed >= _CLEANING_TRIES:
                    _log.warning("job_files_not_deleted", extra={"job": job.id})
                    job = await self._cleaned(drive, job)  # they expire in thirty days
                    break
                job = await self._meet(drive, job, error)
                await self._wait(again, self._retry_s(error, failed))
            except StorageError:
                failed += 1
                _log.exception("job_waits_for_the_disk", extra={"job": job.id})
                await self._wait(again, self._rhythm.most_look_s)
            else:
                failed = 0
                if job.step is before.step and job.step is not JobStep.DONE:
                    await self._wait(again, self._look_s(job))

    async def _step(self, drive: _Drive, job: Job) -> Job:
        """Do the next thing for a job and return how it stands."""
        lane = await self._lane()
        match job.step:
            case JobStep.FILLED | JobStep.UPLOADED | JobStep.CREATING:
                return await self._get_submitted(drive, job, lane)
            case JobStep.SUBMITTED:
                return await self._watch(drive, job, lane)
            case JobStep.ENDED:
                return await self._settle(drive, job, lane)
            case JobStep.SETTLED:
                return await self._clean(drive, job, lane)
        raise AssertionError(job.step)

    async def _get_submitted(self, drive: _Drive, job: Job, lane: BatchLane) -> Job:
        """Upload and create, each at most once as far as the vendor shows; or give it up."""
        if job.step is JobStep.CREATING:
            if self._rhythm.clock() < (job.tried_at_s or 0) + self._rhythm.settling_s:
                return job
            assert job.input_file is not None  # noqa: S101 - the step before has set it
            found = await lane.find_job(job.id, job.input_file, job.created_at_s)
            if found is not None:
                return await self._submitted(drive, job, found)
        terms = await self._terms(drive)
        if terms.state is BatchState.CANCELLED or job.cancel_asked_at_s is not None:
            return await self._withdraw(drive, job, await self._next_lane(drive))
        if terms.state is not BatchState.RUNNING:
            return job
        if job.step is JobStep.FILLED:
            name = f"{job.id}.jsonl"
            file = None if job.id in drive.fresh else await lane.find_file(name)
            drive.fresh.discard(job.id)
            file = file or await lane.upload(self._file(job), name)
            job = await self._save(drive, job, step=JobStep.UPLOADED, input_file=file)
        tried_at_s = self._rhythm.clock()
        job = await self._save(drive, job, step=JobStep.CREATING, tried_at_s=tried_at_s)
        assert job.input_file is not None  # noqa: S101 - as above
        return await self._submitted(drive, job, await lane.create_job(job.input_file, job.id))

    async def _submitted(self, drive: _Drive, job: Job, found: RemoteJob) -> Job:
        job = await self._save(
            drive,
            job,
            step=JobStep.SUBMITTED,
            vendor_id=found.id,
            vendor_state=found.state,
            submitted_at_s=found.created_at_s or self._rhythm.clock(),
            expires_at_s=found.expires_at_s,
            reason=None,
            reason_code=None,
        )
        self._file(job).unlink(missing_ok=True)
        return job

    async def _watch(self, drive: _Drive, job: Job, lane: BatchLane) -> Job:
        """Look how far the vendor is."""
        assert job.vendor_id is not None  # noqa: S101 - what is submitted has one
        if job.cancel_asked_at_s is not None and job.vendor_state not in {"cancelling", None}:
            await lane.cancel_job(job.vendor_id)
        found = await lane.job(job.vendor_id)
        now_s = self._rhythm.clock()
        is_stuck = now_s > (job.cancel_asked_at_s or now_s) + self._rhythm.abandoned_s
        if found is None or (is_stuck and not found.has_ended):
            await self._settler.lose(job)
            return await self._settled(drive, job)
        return await self._save(
            drive,
            job,
            step=JobStep.ENDED if found.has_ended else JobStep.SUBMITTED,
            vendor_state=found.state,
            completed=found.completed,
            failed=found.failed,
            output_file=found.output_file,
            error_file=found.error_file,
            expires_at_s=found.expires_at_s or job.expires_at_s,
            ended_at_s=now_s if found.has_ended else None,
        )

    async def _settle(self, drive: _Drive, job: Job, lane: BatchLane) -> Job:
        """Read what became of every request, and queue again what nothing became of."""
        assert job.vendor_id is not None  # noqa: S101 - what has ended was submitted
        next_lane = await self._next_lane(drive)
        if job.vendor_state == "failed":
            found = await lane.job(job.vendor_id)
            return await self._refused(drive, job, found, next_lane)
        files, is_gone = [], False
        for name, file_id in (("output", job.output_file), ("errors", job.error_file)):
            if file_id is not None:
                target = self._file(job, f".{name}.jsonl")
                is_gone = not await lane.download(file_id, target) or is_gone
                files += [target] if target.exists() else []
        hopeless = await self._settler.settle(job, lane, files, next_lane)
        if is_gone:
            await self._settler.lose(job)
        await self._settler.give_back(job, next_lane, was_tried=job.vendor_state == "completed")
        if hopeless is not None:
            pause = partial(self._store.pause, code=hopeless.code, reason=hopeless.detail)
            await self._write(partial(pause, batch_id=job.batch))
        return await self._settled(drive, job)

    async def _refused(
        self, drive: _Drive, job: Job, found: RemoteJob | None, next_lane: JobLane
    ) -> Job:
        """See why the vendor refused the whole job: a full queue passes, a bad line does not."""
        problems = found.problems if found else ()
        first = next(iter(problems), None)
        reason = first.message if first else Phrase("The vendor refused the job without a reason.")
        if first is not None and first.code == TOKEN_LIMIT:
            # Without a number, half of what was refused is tried next time.
            limit = first.limit_tokens or job.tokens // 2 or None
            job = await self._save(drive, job, limit_tokens=limit, reason=reason)
            self._hold(drive)
            await self._settler.give_back(job, JobLane.BATCH, was_tried=False)
        else:
            error = RequestRejectedError(reason)
            job = await self._save(drive, job, reason=reason, reason_code=error.code)
            if next_lane is JobLane.BATCH:
                await self._pause(drive, error)
            await self._settler.give_back(job, next_lane, was_tried=False)
        return await self._settled(drive, job)

    async def _settled(self, drive: _Drive, job: Job) -> Job:
        job = await self._save(drive, job, step=JobStep.SETTLED, ended_at_s=self._rhythm.clock())
        await self._write(partial(self._store.settle, batch_id=job.batch))
        self._look()
        return job

    async def _clean(self, drive: _Drive, job: Job, lane: BatchLane) -> Job:
        """Delete the files, at the vendor and here."""
        for file_id in (job.input_file, job.output_file, job.error_file):
            if file_id is not None:
                await lane.delete_file(file_id)
        return await self._cleaned(drive, job)

    async def _cleaned(self, drive: _Drive, job: Job) -> Job:
        for suffix in (".jsonl", ".output.jsonl", ".errors.jsonl"):
            self._file(job, suffix).unlink(missing_ok=True)
        return await self._save(drive, job, step=JobStep.DONE)

    async def _withdraw(self, drive: _Drive, job: Job, next_lane: JobLane) -> Job:
        """Give up a job that the vendor was never told to work on."""
        await self._settler.give_back(job, next_lane, was_tried=False)
        return await self._settled(drive, job)

    async def _reject(self, drive: _Drive, job: Job, error: EngineError) -> Job:
        """Go on without a job that the endpoint will not take."""
        if job.step not in {JobStep.FILLED, JobStep.UPLOADED, JobStep.CREATING}:
            await self._wait(drive.again, self._rhythm.most_look_s)
            return job
        next_lane = await self._next_lane(drive)
        if isinstance(error, PayloadTooLargeError) and job.requests > 1:
            next_lane, drive.most_bytes = JobLane.BATCH, job.size_bytes // 2
        elif next_lane is JobLane.BATCH:
            await self._pause(drive, error)
        job = await self._save(drive, job, reason=error.detail, reason_code=error.code)
        job = await self._withdraw(drive, job, next_lane)
        return await self._cleaned(drive, job) if isinstance(error, NoBatchLaneError) else job

    async def _meet(self, drive: _Drive, job: Job, error: EngineError) -> Job:
        """Deal with an error that is not the job's last word."""
        _log.warning("job_call_failed", extra={"job": job.id, "code": error.code})
        if error.code in HOPELESS:
            await self._pause(drive, error)
        elif not error.retryable and job.step is not JobStep.SETTLED:
            return await self._reject(drive, job, error)
        return job

    async def _ask_to_cancel(self, drive: _Drive, job_id: str) -> None:
        job = drive.open.get(job_id)
        if job is not None and job.cancel_asked_at_s is None:
            mark = partial(self.jobs.ask_to_cancel, job=job, now_s=self._rhythm.clock())
            await self._write(mark)
            drive.open[job_id] = replace(job, cancel_asked_at_s=self._rhythm.clock())
            self.wake(drive.batch_id)

    async def _undo(self, job: Job) -> None:
        """Forget a job that the vendor was never told of."""
        await self._settler.give_back(job, JobLane.BATCH, was_tried=False)
        await self._write(partial(self.jobs.forget, job=job))
        self._file(job).unlink(missing_ok=True)

    # What the steps stand on

    async def _next_lane(self, drive: _Drive) -> JobLane:
        """Return where items go on that their job did not answer."""
        terms = await self._terms(drive)
        return JobLane.REALTIME if terms.lane is JobLane.AUTO else JobLane.BATCH

    async def _save(self, drive: _Drive, job: Job, **changes: Any) -> Job:
        """Write down how far a job is; what was decided about it meanwhile stays."""
        known = drive.open.get(job.id, job)
        changed = replace(job, cancel_asked_at_s=known.cancel_asked_at_s, **changes)
        if changed != job:
            await self._write(partial(self.jobs.save, job=changed))
        if job.id in drive.open:
            drive.open[job.id] = changed
            if changed.step in _SETTLED_STATES:
                del drive.open[job.id]
        return changed

    async def _lane(self) -> BatchLane:
        engine = self._client.engine
        if not isinstance(engine, BatchEngine):
            raise NoBatchLaneError(Phrase("This engine has no batch lane."))
        return await engine.batch_lane()

    async def _write(self, work: Any) -> Any:
        return await self._client.writer.run(work)

    def _file(self, job: Job, suffix: str = ".jsonl") -> Path:
        return self._directory / f"{job.id}{suffix}"

    def _look_s(self, job: Job) -> float:
        """Return how long to wait before a job is looked at again: the longer, the older it is."""
        age_s = self._rhythm.clock() - (job.submitted_at_s or job.created_at_s)
        wait_s = max(self._rhythm.least_look_s, age_s * self._rhythm.look_share)
        return self._with_jitter(min(wait_s, self._rhythm.most_look_s))

    def _retry_s(self, error: EngineError, failed: int) -> float:
        if error.code in HOPELESS:
            return self._rhythm.most_look_s
        curve_s = min(self._rhythm.least_look_s * 2 ** min(failed, 16), self._rhythm.most_look_s)
        return self._with_jitter(max(curve_s, error.retry_after_s or 0.0))

    def _with_jitter(self, wait_s: float) -> float:
        return wait_s * (1 + 0.2 * self._rhythm.jitter())

    async def _wait(self, again: asyncio.Event, wait_s: float) -> None:
        """Wait, unless somebody wants to know before."""
        sleeping = asyncio.ensure_future(self._rhythm.sleep(wait_s))
        woken = asyncio.create_task(again.wait())
        try:
            await asyncio.wait({sleeping, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (sleeping, woken):
                each.cancel()
            await asyncio.gather(sleeping, woken, return_exceptions=True)


_EVERYTHING: Final = 2**31
