import asyncio
from decimal import Decimal

from core import errors
from core.batch import BatchState, ItemState
from core.engines.fake import FakeEngine, fake_answer
from tests.batch_kit import QUESTION, open_bench, pictures


async def test_every_item_is_answered_and_counted(tmp_path):
    engine = FakeEngine()
    async with open_bench(tmp_path, engine) as bench:
        batch_id = await bench.run(25)
        progress = bench.batches.progress(batch_id)
        items = bench.batches.items(batch_id)

    assert progress.state is BatchState.SUCCEEDED
    assert (progress.total, progress.succeeded, progress.queued, progress.running) == (25, 25, 0, 0)
    assert progress.cost_usd == 25 * Decimal("0.00035")
    assert progress.reserved_usd == 0
    assert [item.position for item in items] == list(range(25))
    assert {item.outcome.text for item in items} == {"a red square"}
    assert len(engine.calls) == 25


async def test_pictures_that_are_the_same_are_paid_once(tmp_path):
    engine = FakeEngine()
    async with open_bench(tmp_path, engine) as bench:
        twins = pictures(3) + pictures(3) + pictures(3)
        batch_id = await bench.batches.create("twins", twins, QUESTION)
        quote = await bench.batches.quote(batch_id)
        await bench.batches.start(batch_id)
        await bench.batches.wait()
        progress = bench.batches.progress(batch_id)
        rows = bench.client.ledger.summary()

    assert (quote.total, quote.identical, quote.to_pay) == (9, 6, 3)
    assert (len(engine.calls), progress.succeeded, progress.cached) == (3, 9, 6)
    assert (rows.requests, rows.cached) == (9, 6)
    assert progress.cost_usd == 3 * Decimal("0.00035")


async def test_a_wrong_key_pauses_and_loses_nothing(tmp_path):
    engine = FakeEngine([fake_answer(), errors.AuthenticationError("bad key")])
    async with open_bench(tmp_path, engine, max_concurrent=1) as bench:
        batch_id = await bench.run(30)
        paused = bench.batches.progress(batch_id)
        engine._steps[:] = [fake_answer()]
        await bench.batches.resume(batch_id)
        await bench.batches.wait()
        done = bench.batches.progress(batch_id)

    assert (paused.state, paused.reason_code) == (BatchState.PAUSED, "API001")
    assert (paused.failed, paused.succeeded + paused.queued) == (0, 30)
    assert (done.state, done.succeeded, done.reason_code) == (BatchState.SUCCEEDED, 30, None)
