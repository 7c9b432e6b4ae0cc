"""Processes that work on the unfinished batches of a directory, to be killed or stopped.

They are forked from one that has loaded everything, so a start takes no longer than a kill.
`nursery` runs it; it is told "DIRECTORY BASE_URL CONCURRENCY TIMEOUT_S FILE_BYTES" to start a
worker, none of whose files may grow larger, and "wait PID" to see it end. SIGTERM lets a worker
close in order.
"""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from core.batch.driving import Rhythm
from core.engines.openai import OpenAIEngine
from core.settings import Settings
from core.timing import Timing
from core.types import Detail, ImageSource, PreparedImage
from tests.batch_kit import FakeDecoder, open_bench

ROOT = Path(__file__).resolve().parents[1]
QUICK = Rhythm(
    look_share=0, least_look_s=0.05, settling_s=0.5, tick_s=0.05, full_queue_s=0.1, most_look_s=0.2
)


class AsItIs(FakeDecoder):
    """Sends the original, so that the answer tells which one was seen."""

    async def prepare(
        self, source: ImageSource, rule: object, detail: Detail, max_size: object = None
    ) -> PreparedImage:
        return PreparedImage(source.data, "image/jpeg", 512, 512, "PNG", 512, 512)


def engine_at(base_url: str, concurrency: int) -> OpenAIEngine:
    return OpenAIEngine(
        Settings(
            _env_file=None,
            openai_api_key=SecretStr("sk-test"),
            openai_base_url=base_url,
            max_concurrent_requests=concurrency,
        )
    )


async def work(directory: Path, base_url: str, concurrency: int, timeout_s: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with open_bench(
        directory,
        engine_at(base_url, concurrency),
        max_concurrent=concurrency,
        decoder=AsItIs(),
        timing=Timing(timeout_s, 3 * timeout_s),
        is_real_time=True,
        rhythm=QUICK,
    ) as bench:
        await bench.batches.resume_unfinished()
        say("ready")
        work = asyncio.create_task(bench.batches.wait())
        ended = asyncio.create_task(stop.wait())
        await asyncio.wait({work, ended}, return_when=asyncio.FIRST_COMPLETED)
        say("done" if work.done() else "stopping")
        ended.cancel()
        work.cancel()


def say(what: str, pid: int | None = None) -> None:
    os.write(1, f"{pid or os.getpid()} {what}\n".encode())  # one write: lines stay whole


@dataclass
class Nursery:
    """Starts workers and sees them end."""

    process: "subprocess.Popen[str]"
    said: list[str] = field(default_factory=list)

    def start(
        self,
        directory: Path,
        base_url: str,
        concurrency: int,
        timeout_s: float = 5,
        file_bytes: int = resource.RLIM_INFINITY,
    ) -> int:
        """Return the number of a new process, which works already."""
        self._tell(f"{directory} {base_url} {concurrency} {timeout_s} {file_bytes}")
        return int(self._hear("ready").split()[0])

    def wait(self, pid: int) -> tuple[int, list[str]]:
        """Return the exit status of a worker, and what it said."""
        self._tell(f"wait {pid}")
        status = int(self._hear(f"{pid} ended").split()[2])
        return status, [line.split()[1] for line in self.said if line.startswith(f"{pid} ")]

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        assert self.wait(pid)[0] == signal.SIGKILL

    def _tell(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def _hear(self, what: str) -> str:
        assert self.process.stdout
        while line := self.process.stdout.readline():
            if what in line:
                return line
            self.said.append(line)
        raise AssertionError("the nursery ended")


@contextmanager
def nursery() -> Iterator[Nursery]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.batch_worker"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Nursery(process)
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def main() -> None:
    import core.engines.session  # noqa: F401 - loads the SDK
    from core.text_tokens import text_tokens

    text_tokens("load the vocabulary", "gpt-4o")
    for line in sys.stdin:
        match line.split():
            case ["wait", pid]:
                _, status = os.waitpid(int(pid), 0)
                say(f"ended {abs(os.waitstatus_to_exitcode(status))}", int(pid))
            case [directory, base_url, concurrency, timeout_s, file_bytes]:
                if os.fork() == 0:
                    most = (int(file_bytes), resource.RLIM_INFINITY)
                    resource.setrlimit(resource.RLIMIT_FSIZE, most)
                    asyncio.run(work(Path(directory), base_url, int(concurrency), float(timeout_s)))
                    os._exit(0)


if __name__ == "__main__":
    main()
