import asyncio
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from math import inf

import pytest

from core import errors
from core.batch.types import BatchState, JobLane
from core.phrases import Phrase
from core.store.batch_jobs import BatchTerms
from core.store.check import check_store
from tests.batch_plans import (
    ALL_REJECTED,
    BACKWARDS,
    EXPIRES_HALFWAY,
    FINE,
    INVALID,
    REFUSED,
    SLOW_FINALIZING,
    STUCK,
    TOKEN_LIMIT,
    Fate,
    Plan,
    mixed,
    problem,
)
from tests.batch_upstream import BatchUpstream
from tests.batch_wire import NO_ROUTE
from tests.lane_kit import billed_usd, open_lane, rhythm, run, until


async def test_a_batch_is_answered_by_jobs_for_half_the_price(tmp_path):
    upstream = BatchUpstream()
    async with open_lane(tmp_path, upstream) as bench:
        batch_id = await run(bench, 20)
        progress = bench.batches.progress(batch_id)
        jobs = bench.batches.jobs(batch_id)
        assert check_store(bench.store.database) == []

    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, 20)
    assert progress.cost_usd == billed_usd(upstream) > 0
    assert progress.saved_batch_usd == progress.cost_usd
    assert progress.reserved_usd == 0
    assert [(job.requests, job.vendor_state, job.is_open) for job in jobs] == [
        (20, "completed", False)
    ]
    assert len(upstream.paid) == 20
    assert upstream.files == {}
    assert list((tmp_path / "jobs").iterdir()) == []


async def test_lines_count_as_what_they_are(tmp_path):
    fates = mixed(Fate.ANSWERED, Fate.REFUSED, Fate.CUT, Fate.REJECTED)
    upstream = BatchUpstream(plans=[fates])
    async with open_lane(tmp_path, upstream) as bench:
        batch_id = await run(bench, 8)
        progress = bench.batches.progress(batch_id)
        assert check_store(bench.store.database) == []

    assert (progress.succeeded, progress.failed) == (2, 6)
    assert progress.failures == {"CNT004": 2, "CNT003": 2, "IMG005": 2}
    assert progress.cost_usd == billed_usd(upstream)
    assert len(upstream.paid) == 6


@pytest.mark.parametrize(
    ("plan", "first_state"),
    [
        (mixed(Fate.ANSWERED, Fate.BROKEN, Fate.TIMED_OUT), "completed"),
        (EXPIRES_HALFWAY, "expired"),
        (ALL_REJECTED, "completed"),
        (BACKWARDS, "completed"),
        (SLOW_FINALIZING, "completed"),
    ],
)
async def test_what_a_job_leaves_is_asked_again_and_paid_once(tmp_path, plan, first_state):
    upstream = BatchUpstream(plans=[plan])
    async with open_lane(tmp_path, upstream) as bench:
        batch_id = await run(bench, 9)
        progress = bench.batches.progress(batch_id)
        jobs = bench.batches.jobs(batch_id)
        assert check_store(bench.store.database) == []

    assert jobs[0].vendor_state == first_state
    assert progress.succeeded + progress.failures.get("IMG005", 0) == 9
    assert progress.cost_usd == billed_usd(upstream)
    assert progress.reserved_usd == 0
    assert len({paid.custom_id for paid in upstream.paid}) == len(upstream.paid)


async def test_a_full_queue_is_waited_for_and_no_failure(tmp_path):
    upstream = BatchUpstream(plans=[TOKEN_LIMIT])
    async with open_lane(tmp_path, upstream) as bench:
        batch_id = await run(bench, 6)
        progress = bench.batches.progress(batch_id)
        jobs = bench.batches.jobs(batch_id)

    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, 6)
    assert jobs[0].vendor_state == "failed"
    assert "90,000" in str(jobs[0].reason)
    assert jobs[1].requests == 6


async def test_lines_that_the_vendor_refuses_fail_and_the_others_are_submitted_again(tmp_path):
    upstream = BatchUpstream(plans=[INVALID])
    async with open_lane(tmp_path, upstream) as bench:
        batch_id = await run(bench, 5)
        progress = bench.batches.progress(batch_id)
        items = bench.batches.items(batch_id)
        assert check_store(bench.store.database) == []

    assert (progress.state, progress.succeeded) == (BatchState.FAILED, 3)
    assert [item.outcome.code for item in items[1:3]] == ["API007", "API007"]
    assert [str(item.outcome.detail) for item in items[1:3]] == ["fault", "fault"]
    assert [len(job.requests) for job in upstream.jobs.values()] == [5, 3]
    assert progress.cost_usd == billed_usd(upstream)


async def test_on_the_lane_auto_the_lines_that_the_vendor_does_not_mind_go_on_at_once(tmp_path):
    upstream = BatchUpstream(plans=[INVALID])
    async with open_lane(tmp_path, upstream) as bench:
        progress = bench.batches.progress(await run(bench, 5, JobLane.AUTO))

    assert (progress.state, progress.succeeded, progress.failed) == (BatchState.FAILED, 3, 2)
    assert [paid.lane for paid in upstream.paid] == ["realtime"] * 3


async def test_a_vendor_that_refuses_line_after_line_pauses_the_batch(tmp_path):
    one_line = Plan(problems=(problem("invalid_json_line", 1),))
    upstream = BatchUpstream(plans=[one_line] * 9)
    async with open_lane(tmp_path, upstream) as bench:
        batch_id = await run(bench, 9)
        progress = bench.batches.progress(batch_id)

    assert (progress.state, progress.failed, progress.queued) == (BatchState.PAUSED, 2, 7)


async def test_a_job_that_the_vendor_refuses_pauses_the_batch_with_its_words(tmp_path):
    upstream = BatchUpstream(plans=[REFUSED])
    async with open_lane(tmp_path, upstream) as bench:
        batch_id = await run(bench, 4)
        progress = bench.batches.progress(batch_id)

    assert (progress.state, progress.reason_code) == (BatchState.PAUSED, "API007")
    assert str(progress.reason) == "fault"
    assert (progress.queued, progress.reserved_usd) == (4, 0)


async def test_a_file_that_is_too_large_is_halved(tmp_path):
    upstream = BatchUpstream(max_upload_bytes=9000)
    async with open_lane(tmp_path, upstream) as bench:
        batch_id = await run(bench, 20)
        progress = bench.batches.progress(batch_id)

    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, 20)
    assert len(upstream.jobs) > 1


async def test_what_was_answered_before_is_never_submitted(tmp_path):
    upstream = BatchUpstream()
    async with open_lane(tmp_path, upstream) as bench:
        await run(bench, 3)
        batch_id = await run(bench, 5)
        progress = bench.batches.progress(batch_id)

    assert (progress.succeeded, progress.cached) == (5, 3)
    assert [len(job.requests) for job in upstream.jobs.values()] == [3, 2]


async def test_the_budget_is_never_passed(tmp_path):
    upstream = BatchUpstream()
    async with open_lane(tmp_path, upstream) as bench:
        batch_id = await run(bench, 40, budget_usd=Decimal("0.02"))
        paused = bench.batches.progress(batch_id)
        assert check_store(bench.store.database) == []

    assert (paused.state, paused.reason_code) == (BatchState.PAUSED, "BGT001")
    assert 0 < paused.cost_usd == billed_usd(upstream) <= Decimal("0.02")
    assert paused.succeeded + paused.queued == 40


async def test_a_cancelled_batch_keeps_what_its_jobs_have_answered(tmp_path):
    upstream = BatchUpstream(plans=[Plan(validating_s=0, working_s=10_000, cancelling_s=300)])
    async with open_lane(tmp_path, upstream) as bench:
        batch_id = await bench.make(10, lane=JobLane.BATCH)
        await bench.batches.start(batch_id)
        await until(lambda: any(job.done for job in upstream.jobs.values()))
        await bench.batches.cancel(batch_id)
        await bench.batches.wait()
        progress = bench.batches.progress(batch_id)
        jobs = bench.batches.jobs(batch_id)
        assert check_store(bench.store.database) == []

    assert (progress.state, jobs[0].vendor_state) == (BatchState.CANCELLED, "cancelled")
    assert 0 < progress.succeeded < 10
    assert progress.succeeded + progress.cancelled == 10
    assert progress.cost_usd == billed_usd(upstream)


async def test_an_endpoint_without_a_batch_lane_says_so(tmp_path):
    upstream = BatchUpstream(without_batches=NO_ROUTE)
    async with open_lane(tmp_path, upstream) as bench:
        batch_id = await bench.make(3, lane=JobLane.BATCH)
        refusal = await bench.batches.batch_lane_refusal()
        quotes = await bench.batches.lane_quotes(batch_id)
        with pytest.raises(errors.InputNotUsableError):
            await bench.batches.start(batch_id)
        auto = await run(bench, 3, JobLane.AUTO)
        progress = bench.batches.progress(auto)

    assert "no batch lane" in str(refusal)
    assert quotes.batch.refusal == refusal
    assert quotes.batch.usd.expected * 2 == quotes.realtime.usd.expected
    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, 3)
    assert {paid.lane for paid in upstream.paid} == {"realtime"}


@pytest.mark.parametrize(
    ("plan", "hours", "lanes"),
    [
        (FINE, None, {"batch": 12}),
        (mixed(Fate.ANSWERED, Fate.BROKEN), None, {"batch": 6, "realtime": 6}),
        (EXPIRES_HALFWAY, None, {"batch": 6, "realtime": 6}),
        (STUCK, 3, {"realtime": 12}),
        (REFUSED, None, {"realtime": 12}),
        (FINE, 3, {"batch": 12}),
        (FINE, 0, {"realtime": 12}),
    ],
)
async def test_auto_answers_everything_once_and_by_its_deadline(tmp_path, plan, hours, lanes):
    upstream = BatchUpstream(plans=[plan])
    began_s = upstream.clock()
    ready_by = None if hours is None else datetime.fromtimestamp(began_s + hours * 3600, UTC)
    async with open_lane(tmp_path, upstream) as bench:
        batch_id = await run(bench, 12, JobLane.AUTO, ready_by=ready_by)
        progress = bench.batches.progress(batch_id)
        assert check_store(bench.store.database) == []

    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, 12)
    assert Counter(paid.lane for paid in upstream.paid) == lanes
    assert progress.cost_usd == billed_usd(upstream)
    assert progress.finished_at.timestamp() <= began_s + (hours or 48) * 3600 + 60


async def test_more_urgent_means_at_once_for_what_is_not_submitted(tmp_path):
    upstream = BatchUpstream(enqueued_token_limit=1)
    async with open_lane(tmp_path, upstream) as bench:
        batch_id = await bench.make(4, lane=JobLane.AUTO)
        await bench.batches.start(batch_id)
        await until(lambda: bool(upstream.jobs))
        await bench.batches.set_priority(batch_id, 5)
        await bench.batches.wait()
        progress = bench.batches.progress(batch_id)

    assert (progress.succeeded, progress.priority) == (4, 5)
    assert {paid.lane for paid in upstream.paid} == {"realtime"}


async def test_a_job_at_another_endpoint_is_left_until_that_is_back(tmp_path):
    upstream = BatchUpstream()
    async with open_lane(tmp_path, upstream) as bench:
        batch_id = await bench.make(3, lane=JobLane.BATCH)
        await bench.batches.start(batch_id)
        await until(lambda: bool(upstream.jobs))
        await until(lambda: bench.batches.jobs(batch_id)[0].vendor_id)
        await bench.batches._operator.close()
        bench.client.engine.origin = "https://elsewhere.example/v1"
        bench.batches._operator._is_closing = False
        await bench.batches.fetch_now(batch_id)
        await bench.batches._operator.idle()
        progress = bench.batches.progress(batch_id)
        jobs = bench.batches.jobs(batch_id)

    assert (progress.running, progress.failed) == (3, 0)
    assert "http://127.0.0.1:1/v1" in str(jobs[0].reason)


@pytest.mark.parametrize("writes", [1, 4, 8, 12, 20, 30])
async def test_a_disk_that_fails_for_a_moment_only_delays(tmp_path, writes):
    upstream = BatchUpstream()
    async with open_lane(tmp_path, upstream) as bench:
        batch_id = await bench.make(4, lane=JobLane.BATCH)
        await bench.batches.start(batch_id)
        bench.client.writer.run = failing(bench.client.writer.run, after=writes)
        await bench.batches.wait()
        progress = bench.batches.progress(batch_id)
        assert check_store(bench.store.database) == []

    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, 4)
    assert progress.cost_usd == billed_usd(upstream)


def failing(run, after):
    """Take some writes, then three times none, then all."""
    count = 0

    async def maybe(work):
        nonlocal count
        count += 1
        if after < count <= after + 3:
            raise errors.StorageError(Phrase("The disk is full."))
        return await run(work)

    return maybe


async def test_a_batch_that_is_resumed_in_its_last_turn_goes_on(tmp_path):
    async with open_lane(tmp_path, BatchUpstream()) as bench:
        batch_id = await bench.make(2, lane=JobLane.BATCH)
        await bench.batches.start(batch_id)
        await bench.batches.pause(batch_id)
        await bench.batches.wait()
        run = bench.client.writer.run

        async def resume_after_a_look(work):
            found = await run(work)
            if isinstance(found, BatchTerms) and found.state is BatchState.PAUSED:
                bench.client.writer.run = run
                await bench.batches.resume(batch_id)
            return found

        bench.client.writer.run = resume_after_a_look
        await bench.batches.fetch_now(batch_id)
        await bench.batches.wait()
        progress = bench.batches.progress(batch_id)

    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, 2)


def three_hours(upstream):
    return datetime.fromtimestamp(upstream.clock() + 3 * 3600, UTC)


async def test_what_a_vendor_answers_too_late_counts_in_money_and_changes_no_outcome(tmp_path):
    """Cancelled in time for the deadline, the job ends hours after its items went on."""
    slow = Plan(validating_s=0, working_s=36_000, cancelling_s=5 * 3600)
    upstream = BatchUpstream(plans=[slow])
    async with open_lane(tmp_path, upstream) as bench:
        batch_id = await run(bench, 12, JobLane.AUTO, ready_by=three_hours(upstream))
        before = bench.batches.progress(batch_id)
        assert check_store(bench.store.database) == []
        texts = [item.outcome.text for item in bench.batches.items(batch_id)]
        await asyncio.wait(bench.batches._operator._loops())
        progress = bench.batches.progress(batch_id)
        assert check_store(bench.store.database) == []
        assert texts == [item.outcome.text for item in bench.batches.items(batch_id)]

    assert (before.state, before.succeeded) == (BatchState.SUCCEEDED, 12)
    assert before.reserved_usd > 0
    lanes = Counter(paid.lane for paid in upstream.paid)
    assert lanes["realtime"] == 12
    assert lanes["batch"] > 0
    assert (progress.cost_usd, progress.reserved_usd) == (billed_usd(upstream), 0)
    assert upstream.files == {}


async def test_without_another_lane_items_wait_for_a_job_that_does_not_end(tmp_path):
    upstream = BatchUpstream(plans=[Plan(validating_s=inf, cancelling_s=2 * 86_400)])
    async with open_lane(tmp_path, upstream, rhythm=rarely(upstream)) as bench:
        batch_id = await bench.make(3, lane=JobLane.BATCH)
        await bench.batches.start(batch_id)
        await until(lambda: bench.batches.jobs(batch_id) and bench.batches.jobs(batch_id)[0].reason)
        waiting, (job,) = bench.batches.progress(batch_id), bench.batches.jobs(batch_id)
        await bench.batches.wait()
        progress = bench.batches.progress(batch_id)
        assert check_store(bench.store.database) == []

    assert (waiting.running, waiting.failed, job.is_cancelling) == (3, 0, True)
    assert "does not end" in str(job.reason)
    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, 3)
    assert progress.cost_usd == billed_usd(upstream)


def rarely(upstream):
    return rhythm(upstream, tick_s=600, least_look_s=60, most_look_s=1800)


@pytest.mark.parametrize("lane", [JobLane.AUTO, JobLane.BATCH])
async def test_a_job_that_never_ends_is_told_as_lost_in_the_end(tmp_path, lane):
    upstream = BatchUpstream(plans=[Plan(validating_s=inf, cancelling_s=inf)])
    async with open_lane(tmp_path, upstream, rhythm=rarely(upstream)) as bench:
        batch_id = await run(bench, 3, lane)
        if loops := bench.batches._operator._loops():
            await asyncio.wait(loops)
        progress = bench.batches.progress(batch_id)
        assert check_store(bench.store.database) == []

    assert progress.reserved_usd == 0
    assert progress.failed == (3 if lane is JobLane.BATCH else 0)


async def test_a_vendor_that_counts_more_tokens_than_we_do_gets_smaller_jobs(tmp_path):
    upstream = BatchUpstream(enqueued_token_limit=6000)
    async with open_lane(tmp_path, upstream) as bench:
        progress = bench.batches.progress(await run(bench, 40))

    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, 40)
    assert progress.cost_usd == billed_usd(upstream)
