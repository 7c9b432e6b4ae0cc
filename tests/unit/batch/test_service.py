import asyncio
import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pyarrow import parquet

from core import errors
from core.batch import BatchState, ExportFormat, JobLane
from core.engines.fake import FakeEngine, fake_answer
from core.images.intake import Refused, Skipped
from core.metrics import MetricsReader
from core.phrases import Phrase
from core.store.check import check_store
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
        rows = MetricsReader(bench.client.ledger.database).measure()

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


async def test_the_budget_of_a_batch_is_never_passed_by_twenty_at_once(tmp_path):
    engine = FakeEngine()
    async with open_bench(tmp_path, engine, max_concurrent=20) as bench:
        batch_id = await bench.run(100, budget_usd=Decimal("0.02"))
        paused = bench.batches.progress(batch_id)
        problems = check_store(bench.store.database)

    assert (paused.state, paused.reason_code) == (BatchState.PAUSED, "BGT001")
    assert (paused.failed, paused.succeeded + paused.queued) == (0, 100)
    assert paused.cost_usd == len(engine.calls) * Decimal("0.00035")
    assert Decimal("0.015") < paused.cost_usd <= Decimal("0.02")  # and it is used up
    assert problems == []


async def test_at_most_so_many_items_are_asked(tmp_path):
    engine = FakeEngine()
    async with open_bench(tmp_path, engine) as bench:
        batch_id = await bench.run(20, max_items=7)
        progress = bench.batches.progress(batch_id)

    assert (progress.state, progress.reason_code) == (BatchState.PAUSED, "BGT001")
    assert (len(engine.calls), progress.succeeded, progress.queued) == (7, 7, 13)


async def test_what_a_picture_cannot_be_asked_is_an_item_that_failed(tmp_path):
    found = [
        *pictures(1),
        Refused("x.png", errors.ImageError(errors.ImageRefusal.DAMAGED, Phrase("Damaged."))),
        Skipped("notes.txt", Phrase("This is not a picture.")),
        *pictures(1, task="no such task"),
    ]
    async with open_bench(tmp_path, FakeEngine()) as bench:
        batch_id = await bench.batches.create("mixed", found, QUESTION)
        await bench.batches.start(batch_id)
        await bench.batches.wait()
        progress = bench.batches.progress(batch_id)
        left_out = bench.batches.left_out(batch_id)
        retriable = bench.batches.retriable(batch_id)

    assert progress.failures == {"IMG004": 1, "CFG002": 1}
    assert retriable == {}
    assert (progress.total, progress.succeeded, progress.state) == (3, 1, BatchState.FAILED)
    assert [each.name for each in left_out] == ["notes.txt"]


async def test_failed_items_are_tried_again_all_or_by_code(tmp_path):
    engine = FakeEngine([errors.ContentPolicyError("no"), fake_answer(finish_reason="length")])
    async with open_bench(tmp_path, engine, max_concurrent=1) as bench:
        batch_id = await bench.run(5)
        failed = bench.batches.progress(batch_id)
        engine._steps[:] = [fake_answer()]
        retriable = bench.batches.retriable(batch_id)
        tried = await bench.batches.retry(batch_id, "CNT001")
        await bench.batches.wait()
        some = bench.batches.progress(batch_id)
        await bench.batches.retry(batch_id)
        await bench.batches.wait()
        done = bench.batches.progress(batch_id)
        assert check_store(bench.store.database) == []

    assert failed.failures == retriable == {"CNT001": 1, "CNT003": 4}
    assert (tried, some.failures, some.state) == (1, {"CNT003": 4}, BatchState.FAILED)
    assert (done.state, done.succeeded, done.failures) == (BatchState.SUCCEEDED, 5, {})


async def test_the_quote_prices_what_is_queued_each_by_its_own_question(tmp_path):
    prompt = "Which of the products are missing, and why? " * 20
    async with open_bench(tmp_path, FakeEngine()) as bench:
        plain = await bench.make(3)
        wordy = await bench.batches.create("", pictures(3, prompt=prompt), QUESTION)
        both = await bench.batches.create(
            "", [*pictures(2), *pictures(4, prompt=prompt)[2:]], QUESTION
        )
        prices = [(await bench.batches.quote(each)).realtime.expected for each in (plain, wordy)]
        mixed = await bench.batches.quote(both)
        await bench.batches.start(plain)
        await bench.batches.wait()
        after = [await bench.batches.quote(each) for each in (plain, both)]

    assert prices[0] < prices[1]
    assert mixed.realtime.expected == (prices[0] + prices[1]) / 3 * 2
    assert [(each.total, each.answered, each.to_pay) for each in after] == [(0, 0, 0), (4, 2, 2)]


async def test_the_text_of_a_pdf_page_is_in_the_quote(tmp_path):
    (picture,) = pictures(1)
    page = replace(picture, source=replace(picture.source, page=0))
    async with open_bench(tmp_path, FakeEngine()) as bench:
        quotes = [
            await bench.batches.quote(await bench.batches.create("one", [each], QUESTION))
            for each in (picture, page)
        ]
        (item,) = bench.batches.items(bench.batches.list_batches(1)[0].id)
        again = await bench.batches.rerun(item.batch_id, "gpt-4o")
        quotes.append(await bench.batches.quote(again))

    bare, with_text, once_more = (quote.input_tokens.expected for quote in quotes)
    assert with_text - bare == item.layer_tokens > 3
    assert once_more == with_text


async def test_a_batch_cannot_be_ready_in_the_past(tmp_path):
    past = datetime(2020, 1, 1, tzinfo=UTC)
    async with open_bench(tmp_path, FakeEngine()) as bench:
        with pytest.raises(errors.InputNotUsableError, match="has passed"):
            await bench.batches.create(
                "late", pictures(1), QUESTION, lane=JobLane.AUTO, ready_by=past
            )
        assert bench.batches.list_batches() == []


async def test_a_pause_keeps_what_is_out_and_begins_no_more(tmp_path):
    engine = FakeEngine(gate=asyncio.Event())
    async with open_bench(tmp_path, engine, max_concurrent=2) as bench:
        batch_id = await bench.make(30)
        await bench.batches.start(batch_id)
        await engine.asked.wait()
        await bench.batches.pause(batch_id)
        engine.gate.set()
        await bench.batches.wait()
        paused = bench.batches.progress(batch_id)
        await bench.batches.resume(batch_id)
        await bench.batches.wait()
        done = bench.batches.progress(batch_id)

    assert (paused.state, paused.running) == (BatchState.PAUSED, 0)
    assert 0 < paused.succeeded < 30
    assert (done.succeeded, len(engine.calls)) == (30, 30)


async def test_cancelled_batches_keep_their_results(tmp_path):
    engine = FakeEngine(gate=asyncio.Event())
    async with open_bench(tmp_path, engine, max_concurrent=2) as bench:
        batch_id = await bench.make(30)
        await bench.batches.start(batch_id)
        await engine.asked.wait()
        await bench.batches.cancel(batch_id)
        engine.gate.set()
        await bench.batches.wait()
        progress = bench.batches.progress(batch_id)
        assert check_store(bench.store.database) == []

    assert progress.state is BatchState.CANCELLED
    assert progress.succeeded > 0
    assert progress.succeeded + progress.cancelled == 30


async def test_urgent_items_go_first_and_nobody_starves(tmp_path):
    engine = FakeEngine()
    async with open_bench(tmp_path, engine, max_concurrent=1) as bench:
        slow = await bench.make(40, priority=1)
        fast = await bench.batches.create(
            "fast", pictures(40), replace(QUESTION, prompt="Why?"), priority=5
        )
        await bench.batches.start(slow)
        await bench.batches.start(fast)
        await bench.batches.wait()

    order = [call.prompt for call in engine.calls]
    first_half = order[:40]
    assert first_half.count("Why?") > 25
    assert first_half.count("What is this?") >= 5


async def test_another_model_is_asked_in_a_batch_of_its_own(tmp_path):
    engine = FakeEngine()
    async with open_bench(tmp_path, engine) as bench:
        first = await bench.run(4)
        second = await bench.batches.rerun(first, "gpt-4o-mini")
        await bench.batches.start(second)
        await bench.batches.wait()
        again = bench.batches.progress(second)
        names = [item.name for item in bench.batches.items(second)]

    assert (again.succeeded, again.rerun_of) == (4, first)
    assert names == [f"{n}.png" for n in range(4)]
    assert [call.model for call in engine.calls] == ["gpt-4o"] * 4 + ["gpt-4o-mini"] * 4


async def test_an_outage_pauses_instead_of_failing_everything(tmp_path):
    engine = FakeEngine([errors.ConnectionFailedError("gone")])
    async with open_bench(tmp_path, engine, max_concurrent=5) as bench:
        batch_id = await bench.run(200)
        progress = bench.batches.progress(batch_id)

    assert (progress.state, progress.reason_code) == (BatchState.PAUSED, "NET002")
    assert progress.queued > 150


async def test_every_item_is_in_the_file_whatever_its_state(tmp_path):
    answer = fake_answer('=HYPERLINK("http://evil.example")')
    async with open_bench(tmp_path, FakeEngine([answer])) as bench:
        batch_id = await bench.run(3, max_items=2)
        files = {kind: b"".join(bench.batches.export(batch_id, kind)) for kind in ExportFormat}

    lines = [json.loads(line) for line in files[ExportFormat.JSONL].splitlines()]
    assert [line["status"] for line in lines] == ["succeeded", "succeeded", "queued"]
    assert [line["estimate"]["cost_usd"] is None for line in lines] == [False, False, True]
    assert files[ExportFormat.CSV].startswith(b"\xef\xbb\xbf")
    assert b"\"'=HYPERLINK" in files[ExportFormat.CSV]
    sheet = zipfile.ZipFile(io.BytesIO(files[ExportFormat.XLSX])).read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet
    table = parquet.read_table(io.BytesIO(files[ExportFormat.PARQUET]))
    assert table.column("status").to_pylist() == ["succeeded", "succeeded", "queued"]


async def test_the_last_calls_of_a_batch_are_given_less_time_once_answers_are_known(tmp_path):
    engine = FakeEngine()
    async with open_bench(tmp_path, engine) as bench:
        await bench.run(80)

    usual_s, last_s = engine.calls[0].timeout_s, engine.calls[-1].timeout_s
    assert last_s == 2.0 < usual_s
