import asyncio

import pytest

from core.flights import SingleFlights


@pytest.fixture
def gate():
    return asyncio.Event()


def counted(gate, runs, result="done"):
    async def work(flight):
        runs.append(flight)
        flight.emit("a")
        await gate.wait()
        flight.emit("b")
        return result

    return work


async def test_equal_work_runs_once_and_one_caller_is_the_first(gate):
    flights, runs = SingleFlights(), []
    callers = [asyncio.create_task(flights.join("k", counted(gate, runs))) for _ in range(5)]
    await asyncio.sleep(0)
    gate.set()
    landed = await asyncio.gather(*callers)
    assert len(runs) == 1
    assert [each.value for each in landed] == ["done"] * 5
    assert sum(each.is_first for each in landed) == 1


async def test_other_keys_do_not_wait(gate):
    flights, runs = SingleFlights(), []
    gate.set()
    await asyncio.gather(*(flights.join(str(n), counted(gate, runs)) for n in range(3)))
    assert len(runs) == 3


async def test_who_joins_late_hears_everything(gate):
    flights, early, late = SingleFlights(), [], []
    first = asyncio.create_task(flights.join("k", counted(gate, []), early.append))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second = asyncio.create_task(flights.join("k", counted(gate, []), late.append))
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, second)
    assert (early, late) == (["a", "b"], ["a", "b"])


async def test_the_last_to_leave_ends_the_work_and_waits_for_its_end(gate):
    flights, ended = SingleFlights(), []

    async def work(flight):
        try:
            await gate.wait()
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    callers = [asyncio.create_task(flights.join("k", work)) for _ in range(2)]
    await asyncio.sleep(0)
    callers[0].cancel()
    await asyncio.wait({callers[0]})
    assert ended == []
    callers[1].cancel()
    await asyncio.wait({callers[1]})
    assert ended == [True]


async def test_after_a_stop_the_same_work_starts_anew(gate):
    flights, runs = SingleFlights(), []
    stopped = asyncio.create_task(flights.join("k", counted(gate, runs)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    stopped.cancel()
    gate.set()
    landed = await flights.join("k", counted(gate, runs))
    await asyncio.wait({stopped})
    assert landed.is_first


async def test_an_error_reaches_every_caller(gate):
    async def work(flight):
        await gate.wait()
        raise KeyError("bug")

    flights = SingleFlights()
    callers = [asyncio.create_task(flights.join("k", work)) for _ in range(3)]
    await asyncio.sleep(0)
    gate.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(each) for each in results] == [KeyError] * 3


async def test_a_listener_that_fails_harms_nobody_else(gate):
    def broken(piece):
        raise ValueError(piece)

    heard = []
    flights = SingleFlights()
    gate.set()
    both = [flights.join("k", counted(gate, []), sink) for sink in (broken, heard.append)]
    landed = await asyncio.gather(*both)
    assert landed[0].value == "done"
    assert heard == ["a", "b"]


async def test_closing_ends_all_work(gate):
    flights = SingleFlights()
    caller = asyncio.create_task(flights.join("k", counted(gate, [])))
    await asyncio.sleep(0)
    await flights.close()
    with pytest.raises(asyncio.CancelledError):
        await caller
