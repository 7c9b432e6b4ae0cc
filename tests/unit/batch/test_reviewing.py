"""Held answers in batches: counted, left out of files, and decided by a person."""

import json

import pytest

from core.batch.types import BatchState, ExportFormat, ItemState
from core.engines.base import EngineAnswer
from core.engines.fake import FakeEngine, fake_answer
from core.images.intake import Accepted
from core.images.manifest import ItemOverrides
from core.store.check import check_store
from core.types import ImageSource, TokenUsage
from tests.batch_kit import QUESTION, open_bench, pictures

LONG = "The lake lies between two wooded hills under a clear evening sky. " * 5
REFUSED = EngineAnswer("", "stop", "I cannot help", "gpt-4o", TokenUsage(100, 10))


def answers(*texts):
    return FakeEngine([fake_answer(text) for text in texts])


def exported(bench, batch_id, **options):
    data = b"".join(bench.batches.export(batch_id, ExportFormat.JSONL, **options))
    return [json.loads(line) for line in data.splitlines()]


def states(bench, batch_id):
    return [(item.state, item.code) for item in bench.batches.items(batch_id)]


async def test_the_same_long_answer_holds_every_item_of_the_batch(tmp_path):
    async with open_bench(tmp_path, answers(LONG)) as bench:
        batch_id = await bench.run(3)
        progress = bench.batches.progress(batch_id)
        found = states(bench, batch_id)
        wrong = check_store(bench.store.database)

    assert found == [(ItemState.SUCCEEDED, "CNT008")] * 3
    assert (progress.state, progress.succeeded, progress.held) == (BatchState.SUCCEEDED, 3, 3)
    assert progress.failures == {}
    assert wrong == []


async def test_only_what_is_the_same_is_held(tmp_path):
    async with open_bench(tmp_path, answers(LONG, "short", LONG, "short")) as bench:
        progress = bench.batches.progress(await bench.run(4))
    assert (progress.succeeded, progress.held) == (4, 2)


async def test_held_answers_are_lines_without_words_unless_asked_for(tmp_path):
    async with open_bench(tmp_path, answers(LONG, "short", LONG)) as bench:
        batch_id = await bench.run(3)
        usual, with_held = exported(bench, batch_id), exported(bench, batch_id, include_held=True)
        table = b"".join(bench.batches.export(batch_id, ExportFormat.CSV)).decode()

    assert [line.get("held") for line in usual].count("CNT008") == 2
    assert [line["text"] for line in usual if line.get("held")] == [None, None]
    assert sum(line["text"] == LONG for line in with_held) == 2
    assert "evening sky" not in table
    assert table.count('"CNT008"') == 2


async def test_accepting_frees_one_answer_or_all(tmp_path):
    async with open_bench(tmp_path, answers(LONG)) as bench:
        batch_id = await bench.run(3)
        first = bench.batches.items(batch_id)[0]
        counts = [
            await bench.batches.review.accept(batch_id, first.id),
            await bench.batches.review.accept(batch_id, "no such item"),
            bench.batches.progress(batch_id).held,
            await bench.batches.review.accept(batch_id),
            bench.batches.progress(batch_id).held,
        ]
        lines = exported(bench, batch_id)
        wrong = check_store(bench.store.database)

    assert counts == [1, 0, 2, 2, 0]
    assert [line["text"] for line in lines] == [LONG] * 3
    assert all("accepted it" in line["notes"][-1] for line in lines)
    assert wrong == []


async def test_an_accepted_answer_is_served_from_the_cache_as_a_good_one(tmp_path):
    engine = answers(LONG)
    async with open_bench(tmp_path, engine) as bench:
        batch_id = await bench.run(2)
        held_again = bench.batches.progress(await bench.run(2))
        await bench.batches.review.accept(batch_id)
        good = bench.batches.progress(await bench.run(2))

    assert len(engine.calls) == 2
    assert (held_again.held, held_again.cached) == (2, 2)
    assert (good.held, good.cached) == (0, 2)


async def test_asking_again_goes_past_the_cache(tmp_path):
    engine = answers(LONG, LONG, "the first in new words", "the second in new words")
    async with open_bench(tmp_path, engine, max_concurrent=1) as bench:
        batch_id = await bench.run(2)
        count = await bench.batches.review.ask_again(batch_id)
        await bench.batches.wait()
        progress = bench.batches.progress(batch_id)
        lines = exported(bench, batch_id)
        wrong = check_store(bench.store.database)

    assert (count, len(engine.calls)) == (2, 4)
    assert (progress.state, progress.held, progress.succeeded) == (BatchState.SUCCEEDED, 0, 2)
    assert {line["text"] for line in lines} == {"the first in new words", "the second in new words"}
    assert wrong == []


async def test_items_that_ask_the_same_are_held_and_decided_together(tmp_path):
    twins = [Accepted(ImageSource("copy.png", b"picture 0"), ItemOverrides())]
    async with open_bench(tmp_path, answers(LONG)) as bench:
        batch_id = await bench.batches.create("test", [*pictures(2), *twins], QUESTION)
        await bench.batches.start(batch_id)
        await bench.batches.wait()
        held = bench.batches.progress(batch_id).held
        copy = bench.batches.items(batch_id)[2]
        await bench.batches.review.accept(batch_id, copy.id)
        after_one = bench.batches.progress(batch_id).held
        await bench.batches.review.ask_again(batch_id)
        await bench.batches.wait()
        ended = bench.batches.progress(batch_id)
        wrong = check_store(bench.store.database)

    assert (held, after_one) == (3, 1)
    assert (ended.state, ended.succeeded) == (BatchState.SUCCEEDED, 3)
    assert wrong == []


async def test_held_answers_survive_their_process(tmp_path):
    async with open_bench(tmp_path, answers(LONG)) as bench:
        batch_id = await bench.run(2)
    async with open_bench(tmp_path, answers("never asked")) as bench:
        assert bench.batches.progress(batch_id).held == 2
        assert await bench.batches.review.accept(batch_id) == 2


async def test_the_list_shows_only_held_items_where_asked(tmp_path):
    async with open_bench(tmp_path, answers(LONG, "short", LONG)) as bench:
        batch_id = await bench.run(3)
        found = bench.batches.items(batch_id, code="CNT008")
    assert len(found) == 2
    assert all(item.outcome.held == "CNT008" for item in found)


@pytest.mark.parametrize("code", ["CNT004"])
async def test_refused_items_are_asked_in_objective_words_only_when_a_person_says_so(
    tmp_path, code
):
    engine = FakeEngine([REFUSED, REFUSED, fake_answer("a person in a red coat")])
    async with open_bench(tmp_path, engine, max_concurrent=1) as bench:
        batch_id = await bench.run(2)
        before = [call.prompt for call in engine.calls]
        count = await bench.batches.review.reword(batch_id, code)
        await bench.batches.wait()
        progress = bench.batches.progress(batch_id)
        wrong = check_store(bench.store.database)

    assert before == ["What is this?"] * 2
    assert count == 2
    assert all(call.prompt.startswith("Describe factually") for call in engine.calls[2:])
    assert (progress.state, progress.succeeded) == (BatchState.SUCCEEDED, 2)
    assert wrong == []


async def test_a_question_is_put_in_objective_words_only_once(tmp_path):
    async with open_bench(tmp_path, FakeEngine([REFUSED])) as bench:
        batch_id = await bench.run(1)
        first = await bench.batches.review.reword(batch_id, "CNT004")
        await bench.batches.wait()
        second = await bench.batches.review.reword(batch_id, "CNT004")
    assert (first, second) == (1, 0)
