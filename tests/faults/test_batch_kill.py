"""kill -9 and SIGTERM at random moments: nothing lost, nothing wrong, little paid twice."""

import asyncio
import base64
import os
import random
import signal
import time
from collections import Counter
from hashlib import sha256

import pytest

from core.batch import BatchState, ItemState
from core.engines.fake import FakeEngine
from core.store.check import check_store
from tests.batch_kit import open_bench, pictures
from tests.batch_worker import nursery
from tests.metered import Conditions, metered

ITEMS, KILLS = 2000, 20
CONCURRENCY = 8


def sent(picture):
    """Return what the server calls a picture: the digest of its base64 text."""
    return sha256(base64.b64encode(picture.source.data)).hexdigest()


@pytest.fixture(scope="module")
def workers():
    with nursery() as found:
        yield found


async def make(directory, count):
    """Make a batch that waits to be worked on, by a process that does nothing about it."""
    async with open_bench(directory, FakeEngine()) as bench:
        batch_id = await bench.make(count)
        await bench.client.writer.run(lambda c: bench.store.begin(c, batch_id))
    return batch_id


async def results(directory, batch_id):
    async with open_bench(directory, FakeEngine()) as bench:
        assert check_store(bench.store.database) == []
        progress = bench.batches.progress(batch_id)
        items = bench.batches.items(batch_id, limit=ITEMS)
    return progress, items


async def test_kill_9_loses_nothing_and_pays_twice_only_what_was_out(tmp_path, workers):
    chance, batch_id = random.Random(4), await make(tmp_path / "data", ITEMS)
    conditions = Conditions(
        latency_s=0.02, broken=0.01, refused=0.02, resets_after_payment=0.005, seed=4
    )
    with metered(tmp_path / "server", conditions) as server:
        for _ in range(KILLS):
            pid = workers.start(tmp_path / "data", server.base_url, CONCURRENCY)
            await asyncio.sleep(chance.uniform(0.05, 0.6))
            workers.kill(pid)
        pid = workers.start(tmp_path / "data", server.base_url, CONCURRENCY)
        assert workers.wait(pid) == (0, ["done"])
        paid, resets = Counter(server.paid()), server.counts().reset

    progress, items = await results(tmp_path / "data", batch_id)
    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, ITEMS)
    wanted = pictures(ITEMS)
    assert [item.outcome.text for item in items] == [f"seen {sent(each)}" for each in wanted]
    assert paid.keys() == {sent(each) for each in wanted}
    twice = paid.total() - ITEMS
    assert twice <= KILLS * CONCURRENCY + resets


async def test_sigterm_leaves_every_item_finished_or_queued(tmp_path, workers):
    batch_id = await make(tmp_path / "data", 200)
    with metered(tmp_path / "server", Conditions(latency_s=0.05)) as server:
        pid = workers.start(tmp_path / "data", server.base_url, CONCURRENCY)
        await asyncio.sleep(0.4)
        os.kill(pid, signal.SIGTERM)
        asked_at_s = time.monotonic()
        assert workers.wait(pid) == (0, ["stopping"])
        assert time.monotonic() - asked_at_s < 10
        stopped, _ = await results(tmp_path / "data", batch_id)
        assert 0 < stopped.succeeded < 200
        assert (stopped.running, stopped.succeeded + stopped.queued) == (0, 200)
        assert stopped.reserved_usd == 0
        pid = workers.start(tmp_path / "data", server.base_url, CONCURRENCY)
        assert workers.wait(pid) == (0, ["done"])
        paid = server.paid()

    progress, _ = await results(tmp_path / "data", batch_id)
    assert (progress.state, len(paid), len(set(paid))) == (BatchState.SUCCEEDED, 200, 200)


async def test_two_processes_never_ask_about_the_same_item(tmp_path, workers):
    first = await make(tmp_path / "data", 150)
    with metered(tmp_path / "server", Conditions(latency_s=0.02)) as server:
        pids = [workers.start(tmp_path / "data", server.base_url, CONCURRENCY) for _ in range(2)]
        assert [workers.wait(pid)[0] for pid in pids] == [0, 0]
        paid = server.paid()

    progress, items = await results(tmp_path / "data", first)
    assert (progress.succeeded, len(paid), len(set(paid))) == (150, 150, 150)
    assert {item.state for item in items} == {ItemState.SUCCEEDED}
