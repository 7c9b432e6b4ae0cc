"""kill -9 of what drives the batch lane: another takes over, nothing is paid twice."""

import asyncio
import os
import random
import signal
import time
from collections import Counter

from core.batch import BatchState, JobLane
from core.engines.fake import FakeEngine
from core.store.check import check_store
from tests.batch_kit import open_bench
from tests.batch_plans import Plan
from tests.batch_upstream import BatchUpstream
from tests.batch_wire import listening
from tests.batch_worker import nursery
from tests.lane_kit import billed_usd

ITEMS, MOST_KILLS = 40, 15
QUICK = Plan(validating_s=0.1, working_s=2, finalizing_s=0.1)


async def test_kill_9_submits_nothing_twice_and_loses_no_paid_line(tmp_path):
    chance = random.Random(5)
    upstream = BatchUpstream(clock=time.time, plans=[QUICK] * 99)
    async with open_bench(tmp_path, FakeEngine()) as bench:
        batch_id = await bench.make(ITEMS, lane=JobLane.BATCH)
        await bench.client.writer.run(lambda c: bench.store.begin(c, batch_id))
    with nursery() as workers:
        async with listening(upstream.handle) as base_url:
            status, kills = signal.SIGKILL, 0
            while status == signal.SIGKILL:
                pid = await asyncio.to_thread(workers.start, tmp_path, base_url, 4)
                if kills < MOST_KILLS:
                    await asyncio.sleep(chance.uniform(0.01, 0.5))
                    os.kill(pid, signal.SIGKILL)  # perhaps it is done already
                    kills += 1
                status, _ = await asyncio.to_thread(workers.wait, pid)
            assert (status, kills > 5) == (0, True)

    async with open_bench(tmp_path, FakeEngine()) as bench:
        assert check_store(bench.store.database) == []
        progress = bench.batches.progress(batch_id)
        texts = [item.outcome.text for item in bench.batches.items(batch_id, limit=ITEMS)]
    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, ITEMS)
    taken = [job for job in upstream.jobs.values() if job.status != "failed"]
    submitted = Counter(each["custom_id"] for job in taken for each in job.requests)
    assert (len(submitted), submitted.total(), len(upstream.paid)) == (ITEMS, ITEMS, ITEMS)
    assert sorted(texts) == sorted(f"seen {paid.picture}" for paid in upstream.paid)
    assert progress.cost_usd == billed_usd(upstream)
    assert progress.reserved_usd == 0
