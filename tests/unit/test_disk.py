import asyncio
import threading

import pytest

from core.disk import DiskThread


@pytest.fixture
def disk():
    thread = DiskThread()
    yield thread
    thread.close()


async def test_work_is_done_in_its_order_and_each_gets_its_own_result(disk):
    done = []
    results = await asyncio.gather(*(disk.run(done.append, n) for n in range(40)))
    assert (done, results) == (list(range(40)), [None] * 40)


async def test_an_error_reaches_who_asked_and_nobody_else(disk):
    results = await asyncio.gather(
        *(disk.run(int, text) for text in ("1", "2", "x", "4")), return_exceptions=True
    )
    assert results[:2] + results[3:] == [1, 2, 4]
    assert isinstance(results[2], ValueError)


async def test_a_cancelled_caller_waits_for_the_end_of_its_work(disk):
    begun, let_go = asyncio.Event(), threading.Event()
    loop, ends = asyncio.get_running_loop(), []

    def work():
        loop.call_soon_threadsafe(begun.set)
        let_go.wait()
        ends.append("work")

    caller = asyncio.create_task(disk.run(work))
    caller.add_done_callback(lambda _: ends.append("caller"))
    await begun.wait()
    caller.cancel()
    loop.call_soon(let_go.set)
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ends == ["work", "caller"]
    assert await disk.run(str, 1) == "1"
