"""Twenty calls at once for the last of the money: the budget is used up and never passed."""

from decimal import Decimal

import pytest

from core.batch import BatchState
from core.store.check import check_store
from tests.batch_kit import open_bench
from tests.batch_worker import AsItIs, engine_at
from tests.metered import Conditions, metered

AT_ONCE, PAID_FOR = 20, 100
CALL_USD = Decimal("0.00083")  # 300 tokens in and 8 out of gpt-4o
BUDGET_USD = PAID_FOR * CALL_USD
MOST_USD = Decimal("0.01")  # what one call may cost at most, and a little


@pytest.mark.parametrize("whose", ["the batch's", "everybody's"])
async def test_twenty_calls_at_once_never_pass_a_budget(tmp_path, whose):
    own = BUDGET_USD if whose == "the batch's" else None
    with metered(tmp_path / "server", Conditions(latency_s=0.01)) as server:
        async with open_bench(
            tmp_path / "data",
            engine_at(server.base_url, AT_ONCE),
            max_concurrent=AT_ONCE,
            budget_usd=None if own else str(BUDGET_USD),
            decoder=AsItIs(),
            is_real_time=True,
        ) as bench:
            batch_id = await bench.run(3 * PAID_FOR, budget_usd=own)
            progress = bench.batches.progress(batch_id)
            assert check_store(bench.store.database) == []
        counts = server.counts()

    assert (progress.state, progress.reason_code) == (BatchState.PAUSED, "BGT001")
    assert progress.cost_usd == counts.answered * CALL_USD
    assert BUDGET_USD - MOST_USD < progress.cost_usd <= BUDGET_USD
    assert counts.most_in_flight > 10
    assert progress.succeeded + progress.queued == 3 * PAID_FOR
