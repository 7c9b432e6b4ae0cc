"""Each way a job can end gives every item its outcome, and nothing is paid twice."""

import base64
from dataclasses import replace

import pytest

from core.batch import BatchState, JobLane
from core.batch.driving import Rhythm
from core.engines.openai import OpenAIEngine
from core.engines.transport import AsgiStreamTransport
from core.errors import InputNotUsableError
from core.local.app import build_app
from core.settings import Settings
from core.store.check import check_store
from core.types import PreparedImage, Sampling
from tests import batch_plans as plans
from tests.batch_kit import QUESTION, FakeDecoder, open_bench, pictures
from tests.batch_plans import Fate
from tests.batch_upstream import BatchUpstream
from tests.batch_wire import BROKEN, NO_METHOD, NO_ROUTE, refusal
from tests.lane_kit import billed_usd, open_lane, rhythm, run, until
from tests.unit.local.batch_engine import ClosingReader, GatedReader, png

ITEMS = 4
NO_ANSWERS = plans.mixed(Fate.REFUSED, Fate.CUT)


def lane_of(directory, upstream):
    """Open a lane that looks rarely: a day of simulated time must not take long."""
    slow = rhythm(upstream, tick_s=600, least_look_s=60, most_look_s=1800)
    return open_lane(directory, upstream, rhythm=slow)


def check(bench, upstream, progress):
    """Whatever happened: the record adds up, and so does the money."""
    assert check_store(bench.store.database) == []
    assert progress.cost_usd == bench.client.ledger.spending().spent_usd == billed_usd(upstream)
    assert progress.reserved_usd == 0
    ids = [each.custom_id for each in upstream.paid]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("first", "succeeded", "failures", "paid", "jobs"),
    [
        pytest.param(plans.FINE, 4, {}, 4, 1, id="fine"),
        pytest.param(plans.BACKWARDS, 4, {}, 4, 1, id="backwards"),
        pytest.param(plans.SLOW_FINALIZING, 4, {}, 4, 1, id="slow finalizing"),
        pytest.param(plans.ALL_REJECTED, 0, {"IMG005": 4}, 0, 1, id="all rejected"),
        pytest.param(
            plans.mixed(Fate.REFUSED, Fate.CUT),
            0,
            {"CNT004": 2, "CNT003": 2},
            4,
            1,
            id="no answers",
        ),
        pytest.param(plans.mixed(Fate.ANSWERED, Fate.TIMED_OUT), 4, {}, 4, 2, id="timed out"),
        pytest.param(plans.mixed(Fate.BROKEN, Fate.ANSWERED), 4, {}, 4, 2, id="broken"),
        pytest.param(plans.EXPIRES_HALFWAY, 4, {}, 4, 2, id="expired halfway"),
        pytest.param(plans.STUCK, 4, {}, 4, 2, id="stuck"),
        pytest.param(plans.TOKEN_LIMIT, 4, {}, 4, 2, id="token limit"),
    ],
)
async def test_a_job_ends_as_it_may(tmp_path, first, succeeded, failures, paid, jobs):
    upstream = BatchUpstream(plans=[first])
    async with lane_of(tmp_path, upstream) as bench:
        batch_id = await run(bench, ITEMS)
        progress = bench.batches.progress(batch_id)
        check(bench, upstream, progress)

    assert progress.failures == failures
    assert (progress.succeeded, progress.failed) == (succeeded, ITEMS - succeeded)
    assert (len(upstream.jobs), len(upstream.paid)) == (jobs, paid)
    assert upstream.files == {}


@pytest.mark.parametrize(
    ("first", "paid_in_jobs"),
    [
        pytest.param(plans.mixed(Fate.ANSWERED, Fate.TIMED_OUT), 2, id="timed out"),
        pytest.param(plans.EXPIRES_HALFWAY, 2, id="expired halfway"),
        pytest.param(plans.STUCK, 0, id="stuck"),
        pytest.param(plans.REFUSED, 0, id="refused"),
    ],
)
async def test_what_a_job_leaves_goes_on_at_once_where_that_was_asked(
    tmp_path, first, paid_in_jobs
):
    upstream = BatchUpstream(plans=[first])
    async with lane_of(tmp_path, upstream) as bench:
        batch_id = await run(bench, ITEMS, JobLane.AUTO)
        progress = bench.batches.progress(batch_id)
        assert check_store(bench.store.database) == []

    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, ITEMS)
    assert progress.cost_usd == billed_usd(upstream)
    lanes = [each.lane for each in upstream.paid]
    assert lanes == ["batch"] * paid_in_jobs + ["realtime"] * (ITEMS - paid_in_jobs)
    assert len({each.picture for each in upstream.paid}) == ITEMS


async def test_a_job_that_the_vendor_finds_wrong_pauses_the_batch(tmp_path):
    upstream = BatchUpstream(plans=[plans.REFUSED])
    async with lane_of(tmp_path, upstream) as bench:
        batch_id = await run(bench, ITEMS)
        paused = bench.batches.progress(batch_id)
        await bench.batches.resume(batch_id)  # somebody has looked at it
        await bench.batches.wait()
        progress = bench.batches.progress(batch_id)
        check(bench, upstream, progress)

    assert (paused.state, paused.queued) == (BatchState.PAUSED, ITEMS)
    assert "fault" in str(paused.reason)
    assert (progress.state, len(upstream.paid)) == (BatchState.SUCCEEDED, ITEMS)


@pytest.mark.parametrize("reply", [NO_ROUTE, NO_METHOD])
async def test_a_server_without_batches_is_told_before_anything_is_sent(tmp_path, reply):
    upstream = BatchUpstream(without_batches=reply)
    async with lane_of(tmp_path, upstream) as bench:
        reason = await bench.batches.batch_lane_refusal()
        with pytest.raises(InputNotUsableError):
            await run(bench, ITEMS)

    assert reason is not None
    assert upstream.times("POST /v1/files") == 0


async def test_without_batches_everything_goes_on_at_once_where_that_was_asked(tmp_path):
    upstream = BatchUpstream(without_batches=NO_METHOD)
    async with lane_of(tmp_path, upstream) as bench:
        batch_id = await run(bench, ITEMS, JobLane.AUTO)
        progress = bench.batches.progress(batch_id)

    assert progress.succeeded == ITEMS
    assert {each.lane for each in upstream.paid} == {"realtime"}


EVERY_CALL = (
    "POST /v1/files",
    "POST /v1/batches",
    "GET /v1/batches/*",
    "GET /v1/files/*/content",
    "DELETE /v1/files/*",
)


@pytest.mark.parametrize("is_obeyed", [True, False], ids=["obeyed", "broken"])
async def test_calls_that_fail_in_passing_cost_nothing(tmp_path, is_obeyed):
    """Whether the server did what it was asked and its answer was lost, or it did nothing."""
    upstream = BatchUpstream()
    if is_obeyed:
        upstream.lost += EVERY_CALL
    else:
        upstream.scripted |= {route: [BROKEN] for route in EVERY_CALL}
    async with lane_of(tmp_path, upstream) as bench:
        batch_id = await run(bench, ITEMS)
        progress = bench.batches.progress(batch_id)
        check(bench, upstream, progress)

    assert (upstream.lost, any(upstream.scripted.values())) == ([], False)
    assert (progress.succeeded, len(upstream.jobs), len(upstream.paid)) == (ITEMS, 1, ITEMS)
    assert upstream.files == {}


async def test_a_proxy_that_takes_small_files_only_gets_small_ones(tmp_path):
    upstream = BatchUpstream(max_upload_bytes=2000)
    async with lane_of(tmp_path, upstream) as bench:
        progress = bench.batches.progress(await run(bench, ITEMS))
        check(bench, upstream, progress)

    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, ITEMS)
    assert len(upstream.jobs) > 1


async def test_a_proxy_that_takes_nothing_pauses_the_batch(tmp_path):
    upstream = BatchUpstream(max_upload_bytes=100)
    async with lane_of(tmp_path, upstream) as bench:
        progress = bench.batches.progress(await run(bench, ITEMS))
        check(bench, upstream, progress)

    assert (progress.state, progress.reason_code) == (BatchState.PAUSED, "API009")
    assert (progress.queued, upstream.paid) == (ITEMS, [])


async def test_a_queue_of_few_tokens_is_served_job_after_job(tmp_path):
    upstream = BatchUpstream(enqueued_token_limit=1500)
    async with lane_of(tmp_path, upstream) as bench:
        progress = bench.batches.progress(await run(bench, 12))
        check(bench, upstream, progress)

    assert (progress.succeeded, len(upstream.paid)) == (12, 12)


NOT_THERE = refusal(404, None, "No such object")
MISSING = [
    pytest.param("GET /v1/batches/*", id="the job"),
    pytest.param("GET /v1/files/*/content", id="its answers"),
]


@pytest.mark.parametrize("route", MISSING)
async def test_what_the_vendor_does_not_show_for_a_while_is_looked_for_again(tmp_path, route):
    upstream = BatchUpstream()
    upstream.scripted[route] = [NOT_THERE, NOT_THERE]
    quick = rhythm(upstream, least_look_s=60, most_look_s=200)
    async with open_lane(tmp_path, upstream, rhythm=quick) as bench:
        batch_id = await bench.make(ITEMS, lane=JobLane.BATCH)
        await bench.batches.start(batch_id)
        await until(lambda: any(job.reason for job in bench.batches.jobs(batch_id)))
        meanwhile, (missing,) = bench.batches.progress(batch_id), bench.batches.jobs(batch_id)
        await bench.batches.wait()
        progress, (job,) = bench.batches.progress(batch_id), bench.batches.jobs(batch_id)
        check(bench, upstream, progress)

    assert "looked for again" in str(missing.reason)
    assert (meanwhile.running, meanwhile.reserved_usd > 0) == (ITEMS, True)
    assert (progress.succeeded, job.reason) == (ITEMS, None)


@pytest.mark.parametrize("route", MISSING)
async def test_what_stays_away_is_told_as_lost(tmp_path, route):
    upstream = BatchUpstream()
    upstream.scripted[route] = [NOT_THERE] * 1000
    async with lane_of(tmp_path, upstream) as bench:
        batch_id = await run(bench, ITEMS)
        progress, (job,) = bench.batches.progress(batch_id), bench.batches.jobs(batch_id)
        items = bench.batches.items(batch_id)
        assert check_store(bench.store.database) == []

    assert progress.failed == ITEMS
    assert 1000 - len(upstream.scripted[route]) > 2
    assert {item.outcome.cost.usd for item in items} == {None}  # it was billed; nobody knows what
    assert (progress.reserved_usd, job.reason) == (0, None)


async def test_the_lane_runs_without_a_key_on_the_engine_inside(tmp_path):
    app = build_app(tmp_path / "engine", ClosingReader(GatedReader()))
    inside = OpenAIEngine(Settings(_env_file=None), AsgiStreamTransport(app))
    question = replace(QUESTION, model="local-vision-1", sampling=Sampling(300))
    quick = Rhythm(least_look_s=0.01, most_look_s=0.01, tick_s=0.01)
    async with open_bench(tmp_path, inside, decoder=Numbered(), rhythm=quick) as bench:
        batch_id = await bench.batches.create("t", pictures(3), question, lane=JobLane.BATCH)
        await bench.batches.start(batch_id)
        await bench.batches.wait()
        progress, (job,) = bench.batches.progress(batch_id), bench.batches.jobs(batch_id)
        check(bench, BatchUpstream(), progress)

    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, 3)
    assert job.vendor_id.startswith("batch_local_")
    assert (job.vendor_state, job.completed) == ("completed", 3)
    assert list((tmp_path / "engine" / "files").iterdir()) == []


class Numbered(FakeDecoder):
    """Makes of each source a picture of another shade."""

    async def prepare(self, source, rule, detail, max_size=None):
        self.prepared += 1
        data = base64.b64decode(png(self.prepared))
        return PreparedImage(data, "image/png", 64, 64, "PNG", 64, 64)
