import asyncio
import socket

import pytest
from sqlalchemy import update

from core.batch import BatchState
from core.batch.adopting import adopt_orphans
from core.engines.fake import FakeEngine
from core.store.batch_rows import batches
from core.store.check import check_store
from core.store.owners import this_process
from tests.batch_kit import open_bench

NOBODY = f"{socket.gethostname()}/4194305/1"  # no kernel gives a process this number


async def look(bench, times):
    """Look so many times for batches without a process, without waiting."""
    left = times

    async def no_wait(_wait_s):
        nonlocal left
        if not left:
            raise asyncio.CancelledError
        left -= 1

    with pytest.raises(asyncio.CancelledError):
        await adopt_orphans(bench.batches, no_wait)
    await bench.batches.wait()


async def begun(bench, driver):
    """Make a batch that is running in the hands of a process."""
    batch_id = await bench.make(4)

    def write(connection):
        bench.store.begin(connection, batch_id)
        connection.execute(update(batches).values(driver=driver))

    await bench.client.writer.run(write)
    return batch_id


@pytest.mark.parametrize("driver", [NOBODY, None])
async def test_a_batch_without_a_living_process_goes_on_here_at_the_second_look(tmp_path, driver):
    engine = FakeEngine()
    async with open_bench(tmp_path, engine) as bench:
        batch_id = await begun(bench, driver)
        await look(bench, 1)
        calls_after_one = len(engine.calls)
        await look(bench, 2)
        progress = bench.batches.progress(batch_id)
        assert check_store(bench.store.database) == []

    assert (calls_after_one, len(engine.calls)) == (0, 4)
    assert progress.state is BatchState.SUCCEEDED


async def test_a_batch_of_a_living_process_is_left_alone(tmp_path):
    engine = FakeEngine()
    async with open_bench(tmp_path, engine) as bench:
        batch_id = await begun(bench, this_process())
        await look(bench, 3)
        progress = bench.batches.progress(batch_id)

    assert (progress.state, engine.calls) == (BatchState.RUNNING, [])


async def test_a_batch_that_somebody_paused_is_left_alone(tmp_path):
    engine = FakeEngine()
    async with open_bench(tmp_path, engine) as bench:
        await bench.batches.pause(await begun(bench, NOBODY))
        await look(bench, 3)

    assert engine.calls == []
