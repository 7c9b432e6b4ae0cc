"""A job of the Batch API from its file on disk to the last answer, step by step.

Each step is on disk before the next begins. So whatever ends this process, the next one knows what
the vendor may have been told, looks there before it says anything twice, and reads again what it
had not finished reading.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from core.batch.driving import MISSING, Drive, Rhythm
from core.batch.filling import Filler
from core.batch.keeping import HOPELESS
from core.batch.settling import Settler
from core.batch.splitting import next_limit
from core.batch.types import BatchId, BatchState, JobLane
from core.client import VisionClient
from core.engines.jobs import TOKEN_LIMIT, BatchEngine, BatchLane, NoBatchLaneError, RemoteJob
from core.errors import (
    EngineError,
    PayloadTooLargeError,
    RequestRejectedError,
    StorageError,
    VisionError,
)
from core.phrases import Phrase
from core.store.batch_jobs import BatchTerms, Job, JobStep, SqlJobStore
from core.store.batches import SqlBatchStore

_log = logging.getLogger(__name__)

_STUCK: Final = Phrase(
    "The vendor does not end this job, though it was asked to. What it answers still counts."
)
_CLEANING_TRIES: Final = 3


class JobSteps:
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
        self._drives: dict[BatchId, Drive] = {}
        self._is_closing = False

    def _begin(self, drive: Drive, job: Job) -> None:
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
            drive.wake()

        task.add_done_callback(end)

    async def _see_through(self, drive: Drive, job: Job) -> None:
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
                await self._rhythm.wait(again, self._retry_s(error, failed))
            except StorageError:
                failed += 1
                _log.exception("job_waits_for_the_disk", extra={"job": job.id})
                await self._rhythm.wait(again, self._rhythm.most_look_s)
            else:
                failed = 0
                if job.step is before.step and job.step is not JobStep.DONE:
                    await self._rhythm.wait(
                        again, self._rhythm.look_s(job.submitted_at_s or job.created_at_s)
                    )

    async def _step(self, drive: Drive, job: Job) -> Job:
        """Do the next thing for a job and return how it stands."""
        lane = await self._lane()
        match job.step:
            case JobStep.FILLED | JobStep.UPLOADED | JobStep.CREATING:
                return await self._get_submitted(drive, job, lane)
            case JobStep.SUBMITTED:
                return await self._watch(drive, job, lane)
            case JobStep.OVERDUE:
                return await self._look_back(drive, job, lane)
            case JobStep.ENDED:
                return await self._settle(drive, job, lane)
            case JobStep.SETTLED:
                return await self._clean(drive, job, lane)
        raise AssertionError(job.step)

    async def _get_submitted(self, drive: Drive, job: Job, lane: BatchLane) -> Job:
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

    async def _submitted(self, drive: Drive, job: Job, found: RemoteJob) -> Job:
        return await self._save(
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

    async def _watch(self, drive: Drive, job: Job, lane: BatchLane) -> Job:
        """Look how far the vendor is."""
        assert job.vendor_id is not None  # noqa: S101 - what is submitted has one
        if job.cancel_asked_at_s is not None and job.vendor_state not in {"cancelling", None}:
            await lane.cancel_job(job.vendor_id)
        found = await lane.job(job.vendor_id)
        if found is None and not drive.is_gone(job.id, self._rhythm):
            return await self._save(drive, job, reason=MISSING)
        job, now_s = drive.no_longer_missing(job), self._rhythm.clock()
        waited_s = now_s - (job.cancel_asked_at_s or now_s)
        if found is None or (waited_s > self._rhythm.lost_s and not found.has_ended):
            await self._settler.lose(job)
            return await self._settled(drive, job)
        if waited_s > self._rhythm.abandoned_s and not found.has_ended:
            return await self._go_on_without(drive, job)
        if found.state not in {"validating", "failed"}:
            self._file(job).unlink(missing_ok=True)  # until then it tells which line is which
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

    async def _go_on_without(self, drive: Drive, job: Job) -> Job:
        """Take the items of a job that does not end to the other lane; without one they wait."""
        terms = await self._terms(drive)
        if terms.lane is not JobLane.AUTO and terms.state is not BatchState.CANCELLED:
            return await self._save(drive, job, reason=_STUCK)
        drive.overdue.add(job.id)
        job = replace(job, step=JobStep.OVERDUE, reason=_STUCK)

        def write(connection: Connection) -> None:
            self.jobs.put_back(connection, job, None, JobLane.REALTIME, was_tried=True)
            self.jobs.save(connection, job)

        await self._write(write)
        drive.open.pop(job.id, None)
        drive.wake()
        self._look()
        return job

    async def _look_back(self, drive: Drive, job: Job, lane: BatchLane) -> Job:
        """See whether a job that nobody waits for has ended, and count what it cost."""
        drive.overdue.add(job.id)
        assert job.vendor_id is not None  # noqa: S101 - what is overdue was submitted
        found = await lane.job(job.vendor_id)
        if found is None and not drive.is_gone(job.id, self._rhythm):
            return job
        waited_s = self._rhythm.clock() - (job.cancel_asked_at_s or 0)
        is_gone = found is None or (waited_s > self._rhythm.lost_s and not found.has_ended)
        if found is not None and not (found.has_ended or is_gone):
            return job
        if found is not None and found.has_ended:
            output, errors = found.output_file, found.error_file
            job = replace(job, vendor_state=found.state, output_file=output, error_file=errors)
            there, is_gone = await self._download(job, lane)
            if is_gone and not drive.is_gone(job.id, self._rhythm):
                return job
            await self._settler.count(job, lane, there)
        await self._settler.drop_money(job, is_lost=is_gone)
        return await self._settled(drive, job)

    async def _download(self, job: Job, lane: BatchLane) -> tuple[list[Path], bool]:
        """Bring the files of a job that has ended, and say whether one of them is gone."""
        files, is_gone = [], False
        for name, file_id in (("output", job.output_file), ("errors", job.error_file)):
            if file_id is not None:
                target = self._file(job, f".{name}.jsonl")
                is_gone = not await lane.download(file_id, target) or is_gone
                files += [target] if target.exists() else []
        return files, is_gone

    async def _settle(self, drive: Drive, job: Job, lane: BatchLane) -> Job:
        """Read what became of every request, and queue again what nothing became of."""
        assert job.vendor_id is not None  # noqa: S101 - what has ended was submitted
        next_lane = await self._next_lane(drive)
        if job.vendor_state == "failed":
            return await self._refused(drive, job, lane, next_lane)
        files, is_gone = await self._download(job, lane)
        if is_gone and not drive.is_gone(job.id, self._rhythm):
            return await self._save(drive, job, reason=MISSING)
        job = drive.no_longer_missing(job)
        hopeless = await self._settler.settle(job, lane, files, next_lane)
        if is_gone:
            await self._settler.lose(job)
        await self._settler.give_back(job, next_lane, was_tried=job.vendor_state == "completed")
        if hopeless is not None:
            pause = partial(self._store.pause, code=hopeless.code, reason=hopeless.detail)
            await self._write(partial(pause, batch_id=job.batch))
        return await self._settled(drive, job)

    async def _refused(self, drive: Drive, job: Job, lane: BatchLane, next_lane: JobLane) -> Job:
        """See why the vendor refused a job: a full queue passes, a bad line does not."""
        found = await lane.job(job.vendor_id or "")
        problems = found.problems if found else ()
        first = next(iter(problems), None)
        reason = first.message if first else Phrase("The vendor refused the job without a reason.")
        if first is not None and first.code == TOKEN_LIMIT:
            limit = next_limit(job.tokens, first.limit_tokens, drive.queue_waits)
            job = await self._save(drive, job, limit_tokens=limit, reason=reason)
            drive.hold(self._rhythm)
            await self._settler.give_back(job, JobLane.BATCH, was_tried=False)
        else:
            error = RequestRejectedError(reason)
            job = await self._save(drive, job, reason=reason, reason_code=error.code)
            is_told_apart = await self._settler.refuse(job, lane, self._file(job), problems)
            if next_lane is JobLane.BATCH and (drive.was_refused or not is_told_apart):
                await self._pause(drive, error)
            drive.was_refused = True
            await self._settler.give_back(job, next_lane, was_tried=False)
        return await self._settled(drive, job)

    async def _settled(self, drive: Drive, job: Job) -> Job:
        job = await self._save(drive, job, step=JobStep.SETTLED, ended_at_s=self._rhythm.clock())
        await self._write(partial(self._store.settle, batch_id=job.batch))
        self._look()
        return job

    async def _clean(self, drive: Drive, job: Job, lane: BatchLane) -> Job:
        """Delete the files, at the vendor and here."""
        for file_id in (job.input_file, job.output_file, job.error_file):
            if file_id is not None:
                await lane.delete_file(file_id)
        return await self._cleaned(drive, job)

    async def _cleaned(self, drive: Drive, job: Job) -> Job:
        for suffix in (".jsonl", ".output.jsonl", ".errors.jsonl"):
            self._file(job, suffix).unlink(missing_ok=True)
        return await self._save(drive, job, step=JobStep.DONE)

    async def _withdraw(self, drive: Drive, job: Job, next_lane: JobLane) -> Job:
        """Give up a job that the vendor was never told to work on."""
        await self._settler.give_back(job, next_lane, was_tried=False)
        return await self._settled(drive, job)

    async def _reject(self, drive: Drive, job: Job, error: EngineError) -> Job:
        """Go on without a job that the endpoint will not take."""
        if job.step not in {JobStep.FILLED, JobStep.UPLOADED, JobStep.CREATING}:
            await self._rhythm.wait(drive.again, self._rhythm.most_look_s)
            return job
        next_lane = await self._next_lane(drive)
        if isinstance(error, PayloadTooLargeError) and job.requests > 1:
            next_lane, drive.most_bytes = JobLane.BATCH, job.size_bytes // 2
        elif next_lane is JobLane.BATCH:
            await self._pause(drive, error)
        job = await self._save(drive, job, reason=error.detail, reason_code=error.code)
        job = await self._withdraw(drive, job, next_lane)
        return await self._cleaned(drive, job) if isinstance(error, NoBatchLaneError) else job

    async def _meet(self, drive: Drive, job: Job, error: EngineError) -> Job:
        """Deal with an error that is not the job's last word."""
        _log.warning("job_call_failed", extra={"job": job.id, "code": error.code})
        if error.code in HOPELESS:
            await self._pause(drive, error)
        elif not error.retryable and job.step is not JobStep.SETTLED:
            return await self._reject(drive, job, error)
        return job

    async def _ask_to_cancel(self, drive: Drive, job_id: str) -> None:
        job = drive.open.get(job_id)
        if job is not None and job.cancel_asked_at_s is None:
            mark = partial(self.jobs.ask_to_cancel, job=job, now_s=self._rhythm.clock())
            await self._write(mark)
            drive.open[job_id] = replace(job, cancel_asked_at_s=self._rhythm.clock())
            drive.wake()

    async def _undo(self, job: Job) -> None:
        """Forget a job that the vendor was never told of."""
        await self._settler.give_back(job, JobLane.BATCH, was_tried=False)
        await self._write(partial(self.jobs.forget, job=job))
        self._file(job).unlink(missing_ok=True)

    async def _terms(self, drive: Drive) -> BatchTerms:
        terms: BatchTerms = await self._write(partial(self.jobs.terms, batch_id=drive.batch_id))
        return terms

    async def _pause(self, drive: Drive, error: VisionError) -> None:
        pause = partial(
            self._store.pause, batch_id=drive.batch_id, code=error.code, reason=error.detail
        )
        await self._write(pause)
        self._look()

    async def _next_lane(self, drive: Drive) -> JobLane:
        """Return where items go on that their job did not answer."""
        terms = await self._terms(drive)
        return JobLane.REALTIME if terms.lane is JobLane.AUTO else JobLane.BATCH

    async def _save(self, drive: Drive, job: Job, **changes: Any) -> Job:
        """Write down how far a job is; what was decided about it meanwhile stays."""
        known = drive.open.get(job.id, job)
        changed = replace(job, cancel_asked_at_s=known.cancel_asked_at_s, **changes)
        if changed != job:
            await self._write(partial(self.jobs.save, job=changed))
        if job.id in drive.open:
            drive.open[job.id] = changed
            if not changed.is_open:
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

    def _retry_s(self, error: EngineError, failed: int) -> float:
        if error.code in HOPELESS:
            return self._rhythm.most_look_s
        return self._rhythm.retry_s(failed, error.retry_after_s or 0.0)
