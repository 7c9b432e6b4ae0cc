"""Answers that say nothing, or the same about different pictures, wait for a person."""

from core import errors
from core.engines.base import EngineAnswer
from core.engines.fake import FakeEngine, fake_answer
from core.engines.openai import EMBEDDED_ENGINE
from core.metrics import MetricsReader
from core.store.history import code_history
from core.types import AnswerSchema, PreparedImage, TokenUsage
from tests.client_kit import FakePreparer, make_request, open_test_client

LONG = "The lake lies between two wooded hills under a clear evening sky. " * 5
DOCUMENT = AnswerSchema(
    "document", {"type": "object", "properties": {"full_text": {"type": "string"}}}
)


class PagePreparer(FakePreparer):
    """Makes pages that are full of text."""

    async def prepare(self, source, rule, detail, max_size=None):
        return PreparedImage(b"page", "image/png", 800, 1000, "PNG", 800, 1000, ink=0.05)


async def test_an_empty_transcript_of_a_full_page_is_held_and_stays_so_in_the_cache(tmp_path):
    engine = FakeEngine([fake_answer('{"full_text": ""}')])
    async with open_test_client(tmp_path, engine, preparer=PagePreparer()) as client:
        request = make_request(task="document", schema=DOCUMENT)
        first = await client.analyze(request)
        again = await client.analyze(request)
        [cached, fresh] = client.ledger.recent(2)

    assert (first.held, again.held, again.cached) == ("CNT007", "CNT007", True)
    assert len(engine.calls) == 1
    assert (fresh.status, fresh.code, cached.code) == ("succeeded", "CNT007", "CNT007")


async def test_the_same_long_answer_to_another_picture_holds_both(tmp_path):
    async with open_test_client(tmp_path, FakeEngine([fake_answer(LONG)])) as client:
        first = await client.analyze(make_request(b"one"))
        second = await client.analyze(make_request(b"two"))
        first_again = await client.analyze(make_request(b"one"))

    assert first.held is None  # nobody could know then
    assert (second.held, first_again.held) == ("CNT008", "CNT008")
    assert [note.template for note in second.notes] == [
        "Another picture got the same answer, word for word."
    ]


async def test_the_same_answer_to_the_same_picture_is_no_wonder(tmp_path):
    async with open_test_client(tmp_path, FakeEngine([fake_answer(LONG)])) as client:
        outcomes = [
            await client.analyze(make_request(b"one", prompt=prompt, use_cache=False))
            for prompt in ("What?", "What?", "What is it?")
        ]
    assert [each.held for each in outcomes] == [None, None, None]


async def test_short_answers_may_be_the_same(tmp_path):
    async with open_test_client(tmp_path, FakeEngine()) as client:
        outcomes = [await client.analyze(make_request(data)) for data in (b"one", b"two")]
    assert [each.held for each in outcomes] == [None, None]


async def test_the_embedded_engine_says_the_same_where_it_measures_the_same(tmp_path):
    engine = FakeEngine([fake_answer(LONG)], name=EMBEDDED_ENGINE)
    async with open_test_client(tmp_path, engine) as client:
        outcomes = [await client.analyze(make_request(data)) for data in (b"one", b"two")]
    assert [each.held for each in outcomes] == [None, None]


async def test_an_accepted_answer_is_served_as_any_other_and_not_held_again(tmp_path):
    async with open_test_client(tmp_path, FakeEngine([fake_answer(LONG)])) as client:
        await client.analyze(make_request(b"one"))
        held = await client.analyze(make_request(b"two"))
        await client.accept(held.request_key)
        accepted = await client.analyze(make_request(b"two"))
        third = await client.analyze(make_request(b"three"))
        still_accepted = await client.analyze(make_request(b"two"))

    assert (accepted.held, third.held, still_accepted.held) == (None, "CNT008", None)


async def test_a_forgotten_answer_is_asked_for_again(tmp_path):
    engine = FakeEngine([fake_answer(LONG)])
    async with open_test_client(tmp_path, engine) as client:
        first = await client.analyze(make_request())
        await client.forget(first.request_key)
        await client.analyze(make_request())
    assert len(engine.calls) == 2


async def test_what_was_met_and_got_past_is_remembered(tmp_path):
    refused = EngineAnswer("", "stop", "I cannot help", "gpt-4o", TokenUsage(100, 10))
    limit = errors.RateLimitError("limit", retry_after_s=2.0)
    engine = FakeEngine([limit, limit, fake_answer(), limit, refused])
    async with open_test_client(tmp_path, engine) as client:
        await client.analyze(make_request(b"one"))
        await client.analyze(make_request(b"two"))
        history = code_history(client.ledger.database)

    assert [(each.code, each.times, each.fixed) for each in history] == [
        ("API002", 1, 1),
        ("CNT004", 1, 0),
    ]


async def test_a_held_answer_is_no_failure_in_the_numbers(tmp_path):
    async with open_test_client(tmp_path, FakeEngine([fake_answer(LONG)])) as client:
        for data in (b"one", b"two"):
            await client.analyze(make_request(data))
        metrics = MetricsReader(client.ledger.database, lambda: 1_800_000_000.0).measure()
    assert (metrics.succeeded, metrics.failures, metrics.held) == (2, {}, 1)
