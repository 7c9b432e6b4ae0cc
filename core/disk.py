"""One thread for what blocks on files, so that the event loop never does."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")

_MOST_TOGETHER = 16
"""What is ready waits for the rest of its group, so groups are small."""


@dataclass(slots=True)
class _Job:
    work: Callable[[], Any]
    done: "asyncio.Future[Any]"


class DiskThread:
    """Runs blocking work in its order; `run` belongs to one event loop.

    What waits while the thread is busy goes there together: the way to a thread and back costs
    more than most of what is done there.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tessera-disk")
        self._waiting: list[_Job] = []
        self._is_busy = False

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `work` returns; a cancelled caller waits for its end first."""
        job = _Job(partial(work, *args, **kwargs), asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        if not self._is_busy:
            self._begin()
        return cast("T", await its_end(job.done))

    def close(self) -> None:
        """End the thread once it is idle."""
        self._thread.shutdown()

    def _begin(self) -> None:
        """Hand the next group over; no task does that, which could be cancelled."""
        jobs, self._waiting = self._waiting[:_MOST_TOGETHER], self._waiting[_MOST_TOGETHER:]
        self._is_busy = bool(jobs)
        if jobs:
            works = [job.work for job in jobs]
            group = asyncio.get_running_loop().run_in_executor(self._thread, _results, works)
            group.add_done_callback(partial(self._end, jobs))

    def _end(self, jobs: list[_Job], group: "asyncio.Future[list[Any]]") -> None:
        self._begin()
        for job, result in zip(jobs, group.result(), strict=True):
            if isinstance(result, Exception):
                job.done.set_exception(result)
            else:
                job.done.set_result(result)


async def its_end(done: "asyncio.Future[T]") -> T:
    """Return what comes of work that cannot be stopped; a cancelled caller waits for it first."""
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        await asyncio.wait({done})
        if not done.cancelled():
            done.exception()  # seen here, or asyncio would complain about it later
        raise


def _results(works: list[Callable[[], Any]]) -> list[Any]:
    return [_result(work) for work in works]


def _result(work: Callable[[], Any]) -> Any:
    """Return the result, or the error that it ended with."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - it is raised where the work came from
        return error
