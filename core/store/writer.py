"""One writer for many small writes: what waits while a transaction runs shares the next one."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine

from core.disk import its_end
from core.errors import StorageError
from core.store.transactions import writing

T = TypeVar("T")
Work = Callable[[Connection], T]

_MOST_TOGETHER = 256


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    done: "asyncio.Future[Any]"


class GroupWriter:
    """Runs writes in their order, many in one transaction; each succeeds or fails alone.

    A write may therefore run twice: what it does outside the database has to bear that.

    Its coroutines belong to one event loop. `trouble` is why the disk takes nothing at present,
    and may be read from anywhere.
    """

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tessera-writer")
        self._waiting: list[_Job] = []
        self._drain: asyncio.Task[None] | None = None
        self.trouble: StorageError | None = None

    async def run(self, work: Work[T]) -> T:
        """Run `work` in a transaction and return its result once that is committed.

        A cancelled caller waits for the end first: what was written stays written.

        Raises:
            VisionError: From `work`; nothing that it wrote is kept then.
            StorageError: If the disk does not take it.
        """
        job = _Job(work, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        if self._drain is None:
            self._drain = asyncio.create_task(self._write_all())
        return cast("T", await its_end(job.done))

    async def close(self) -> None:
        """Wait until everything is written."""
        if self._drain is not None:
            await asyncio.wait({self._drain})
        self._thread.shutdown()

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                await asyncio.sleep(0)  # what is ready in the same moment comes along
                jobs, self._waiting = (
                    self._waiting[:_MOST_TOGETHER],
                    self._waiting[_MOST_TOGETHER:],
                )
                works = [job.work for job in jobs]
                results = await loop.run_in_executor(self._thread, self._commit, works)
                refused = (each for each in results if isinstance(each, StorageError))
                self.trouble = next(refused, None)
                for job, result in zip(jobs, results, strict=True):
                    if isinstance(result, BaseException):
                        job.done.set_exception(result)
                    else:
                        job.done.set_result(result)
        finally:
            self._drain = None

    def _commit(self, works: list[Work[Any]]) -> list[Any]:
        """Return each result, or the error that it ended with."""
        if len(works) == 1:
            return [self._alone(works[0])]
        try:
            with writing(self._database) as connection:
                return [work(connection) for work in works]
        except Exception:  # noqa: BLE001 - the whole group was undone: each says how it ends alone
            return [self._alone(work) for work in works]

    def _alone(self, work: Work[Any]) -> Any:
        try:
            with writing(self._database) as connection:
                return work(connection)
        except Exception as error:  # noqa: BLE001 - it is raised where the work came from
            return error
