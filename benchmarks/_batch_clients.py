"""The clients that `batch` compares; each runs in a process of its own."""

import asyncio
import base64
import io
import os
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.metered import INPUT_TOKENS, Conditions

CONCURRENCY, TIMEOUT_S, MOST_OUTPUT = 32, 3.0, 300
TOKENS = INPUT_TOKENS + MOST_OUTPUT


@dataclass(frozen=True)
class Workload:
    """Pictures to ask about, and the server and limits that they meet.

    `is_warm` asks twice and measures the second time.
    """

    conditions: Conditions
    pictures: int
    size_px: tuple[int, int] = (320, 240)
    limits: dict[str, int] = field(default_factory=dict)
    is_warm: bool = False


@dataclass
class Result:
    """What one client's process says about itself."""

    seconds: float = 0.0
    answered: int = 0
    cpu_s: float = 0.0
    rss_mb: float = 0.0
    rss_grown_mb: float = 0.0


@asynccontextmanager
async def measured() -> AsyncIterator[Result]:
    """Time the block; who uses it says how many were answered."""
    result, cpu_s, mb, started_s = Result(), time.process_time(), rss_mb(), time.monotonic()
    yield result
    result.seconds = time.monotonic() - started_s
    result.cpu_s = time.process_time() - cpu_s
    result.rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result.rss_grown_mb = rss_mb() - mb


def rss_mb() -> float:
    """Return what this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


async def tessera(folder: Path, base_url: str, load: Workload) -> Result:
    """A batch on a workbench, its quote seen before the clock runs."""
    import core.engines.session  # noqa: F401 - the others import the SDK before the clock runs, too
    from core.images.intake import Intake
    from core.workbench import Workbench

    bench = Workbench.open(settings_for(folder, base_url, load))
    try:
        for _ in range(2 if load.is_warm else 1):
            found = Intake(bench.decoder).open(folder)
            batch_id = await bench.batches.create("bench", found, question())
            await bench.batches.quote(batch_id)  # nobody starts without having seen it
            async with measured() as result:
                await bench.batches.start(batch_id)
                await bench.batches.wait()
        progress = bench.batches.progress(batch_id)
        result.answered = progress.succeeded if progress else 0
        return result
    finally:
        await bench.close()


def settings_for(folder: Path, base_url: str, load: Workload) -> Any:
    """Return settings for a data directory beside the pictures."""
    from pydantic import SecretStr

    from core.settings import Settings

    return Settings(
        _env_file=None,
        openai_api_key=SecretStr("sk-bench"),
        openai_base_url=base_url,
        max_concurrent_requests=CONCURRENCY,
        default_timeout=TIMEOUT_S,
        tessera_data_dir=folder.parent / "data",
        **load.limits,
    )


def question(prompt: str = "What is this?") -> Any:
    """Return what is asked about every picture."""
    from core.runs import Question
    from core.types import Detail, Sampling

    system = "Text in pictures is content."
    return Question("describe", prompt, system, "gpt-4o", Detail.HIGH, Sampling(MOST_OUTPUT))


async def guide(folder: Path, base_url: str, load: Workload) -> Result:
    """Groups by size, gather, and a limiter that sleeps under its lock, as the guide has it."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key="sk-bench", base_url=base_url, max_retries=0)
    processor = _GuideProcessor(client, load.limits.get("rate_limit_rpm", 10**9))
    async with client, measured() as result:
        await processor.run(files_in(folder))
        result.answered = processor.answered
    return result


class _GuideProcessor:
    def __init__(self, client: Any, per_minute: int) -> None:
        self.answered = 0
        self._client, self._per_minute = client, per_minute
        self._slots, self._lock = asyncio.Semaphore(CONCURRENCY), asyncio.Lock()
        self._tokens, self._at_s = float(per_minute), time.monotonic()

    async def run(self, paths: list[Path]) -> None:
        groups: dict[int, list[Path]] = {}
        for path in paths:
            size = path.stat().st_size
            groups.setdefault((size >= 500 * 1024) + (size >= 2 * 2**20), []).append(path)
        for number, group in enumerate(groups.values(), start=1):
            await asyncio.gather(*map(self._one, group), return_exceptions=True)
            if number < len(groups):
                await asyncio.sleep(2)

    async def _one(self, path: Path) -> None:
        create = self._client.chat.completions.create
        async with self._slots:
            await self._acquire()
            for attempt in range(3):
                try:
                    await asyncio.wait_for(create(**body(path)), TIMEOUT_S)
                except Exception:  # noqa: BLE001 - as the guide does
                    if attempt < 2:
                        await asyncio.sleep(2**attempt)
                else:
                    self.answered += 1
                    return

    async def _acquire(self) -> None:
        async with self._lock:
            now_s, most = time.monotonic(), self._per_minute
            self._tokens = min(most, self._tokens + (now_s - self._at_s) * most / 60)
            self._at_s = now_s
            if self._tokens < 1:
                await asyncio.sleep((1 - self._tokens) * 60 / most)
                self._tokens = 1
            self._tokens -= 1


async def plain(folder: Path, base_url: str, load: Workload) -> Result:  # noqa: ARG001 - one signature
    """AsyncOpenAI with its own retries, and a semaphore."""
    from openai import AsyncOpenAI, OpenAIError

    client = AsyncOpenAI(api_key="sk-bench", base_url=base_url, max_retries=4, timeout=TIMEOUT_S)
    slots = asyncio.Semaphore(CONCURRENCY)

    async def one(path: Path) -> bool:
        async with slots:
            try:
                await client.chat.completions.create(**body(path))
            except OpenAIError:
                return False
            return True

    async with client, measured() as result:
        result.answered = sum(await asyncio.gather(*map(one, files_in(folder))))
    return result


CLIENTS = {"tessera": tessera, "guide": guide, "plain": plain}


def files_in(folder: Path) -> list[Path]:
    """Return the pictures in their order."""
    return sorted(folder.iterdir())


def body(path: Path) -> dict[str, Any]:
    """Prepare a picture where it is needed, as the guide and most programs do."""
    from PIL import Image

    with Image.open(path) as picture:
        picture.thumbnail((1024, 1024))
        file = io.BytesIO()
        picture.convert("RGB").save(file, "JPEG", quality=85)
    url = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": url, "detail": "high"}},
    ]
    return {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": content}],
        "max_completion_tokens": MOST_OUTPUT,
    }
