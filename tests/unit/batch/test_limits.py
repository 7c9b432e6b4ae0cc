import asyncio
from decimal import Decimal

import pytest

from core import errors
from core.batch import BatchState
from core.engines.fake import FakeEngine
from core.images.intake import Refused
from core.phrases import Phrase
from core.store.calls import CallStatus
from core.store.check import check_store
from tests.batch_kit import QUESTION, open_bench, pictures

DAMAGED = errors.ImageError(errors.ImageRefusal.DAMAGED, Phrase("Damaged."))


async def test_a_batch_that_used_its_budget_up_goes_on_with_a_higher_one(tmp_path):
    engine = FakeEngine()
    async with open_bench(tmp_path, engine) as bench:
        batch_id = await bench.run(20, budget_usd=Decimal("0.006"))
        paused = bench.batches.progress(batch_id)
        await bench.batches.set_limits(batch_id, budget_usd=Decimal(1), max_items=None)
        waiting = bench.batches.progress(batch_id)
        await bench.batches.resume(batch_id)
        await bench.batches.wait()
        done = bench.batches.progress(batch_id)
        assert check_store(bench.store.database) == []

    assert (paused.state, paused.reason_code) == (BatchState.PAUSED, "BGT001")
    assert (waiting.state, waiting.budget_usd) == (BatchState.PAUSED, Decimal(1))
    assert (done.state, done.succeeded, len(engine.calls)) == (BatchState.SUCCEEDED, 20, 20)


async def test_a_lower_limit_on_items_holds_at_once(tmp_path):
    engine = FakeEngine()
    async with open_bench(tmp_path, engine) as bench:
        batch_id = await bench.make(20)
        await bench.batches.set_limits(batch_id, budget_usd=None, max_items=4)
        await bench.batches.start(batch_id)
        await bench.batches.wait()
        some = bench.batches.progress(batch_id)
        await bench.batches.set_limits(batch_id, budget_usd=None, max_items=9)
        await bench.batches.resume(batch_id)
        await bench.batches.wait()
        more = bench.batches.progress(batch_id)

    assert (some.state, some.succeeded) == (BatchState.PAUSED, 4)
    assert (more.state, more.succeeded, more.max_items) == (BatchState.PAUSED, 9, 9)


async def test_a_budget_cannot_be_less_than_what_was_spent(tmp_path):
    async with open_bench(tmp_path, FakeEngine()) as bench:
        batch_id = await bench.run(3, budget_usd=Decimal(1))
        with pytest.raises(errors.InputNotUsableError, match=r"0\.001050 USD are spent"):
            await bench.batches.set_limits(batch_id, budget_usd=Decimal("0.001"), max_items=2)
        kept = bench.batches.progress(batch_id)
        await bench.batches.set_limits(batch_id, budget_usd=Decimal("0.00105"), max_items=None)
        assert check_store(bench.store.database) == []

    assert (kept.budget_usd, kept.max_items) == (Decimal(1), None)


@pytest.mark.parametrize("limits", [{"budget_usd": Decimal("NaN")}, {"max_items": 0}])
async def test_a_limit_that_makes_no_sense_is_refused(tmp_path, limits):
    async with open_bench(tmp_path, FakeEngine()) as bench:
        batch_id = await bench.make(1)
        with pytest.raises(errors.InputNotUsableError):
            await bench.batches.set_limits(
                batch_id, **({"budget_usd": None, "max_items": None} | limits)
            )


async def test_what_cannot_be_asked_does_not_count_against_the_limit_on_items(tmp_path):
    engine = FakeEngine()
    found = [*(Refused(f"{n}.png", DAMAGED) for n in range(5)), *pictures(4)]
    async with open_bench(tmp_path, engine) as bench:
        batch_id = await bench.batches.create("mixed", found, QUESTION, max_items=3)
        await bench.batches.start(batch_id)
        await bench.batches.wait()
        progress = bench.batches.progress(batch_id)

    assert (len(engine.calls), progress.succeeded, progress.queued) == (3, 3, 1)


@pytest.mark.parametrize("batches", [1, 2])
async def test_the_budget_of_everything_is_used_up_before_batches_pause(tmp_path, batches):
    engine = FakeEngine()
    async with open_bench(tmp_path, engine, max_concurrent=20, budget_usd="0.02") as bench:
        made = [await bench.make(60, priority=n + 1) for n in range(batches)]
        for batch_id in made:
            await bench.batches.start(batch_id)
        await bench.batches.wait()
        spent = bench.client.budget.state().spent_usd
        states = {bench.batches.progress(each).state for each in made}
        assert check_store(bench.store.database) == []

    assert states == {BatchState.PAUSED}
    assert Decimal("0.015") < spent <= Decimal("0.02")


@pytest.mark.parametrize("end", ["pause", "cancel", "close"])
async def test_what_is_not_on_the_wire_goes_back_at_once(tmp_path, end):
    engine = FakeEngine(gate=asyncio.Event())
    async with open_bench(tmp_path, engine, max_concurrent=2) as bench:
        batch_id = await bench.make(30)
        await bench.batches.start(batch_id)
        await _until(lambda: len(engine.calls) == 2 and _running(bench, batch_id) == 6)
        ending = asyncio.create_task(
            bench.batches.close() if end == "close" else getattr(bench.batches, end)(batch_id)
        )
        await _until(lambda: _running(bench, batch_id) == 2)
        engine.gate.set()
        await ending
        await bench.batches.wait()
        progress = bench.batches.progress(batch_id)
        rows = bench.client.ledger.recent(30)
        assert check_store(bench.store.database) == []

    assert (len(engine.calls), progress.succeeded, progress.reserved_usd) == (2, 2, 0)
    assert [row.status for row in rows] == [CallStatus.SUCCEEDED] * 2
    assert (progress.cancelled if end == "cancel" else progress.queued) == 28


def _running(bench, batch_id):
    return bench.batches.progress(batch_id).running


async def _until(is_so):
    while not is_so():  # noqa: ASYNC110 - what is looked at is on disk
        await asyncio.sleep(0)
