"""The process ends between any two steps of the batch lane: nothing is paid twice or lost."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from core.batch.types import BatchState, JobLane
from core.errors import ConnectionFailedError, StorageError
from core.store.check import check_store
from tests.batch_kit import QUESTION, Bench, pictures
from tests.batch_plans import Fate, Plan, mixed
from tests.batch_upstream import BatchUpstream
from tests.lane_kit import billed_usd, open_lane

COUNT = 5
STEPS = ("check", "upload", "create_job", "job", "download", "delete_file", "find_job", "find_file")


@dataclass
class Crash:
    """Lets the process do `left` more things with the disk or the vendor; then it does nothing."""

    left: int
    done: list[str] = field(default_factory=list)
    dead: asyncio.Event = field(default_factory=asyncio.Event)

    def step(self, name: str) -> None:
        if self.left <= 0:
            self.dead.set()
            return
        self.left -= 1
        self.done.append(name)

    async def install(self, bench: Bench) -> None:
        writer, engine = bench.client.writer, bench.client.engine
        lane = await engine.batch_lane()
        for name in STEPS:
            setattr(lane, name, self._watched(name, getattr(lane, name), ConnectionFailedError))
        engine.batch_lane = lambda: _given(lane)
        writer.run = self._watched("write", writer.run, StorageError)

    def _watched(
        self, name: str, call: Callable[..., Awaitable[Any]], dead: type[Exception]
    ) -> Callable[..., Awaitable[Any]]:
        async def watched(*args: Any) -> Any:
            self.step(name)
            if self.dead.is_set():
                await asyncio.sleep(
                    0
                )  # who tries again for ever must not keep the test from ending
                raise dead("the process is gone")
            result = await call(*args)
            self.step(f"{name} came back")  # what follows may be the end of it
            if self.dead.is_set():
                raise dead("the process is gone")
            return result

        return watched


async def _given(lane: Any) -> Any:
    return lane


async def live(tmp_path: Any, upstream: BatchUpstream, left: int) -> Crash:
    """Work on the batch of this directory until it is done or the process ends."""
    async with open_lane(tmp_path, upstream) as bench:
        crash = Crash(left)
        found = bench.batches.list_batches()
        if not found:
            batch_id = await bench.batches.create(
                "test", pictures(COUNT), QUESTION, lane=JobLane.BATCH
            )
            await crash.install(bench)
            start = asyncio.create_task(bench.batches.start(batch_id))
        else:
            await crash.install(bench)
            start = asyncio.create_task(bench.batches.resume_unfinished())
        dead = asyncio.create_task(crash.dead.wait())
        idle = asyncio.create_task(_finish(bench, start))
        await asyncio.wait({dead, idle}, return_when=asyncio.FIRST_COMPLETED)
        for task in (start, idle, dead):
            task.cancel()
        await asyncio.gather(start, idle, dead, return_exceptions=True)
        await bench.batches._operator.close()
        crash.dead.clear()
        crash.left = 10**9  # what closes it writes nothing that a death would not leave
    return crash


async def _finish(bench: Bench, start: "asyncio.Task[Any]") -> None:
    await start
    await bench.batches.wait()


def quick(**changes: Any) -> Plan:
    return Plan(validating_s=1, working_s=4, finalizing_s=1, cancelling_s=1, **changes)


FATES = mixed(Fate.ANSWERED, Fate.ANSWERED, Fate.CUT, Fate.REJECTED).fate


def chosen(steps: list[str]) -> list[int]:
    """Return after how many steps to end: around each word to the vendor, and now and then."""
    if os.environ.get("TESSERA_FULL_FAULTS"):
        return list(range(len(steps)))
    spoken = {n for n, name in enumerate(steps) if not name.startswith("write")}
    first = {steps[n]: n for n in sorted(spoken, reverse=True)}
    return sorted({*first.values(), *(n + 1 for n in first.values()), *range(10, len(steps), 50)})


async def test_a_process_that_ends_anywhere_pays_once_and_loses_nothing(tmp_path):
    whole = await live(tmp_path / "whole", BatchUpstream(plans=[quick(fate=FATES)]), 10**6)
    for left in chosen(whole.done):
        directory = tmp_path / str(left)
        upstream = BatchUpstream(plans=[quick(fate=FATES)])
        await live(directory, upstream, left)
        await live(directory, upstream, 10**6)
        async with open_lane(directory, upstream) as bench:
            progress = bench.batches.list_batches()[0]
            if progress.state is BatchState.QUEUED:
                continue  # it ended before the batch was begun
            problems = check_store(bench.store.database)

        where = f"after {left} steps"
        assert problems == [], where
        assert len(upstream.jobs) == 1, where
        assert (progress.state, progress.succeeded, progress.failed) == (
            BatchState.FAILED,
            3,
            2,
        ), where
        assert progress.cost_usd == billed_usd(upstream), where
        assert progress.reserved_usd == Decimal(0), where
        assert list((directory / "jobs").iterdir()) == [], where
