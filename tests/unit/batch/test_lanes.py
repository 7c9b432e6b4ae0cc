from math import inf

import pytest

from core.batch.lanes import (
    CANCELLING_S,
    STALLED_S,
    WINDOW_S,
    Lanes,
    OpenJob,
    most_in_a_job,
    plan_lanes,
    realtime_per_minute,
)

HOUR_S = 3600.0


def lanes(**changes):
    usual = {"now_s": 0.0, "ready_by_s": None, "per_minute": 60.0, "realtime": 0, "waiting": 0}
    return Lanes(**(usual | changes))


def test_without_a_deadline_everything_may_wait():
    plan = plan_lanes(lanes(waiting=10_000, jobs=[OpenJob("a", 500, 0.0)]))
    assert (plan.to_realtime, plan.cancel, plan.again_in_s) == (0, (), inf)


def test_far_from_the_deadline_nothing_moves():
    plan = plan_lanes(lanes(ready_by_s=10 * HOUR_S, waiting=600))
    assert plan.to_realtime == 0
    assert 9 * HOUR_S < plan.again_in_s < 10 * HOUR_S


def test_near_the_deadline_only_what_keeps_the_realtime_lane_busy_moves():
    plan = plan_lanes(lanes(ready_by_s=HOUR_S, waiting=3000))
    assert plan.to_realtime == 630  # what it does while a job is being cancelled
    assert plan_lanes(lanes(ready_by_s=HOUR_S, waiting=3000, realtime=630)).to_realtime == 0


def test_jobs_are_taken_back_one_at_a_time_the_newest_first():
    jobs = [OpenJob("old", 2000, 0.0), OpenJob("new", 2000, 60.0)]
    plan = plan_lanes(lanes(ready_by_s=HOUR_S, jobs=jobs))
    assert (plan.to_realtime, plan.cancel) == (0, ("new",))


@pytest.mark.parametrize("change", [{"is_cancelling": True}, {"is_finalizing": True}])
def test_a_job_that_ends_anyway_is_left_alone(change):
    plan = plan_lanes(lanes(ready_by_s=HOUR_S, jobs=[OpenJob("a", 4000, 0.0, **change)]))
    assert plan.cancel == ()


@pytest.mark.parametrize(("late_s", "expected"), [(-1, ()), (1, ("a",))])
def test_a_job_long_past_its_window_is_ended(late_s, expected):
    now_s = WINDOW_S + STALLED_S + late_s
    assert plan_lanes(lanes(now_s=now_s, jobs=[OpenJob("a", 5, 0.0)])).cancel == expected


def simulate(items, ready_by_s, per_minute, batch_done_s):
    """Return (when all is answered, how many at once) where jobs end at `batch_done_s`."""
    now_s, tick_s = 0.0, 30.0
    realtime, at_once, back = 0, 0, {}
    size = most_in_a_job(ready_by_s, 0.0, per_minute, 50_000)
    jobs = {str(n): min(size, items - n) for n in range(0, items, size)}
    while jobs or realtime or back:
        if now_s >= batch_done_s:
            jobs.clear()
        for job_id in [each for each, due_s in back.items() if now_s >= due_s]:
            realtime += jobs.pop(job_id, 0)
            del back[job_id]
        done = min(realtime, per_minute / 60 * tick_s)
        realtime, at_once = realtime - done, at_once + done
        open_jobs = [
            OpenJob(each, count, float(each), is_cancelling=each in back)
            for each, count in jobs.items()
        ]
        plan = plan_lanes(Lanes(now_s, ready_by_s, per_minute, int(realtime), 0, open_jobs))
        back |= dict.fromkeys(plan.cancel, now_s + CANCELLING_S)
        now_s += tick_s
    return now_s, at_once


@pytest.mark.parametrize("hours", [2, 4, 8, 20])
def test_a_vendor_that_never_answers_is_left_in_time(hours):
    finished_s, at_once = simulate(6000, hours * HOUR_S, 60.0, inf)
    assert finished_s <= hours * HOUR_S
    assert at_once == 6000


@pytest.mark.parametrize(("batch_done_s", "most_at_once"), [(HOUR_S, 0), (7 * HOUR_S, 4920)])
def test_only_what_the_batch_lane_has_not_done_in_time_is_paid_in_full(batch_done_s, most_at_once):
    finished_s, at_once = simulate(6000, 8 * HOUR_S, 60.0, batch_done_s)
    assert finished_s <= 8 * HOUR_S
    assert at_once <= most_at_once


def test_the_realtime_lane_is_as_fast_as_its_tightest_limit():
    assert realtime_per_minute(10, 6.0, None, None, 0) == pytest.approx(70)
    assert realtime_per_minute(10, 6.0, 50, None, 0) == pytest.approx(35)
    assert realtime_per_minute(10, 6.0, 50, 10_000, 1000) == pytest.approx(7)
