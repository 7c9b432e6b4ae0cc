"""How often jobs are looked at, and what a process knows about a batch whose jobs it keeps."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from core.batch.splitting import MOST_BYTES
from core.batch.types import BatchId
from core.phrases import Phrase
from core.store.batch_jobs import Job

MISSING: Final = Phrase(
    "The vendor does not show this job or its answers at the moment. They are looked for again."
)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often things are looked at, in seconds; tests put their own in.

    A job is looked at after `look_share` of its age, between `least_look_s` and `most_look_s`.
    After a create whose answer was lost, the vendor's list is given `settling_s` to show the job.
    A job that was to be cancelled is waited for during `abandoned_s`, looked at during `lost_s`.
    What the vendor does not show, perhaps not yet on every server, counts as gone after `gone_s`.
    """

    look_share: float = 0.1
    least_look_s: float = 1.0
    most_look_s: float = 300.0
    settling_s: float = 60.0
    tick_s: float = 2.0
    full_queue_s: float = 60.0
    abandoned_s: float = 3600.0
    lost_s: float = 7 * 86_400.0
    gone_s: float = 600.0
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    jitter: Callable[[], float] = random.random

    def look_s(self, since_s: float) -> float:
        """Return how long to wait before a job is looked at again: the longer, the older it is."""
        wait_s = max(self.least_look_s, (self.clock() - since_s) * self.look_share)
        return self.spread(min(wait_s, self.most_look_s))

    def retry_s(self, failed: int, at_least_s: float) -> float:
        """Return how long to wait after so many failures in a row."""
        curve_s = min(self.least_look_s * 2 ** min(failed, 16), self.most_look_s)
        return self.spread(max(curve_s, at_least_s))

    def spread(self, wait_s: float) -> float:
        """Return a wait that is not everybody's."""
        return wait_s * (1 + 0.2 * self.jitter())

    async def wait(self, again: asyncio.Event, wait_s: float) -> None:
        """Wait, unless somebody wants to know before."""
        sleeping = asyncio.ensure_future(self.sleep(wait_s))
        woken = asyncio.create_task(again.wait())
        try:
            await asyncio.wait({sleeping, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (sleeping, woken):
                each.cancel()
            await asyncio.gather(sleeping, woken, return_exceptions=True)


@dataclass
class Drive:
    """A batch whose jobs this process keeps.

    `again` ends every wait at once; `fresh` are the jobs whose upload was never begun;
    `most_bytes` is what the endpoint takes, as far as it has shown; `hold_until_s` is when to try
    the vendor's queue again. `waits_for_jobs` says that money or room comes back when a job ends,
    `is_hurried` that what is not submitted no longer waits, `was_refused` that the vendor found a
    job wrong since somebody last began the batch. No item waits for the jobs that are `overdue`.
    `missing_since_s` says since when the vendor has not shown a job, or the files of it.
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
    was_refused: bool = False
    overdue: set[str] = field(default_factory=set)
    missing_since_s: dict[str, float] = field(default_factory=dict)
    enqueued_tokens: int = 0
    hold_until_s: float = 0.0
    queue_waits: int = 0
    loop: "asyncio.Task[None] | None" = None

    @property
    def is_waited_for(self) -> bool:
        """Say whether there is more to do than to look at jobs that are overdue."""
        is_at_work = self.loop is not None and not self.loop.done()
        return is_at_work and not (self.tasks and self.tasks.keys() <= self.overdue)

    def is_gone(self, job_id: str, rhythm: Rhythm) -> bool:
        """Say whether a job, or a file of it, that is missing has been so for long enough."""
        now_s = rhythm.clock()
        return now_s - self.missing_since_s.setdefault(job_id, now_s) >= rhythm.gone_s

    def no_longer_missing(self, job: Job) -> Job:
        """Return the job without the reason that it was missing for a while."""
        self.missing_since_s.pop(job.id, None)
        return replace(job, reason=None) if job.reason == MISSING else job

    def hold(self, rhythm: Rhythm) -> None:
        """Submit nothing until there may be room: the longer, the more often there was none."""
        wait_s = rhythm.full_queue_s * 2 ** min(self.queue_waits, 5)
        self.queue_waits += 1
        self.hold_until_s = rhythm.clock() + rhythm.spread(wait_s)

    def wake(self) -> None:
        """End every wait: something was decided, or somebody wants to know."""
        self.again.set()
        self.again = asyncio.Event()
