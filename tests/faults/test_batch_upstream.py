"""Each fault of a server gives a batch its typed outcome: paused with a reason, or items failed."""

import pytest

from core.batch import BatchState
from core.store.check import check_store
from tests import upstream as faults
from tests.batch_kit import open_bench
from tests.batch_worker import engine_at
from tests.client_kit import ManualTime, manual_timing

FAILED, PAUSED, DONE = BatchState.FAILED, BatchState.PAUSED, BatchState.SUCCEEDED


@pytest.mark.parametrize(
    ("fault", "state", "code", "most_calls_per_item"),
    [
        (faults.fine, DONE, None, 1),
        (faults.quota, PAUSED, "API003", 1),
        (faults.credit, PAUSED, "API003", 1),
        (faults.key_echoed, PAUSED, "API001", 1),
        (faults.no_such_model, PAUSED, "API004", 1),
        (faults.forbidden, PAUSED, "API005", 1),
        (faults.rate_limit, FAILED, "API002", 10),
        (faults.rate_limit_2_s, FAILED, "API002", 10),
        (faults.rate_limit_600_s, FAILED, None, 10),
        (faults.too_large_for_the_limit, FAILED, "API010", 1),
        (faults.broken, FAILED, "API006", 7),
        (faults.overloaded, FAILED, "API006", 7),
        (faults.reset_before_payment, FAILED, "NET002", 7),
        (faults.reset_after_payment, FAILED, "NET002", 4),
        (faults.empty, FAILED, "API008", 4),
        (faults.html, FAILED, "API008", 4),
        (faults.cut_json, FAILED, "API008", 4),
        (faults.empty_object, FAILED, "API008", 4),
        (faults.error_in_200, FAILED, None, 7),
        (faults.no_choices, FAILED, None, 4),
        (faults.null_content, FAILED, "CNT005", 1),
        (faults.refusal, FAILED, "CNT004", 1),
        (faults.length, FAILED, "CNT003", 1),
        (faults.content_filter, FAILED, "CNT001", 1),
        (faults.too_large, FAILED, "API009", 2),
        (faults.bad_picture, FAILED, "IMG005", 1),
        (faults.too_long, FAILED, "CNT002", 1),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_a_batch_meets_a_fault(tmp_path, fault, state, code, most_calls_per_item):
    async with faults.upstream(fault) as server:
        timing = manual_timing(ManualTime(), call_timeout_s=5)
        engine = engine_at(server.base_url, 2)
        async with open_bench(tmp_path, engine, max_concurrent=2, timing=timing) as bench:
            batch_id = await bench.run(3)
            progress = bench.batches.progress(batch_id)
            assert check_store(bench.store.database) == []

    assert progress.state is state
    assert progress.succeeded + progress.failed + progress.queued == 3
    if state is PAUSED:
        assert (progress.reason_code, progress.failed, progress.queued) == (code, 0, 3)
    elif state is FAILED:
        assert code is None or progress.failures == {code: 3}
        assert progress.failed == 3
    assert len(server.requests) <= 3 * most_calls_per_item
