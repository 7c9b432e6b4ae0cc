"""Decode pictures and PDF pages in a pool of limited child processes."""

import asyncio
import logging
import os
import signal
import sys
from asyncio import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from core.catalog.rules import ImageRule
from core.errors import ImageError, ImageRefusal
from core.images import messages, wire
from core.images.limits import DecodeLimits
from core.images.sniff import Kind, admit
from core.images.wire import Frame, ImageInfo, Job, UntrustedAnswerError, Wish
from core.tokens import seen_size
from core.types import Detail, ImageSource, PreparedImage

T = TypeVar("T")

_log = logging.getLogger(__name__)

_PROJECT_ROOT = Path(__file__).resolve().parents[2]
_KEPT_STDERR_BYTES = 4096
# Nothing else of the environment reaches a child: it holds keys, and children read hostile files.
_PASSED_ON = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT")


class Decoder:
    """As many children as cores, started when first needed, reused, replaced when they die.

    May be made anywhere; its coroutines belong to one event loop.
    """

    def __init__(self, workers: int | None = None, limits: DecodeLimits | None = None) -> None:
        self.limits = limits or DecodeLimits()
        self._slots = asyncio.Semaphore(workers or os.cpu_count() or 1)
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._closed = False

    async def prepare(
        self,
        source: ImageSource,
        rule: ImageRule,
        detail: Detail,
        max_size: tuple[int, int] | None = None,
    ) -> PreparedImage:
        """Return the picture as the model will see it, never enlarged.

        Args:
            source: Original bytes; page 0 of a PDF unless it names another.
            rule: How the model looks at pictures.
            detail: One of those that the rule takes.
            max_size: A further (width, height) in pixels for the result to fit into.

        Raises:
            ImageError: If the source cannot be used.
            UnsupportedDetailError: If the model does not take `detail`.
        """
        seen_size(1, 1, rule, detail)  # raises here and not in a child
        job = Job(Wish.PREPARE, self.limits, source.page, rule, detail, max_size)
        return await self._ask(job, source, wire.prepared_from_frame)

    async def probe(self, source: ImageSource) -> ImageInfo:
        """Return what the source is, without decoding it where the format allows that.

        Raises:
            ImageError: If the source cannot be used.
        """
        job = Job(Wish.PROBE, self.limits, source.page)
        return await self._ask(job, source, wire.info_from_frame)

    async def pages(self, source: ImageSource) -> int:
        """Return the number of pages of a PDF; every other picture has one.

        Raises:
            ImageError: If the source cannot be used.
        """
        if admit(source.data, self.limits) is not Kind.PDF:
            return 1
        return await self._ask(Job(Wish.COUNT_PAGES, self.limits), source, wire.pages_from_frame)

    async def close(self) -> None:
        """End all children, also those at work."""
        self._closed = True
        children = [*self._idle, *self._busy]
        self._idle.clear()
        for child in children:
            await child.end()

    async def _ask(self, job: Job, source: ImageSource, unpack: Callable[..., T]) -> T:
        if admit(source.data, self.limits) is Kind.ZIP:  # needs no child to be refused
            raise messages.NESTED_ARCHIVE.error()
        try:
            async with self._child() as child:
                answer = await child.exchange(
                    Frame(wire.job_to_json(job), source.data), self.limits.max_wall_s
                )
                return unpack(answer, self.limits)
        except _ChildLostError as lost:
            raise lost.refusal.error() from lost
        except UntrustedAnswerError as error:
            _log.warning("decoder_child_untrusted", extra={"part": str(error)})
            raise messages.DECODER_STOPPED.error() from error

    @asynccontextmanager
    async def _child(self) -> AsyncIterator["_Child"]:
        """Lend a child; one that is not in a known good state afterwards is ended."""
        async with self._slots:
            child = await self._take()
            self._busy.add(child)
            healthy = False
            try:
                yield child
                healthy = True
            except ImageError as refusal:
                healthy = refusal.reason is not ImageRefusal.TOO_MUCH_MEMORY
                raise
            finally:
                self._busy.discard(child)
                if healthy and not self._closed:
                    self._idle.append(child)
                else:
                    await child.end()

    async def _take(self) -> "_Child":
        while self._idle:
            child = self._idle.pop()
            if child.is_alive:
                return child
            await child.end()
        return await _Child.start()


class _ChildLostError(Exception):
    """A child did not answer; `refusal` is what that means for the source."""

    def __init__(self, refusal: messages.Refusal) -> None:
        super().__init__(refusal.template)
        self.refusal = refusal


class _Child:
    """One child process and its three pipes.

    Where the system has files in memory, a large picture lies on a `shelf` that both hold: through
    a pipe it goes in a dozen pieces, and each waits for the other side.
    """

    def __init__(self, process: asyncio.subprocess.Process, shelf: BinaryIO | None) -> None:
        assert process.stdin  # noqa: S101 - for the types, as the next two
        assert process.stdout  # noqa: S101
        assert process.stderr  # noqa: S101
        self._process, self._shelf = process, shelf
        self._jobs, self._answers, self._errors = process.stdin, process.stdout, process.stderr
        self._last_words = b""
        self._listening = asyncio.create_task(self._keep_last_words())

    @classmethod
    async def start(cls) -> "_Child":
        shelf = _new_shelf()
        passed_on = () if shelf is None else (shelf.fileno(),)
        try:
            return cls(await cls._start_process(passed_on), shelf)
        except BaseException:
            if shelf is not None:
                shelf.close()
            raise

    @staticmethod
    async def _start_process(passed_on: tuple[int, ...]) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-B",
            "-m",
            "core.images.worker",
            *map(str, passed_on),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=_PROJECT_ROOT,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            pass_fds=passed_on,
            start_new_session=True,  # Ctrl-C is for the app: it decides what becomes of the jobs
        )

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None and not self._answers.at_eof()

    async def exchange(self, job: Frame, max_wall_s: float) -> Frame:
        """Send a job and return the answer.

        Raises:
            _ChildLostError: If the child died or took too long.
            UntrustedAnswerError: If the answer cannot be a healthy child's.
            ImageError: If the child refused the source.
        """
        try:
            async with asyncio.timeout(max_wall_s):
                await self._send(job)
                return await self._receive()
        except TimeoutError as error:
            raise _ChildLostError(messages.TOO_SLOW) from error
        except (EOFError, ConnectionError) as error:
            raise _ChildLostError(
                _FATES.get(await self._fate(), messages.DECODER_STOPPED)
            ) from error

    async def end(self) -> None:
        """Kill the child if it lives and release everything."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._jobs.close()
        if self._shelf is not None:
            self._shelf.close()
        await self._process.wait()
        await self._listening

    async def _send(self, job: Frame) -> None:
        if self._shelf is None or len(job.data) < wire.SHELF_FROM_BYTES:
            self._jobs.writelines((job.pack(), job.data))
        else:
            self._shelf.seek(0)
            self._shelf.truncate()
            self._shelf.write(job.data)
            self._shelf.flush()
            self._jobs.write(job.pack())
        await self._jobs.drain()

    async def _receive(self) -> Frame:
        lengths = await self._answers.readexactly(wire.LENGTHS.size)
        header_bytes, data_bytes = wire.LENGTHS.unpack(lengths)
        if header_bytes > wire.MAX_HEADER_BYTES or data_bytes > wire.MAX_ANSWER_BYTES:
            raise UntrustedAnswerError("length")
        header = await self._answers.readexactly(header_bytes)
        data = await self._answers.readexactly(data_bytes)
        return Frame(wire.header_from_bytes(header), data)

    async def _fate(self) -> int:
        """Return the signal that ended the child, or 0."""
        with suppress(TimeoutError):
            async with asyncio.timeout(1):  # a pipe closes a moment before its process is gone
                await self._process.wait()
        code = self._process.returncode or 0
        last_words = self._last_words.decode("utf-8", "replace")
        _log.warning("decoder_child_died", extra={"returncode": code, "last_words": last_words})
        return max(0, -code)

    async def _keep_last_words(self) -> None:
        while piece := await self._errors.read(_KEPT_STDERR_BYTES):
            self._last_words = (self._last_words + piece)[-_KEPT_STDERR_BYTES:]


def _new_shelf() -> BinaryIO | None:
    """Return a file that is in memory only, or None where there is no such thing."""
    if sys.platform != "linux":
        return None
    return os.fdopen(os.memfd_create("tessera-picture"), "w+b")


# pdfium and the C library abort or trap when memory runs out; the system kills.
_FATES: dict[int, messages.Refusal] = {
    signal.SIGXCPU: messages.TOO_SLOW,
    signal.SIGABRT: messages.TOO_MUCH_MEMORY,
    signal.SIGTRAP: messages.TOO_MUCH_MEMORY,
    signal.SIGILL: messages.TOO_MUCH_MEMORY,
    signal.SIGKILL: messages.TOO_MUCH_MEMORY,
}
