"""The batch lane against the simulated vendor, in simulated time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.batch.driving import Rhythm
from core.batch.types import JobLane
from core.engines.openai import OpenAIEngine
from core.settings import Settings
from core.types import Detail, ImageSource, PreparedImage
from tests.batch_kit import Bench, FakeDecoder, open_bench
from tests.batch_upstream import BatchUpstream


class OwnBytes(FakeDecoder):
    """Makes of each source a picture of its own, so that no two lines are the same."""

    async def prepare(
        self, source: ImageSource, rule: object, detail: Detail, max_size: object = None
    ) -> PreparedImage:
        made = await super().prepare(source, rule, detail, max_size)
        return PreparedImage(
            source.data,
            made.media_type,
            made.width_px,
            made.height_px,
            made.original_format,
            made.original_width_px,
            made.original_height_px,
        )


@dataclass
class SimulatedSleep:
    """A wait moves the vendor's clock; whoever waits less comes back first."""

    upstream: BatchUpstream

    async def __call__(self, wait_s: float) -> None:
        until_s = self.upstream.clock() + wait_s
        while (left_s := until_s - self.upstream.clock()) > 1e-6:
            await asyncio.sleep(0.001)
            self.upstream.clock.step(min(left_s, max(0.5, wait_s / 10)))


def rhythm(upstream: BatchUpstream, **changes: Any) -> Rhythm:
    usual = {"clock": upstream.clock, "sleep": SimulatedSleep(upstream), "jitter": lambda: 0.0}
    return Rhythm(**(usual | changes))


def engine(upstream: BatchUpstream) -> OpenAIEngine:
    settings = Settings(openai_api_key="sk-test", openai_base_url="http://127.0.0.1:1/v1")
    return OpenAIEngine(settings, upstream.transport)


@asynccontextmanager
async def open_lane(
    directory: Path, upstream: BatchUpstream, **options: Any
) -> AsyncIterator[Bench]:
    """Yield a bench that speaks to the simulated vendor."""
    options.setdefault("rhythm", rhythm(upstream))
    options.setdefault("decoder", OwnBytes())
    options.setdefault("wall_clock", upstream.clock)
    async with open_bench(directory, engine(upstream), **options) as bench:
        yield bench


async def run(bench: Bench, count: int, lane: JobLane = JobLane.BATCH, **options: Any) -> str:
    return await bench.run(count, lane=lane, **options)


async def until(happened: Callable[[], object]) -> None:
    """Let the others work until something has happened in simulated time."""
    while not happened():  # noqa: ASYNC110 - the vendor's clock has no event to wait for
        await asyncio.sleep(0.001)


def billed_usd(upstream: BatchUpstream) -> Decimal:
    return sum((paid.usd for paid in upstream.paid), Decimal(0))
