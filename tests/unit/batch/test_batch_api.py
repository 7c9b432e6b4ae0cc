from decimal import Decimal

from core.batch.types import BatchState
from core.store.check import check_store
from tests.batch_upstream import BatchUpstream
from tests.lane_kit import billed_usd, open_lane, run


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
