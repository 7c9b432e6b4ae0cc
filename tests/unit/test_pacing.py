import asyncio

import pytest

from core.pacing import Pacer, Urgency, duration_s
from tests.client_kit import ManualTime


def make_pacer(time, rpm=None, tpm=None, max_concurrent=100):
    return Pacer(rpm, tpm, max_concurrent, clock=time.clock, sleep=time.sleep)


async def start_times(pacer, time, count, tokens=1, model="m"):
    starts = []
    for _ in range(count):
        async with pacer.slot(model, tokens):
            starts.append(time.now_s - 1000.0)
    return starts


@pytest.mark.parametrize(
    ("limits", "tokens", "gap_s"),
    [({"rpm": 60}, 1, 1.005), ({"tpm": 6000}, 100, 1.005), ({"rpm": 60, "tpm": 600}, 100, 10.05)],
)
async def test_calls_keep_the_distance_that_the_tighter_limit_asks(limits, tokens, gap_s):
    time = ManualTime()
    starts = await start_times(make_pacer(time, **limits), time, 4, tokens)
    assert starts == pytest.approx([0, gap_s, 2 * gap_s, 3 * gap_s], rel=1e-3)


async def test_unused_time_is_not_saved_up_for_a_burst():
    time = ManualTime()
    pacer = make_pacer(time, rpm=60)
    await start_times(pacer, time, 1)
    time.now_s += 3600
    starts = await start_times(pacer, time, 3)
    assert starts[2] - starts[0] == pytest.approx(2.01, rel=1e-3)


async def test_without_limits_nobody_waits():
    time = ManualTime()
    await start_times(make_pacer(time), time, 50)
    assert time.slept_s == []


async def test_models_do_not_wait_for_each_other():
    time = ManualTime()
    pacer = make_pacer(time, rpm=1)
    await start_times(pacer, time, 1, model="a")
    assert await start_times(pacer, time, 1, model="b") == [0]


async def test_a_servers_wait_holds_also_those_who_are_already_asleep():
    time = ManualTime()
    pacer = make_pacer(time, rpm=60)
    await start_times(pacer, time, 1)
    pacer.hold("m", 30)
    assert await start_times(pacer, time, 1) == [30]


async def test_the_server_can_only_lower_the_limit():
    time = ManualTime()
    pacer = make_pacer(time, rpm=60)
    pacer.learn("m", {"x-ratelimit-limit-requests": "6"})
    pacer.learn("m", {"x-ratelimit-limit-requests": "600"})
    starts = await start_times(pacer, time, 2)
    assert starts[1] == pytest.approx(10.05, rel=1e-3)


@pytest.mark.parametrize("stated", ["", "many", "-1", "0"])
async def test_a_senseless_limit_is_ignored(stated):
    time = ManualTime()
    pacer = make_pacer(time)
    pacer.learn("m", {"x-ratelimit-limit-requests": stated})
    await start_times(pacer, time, 2)
    assert time.slept_s == []


async def test_nothing_left_means_waiting_for_the_reset():
    time = ManualTime()
    pacer = make_pacer(time)
    pacer.learn("m", {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m30s"})
    assert await start_times(pacer, time, 1) == [90]


async def test_at_most_so_many_are_on_the_wire():
    pacer, inside, most = make_pacer(ManualTime(), max_concurrent=3), 0, 0

    async def call():
        nonlocal inside, most
        async with pacer.slot("m", 1):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(call() for _ in range(20)))
    assert most == 3


@pytest.mark.parametrize(
    ("text", "expected_s"),
    [("6m0s", 360), ("84ms", 0.084), ("1s", 1), ("1h2m3s", 3723), ("1.5s", 1.5), ("soon", 0)],
)
def test_durations_are_read_as_the_server_writes_them(text, expected_s):
    assert duration_s(text) == pytest.approx(expected_s)


async def test_a_burst_is_used_once_the_server_has_said_that_it_keeps_one():
    time = ManualTime()
    pacer = make_pacer(time, rpm=600)
    async with pacer.slot("m", 1) as ticket:
        pass
    headers = {"x-ratelimit-limit-requests": "600", "x-ratelimit-remaining-requests": "49"}
    pacer.learn("m", headers, ticket)
    starts = await start_times(pacer, time, 12)
    assert starts[8] == 0  # a second's worth, less the one it is still owed
    assert starts[11] > 0.1


async def test_what_others_use_up_is_not_counted_on():
    time = ManualTime()
    pacer = make_pacer(time, rpm=60)
    async with pacer.slot("m", 1) as ticket:
        pass
    headers = {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "0"}
    pacer.learn("m", headers, ticket)
    [start] = await start_times(pacer, time, 1)
    assert start > 1.9  # two units are left to the server


async def test_a_person_goes_before_a_batch():
    pacer, order = make_pacer(ManualTime(), max_concurrent=1), []

    async def call(name, urgency):
        async with pacer.slot("m", 1, urgency):
            order.append(name)

    wanted = [("next", Urgency.BATCH), ("new", Urgency.BATCH), ("again", Urgency.REPEAT)]
    async with asyncio.TaskGroup() as group, pacer.slot("m", 1):
        for name, urgency in [*wanted, ("person", Urgency.PERSON)]:
            group.create_task(call(name, urgency))
            await asyncio.sleep(0)
    assert order == ["next", "person", "again", "new"]  # who is next stays next


async def test_one_models_limit_keeps_nobody_elses_place():
    time = ManualTime()
    pacer = make_pacer(time, rpm=1, max_concurrent=2)
    asleep = asyncio.Event()

    async def sleep(_):
        asleep.set()
        await asyncio.Event().wait()

    await start_times(pacer, time, 1, model="slow")
    pacer.sleep = sleep
    waiting = [asyncio.create_task(start_times(pacer, time, 1, model="slow")) for _ in range(5)]
    await asleep.wait()
    async with asyncio.timeout(5):
        assert await start_times(pacer, time, 1, model="quick") == [0]
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    async with asyncio.timeout(5):
        await start_times(pacer, time, 1, model="other")


async def test_many_refusals_narrow_the_window_and_answers_widen_it_again():
    pacer = make_pacer(ManualTime(), max_concurrent=10)
    pacer.refused("m")
    assert pacer.use("m").at_once == 10  # one is chance
    for _ in range(9):
        pacer.refused("m")
    assert pacer.use("m").at_once == 7
    for _ in range(100):
        pacer.served("m")
    assert pacer.use("m").at_once == 10


async def test_the_last_minutes_use_is_told():
    time = ManualTime()
    pacer = make_pacer(time, rpm=6000)
    await start_times(pacer, time, 3, tokens=40)
    use = pacer.use("m")
    assert (use.requests, use.tokens, use.requests_per_minute) == (3, 120, 6000)
    time.now_s += 61
    assert pacer.use("m").requests == 0


async def test_calls_in_flight_are_counted_over_all_models():
    pacer = make_pacer(ManualTime())
    assert pacer.in_flight() == 0
    async with pacer.slot("a", 1), pacer.slot("b", 1):
        assert pacer.in_flight() == 2
    assert pacer.in_flight() == 0
