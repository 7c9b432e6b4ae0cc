"""What the client does about failed attempts, and that it says so."""

from core import errors
from core.engines.base import EngineAnswer
from core.engines.fake import FakeEngine, fake_answer
from core.types import Failure, PreparedImage, Success, TokenUsage
from tests.client_kit import (
    FakePreparer,
    ManualTime,
    make_request,
    manual_timing,
    open_test_client,
)


class SizedPreparer(FakePreparer):
    """Makes pictures of 1024 by 768 pixels, or smaller where that is asked for."""

    async def prepare(self, source, rule, detail, max_size=None):
        width, height = max_size or (1024, 768)
        return PreparedImage(b"picture", "image/jpeg", width, height, "PNG", 1024, 768)


def notes(outcome):
    return [str(note) for note in outcome.notes]


async def test_a_call_that_timed_out_gets_twice_the_time_and_a_note(tmp_path):
    engine = FakeEngine([errors.TimeoutExceededError("slow", maybe_billed=True), fake_answer()])
    async with open_test_client(tmp_path, engine) as client:
        outcome = await client.analyze(make_request())

    assert isinstance(outcome, Success)
    assert [call.timeout_s for call in engine.calls] == [30, 60]
    assert notes(outcome) == ["No answer came in time: asked again, with up to 60 s to answer."]


async def test_the_longer_time_stays_within_the_deadline(tmp_path):
    time = ManualTime()

    class Slow(FakeEngine):
        async def send(self, call, on_text=None):
            time.now_s += call.timeout_s
            return await super().send(call, on_text)

    engine = Slow([errors.TimeoutExceededError("slow", maybe_billed=True)])
    timing = manual_timing(time, call_timeout_s=30, deadline_s=70)
    async with open_test_client(tmp_path, engine, timing=timing, time=time) as client:
        outcome = await client.analyze(make_request())

    assert isinstance(outcome, Failure)
    assert outcome.code == "NET001"
    assert [call.timeout_s for call in engine.calls] == [30, 38]  # two seconds were waited
    assert len(notes(outcome)) == 1


async def test_other_failures_get_no_more_time(tmp_path):
    engine = FakeEngine([errors.UnavailableError("down"), fake_answer()])
    async with open_test_client(tmp_path, engine) as client:
        outcome = await client.analyze(make_request())

    assert [call.timeout_s for call in engine.calls] == [30, 30]
    assert notes(outcome) == ["Asked again 1× after API006."]


async def test_a_limit_that_was_waited_out_is_told(tmp_path):
    limit = errors.RateLimitError("limit", retry_after_s=2.0)
    async with open_test_client(tmp_path, FakeEngine([limit, limit, fake_answer()])) as client:
        outcome = await client.analyze(make_request())

    assert notes(outcome) == ["The limit was reached 2×: waited 4.0 s in all."]


async def test_who_waited_for_a_limit_that_another_request_met_is_told_so(tmp_path):
    time = ManualTime()
    limit = errors.RateLimitError("limit", retry_after_s=2.0)
    engine = FakeEngine([limit, fake_answer()])
    hold = manual_timing(time, deadline_s=1)  # too little for waiting: the first one gives up
    async with open_test_client(tmp_path, engine, time=time, timing=hold) as client:
        first = await client.analyze(make_request(b"one"))
        second = await client.analyze(make_request(b"two"))
        later = await client.analyze(make_request(b"three"))

    assert (first.code, notes(first)) == ("API002", [])
    assert notes(second) == ["Waited 2.0 s for a limit that another request met."]
    assert notes(later) == []


async def test_a_picture_that_is_too_large_is_sent_again_smaller_once(tmp_path):
    for error in (errors.PayloadTooLargeError("413"), errors.ImageTooLargeForServerError("big")):
        engine = FakeEngine([error, fake_answer()])
        directory = tmp_path / error.code
        async with open_test_client(directory, engine, preparer=SizedPreparer()) as client:
            outcome = await client.analyze(make_request())

        assert isinstance(outcome, Success)
        assert outcome.attempts == 2
        assert [(call.image.width_px, call.image.height_px) for call in engine.calls] == [
            (1024, 768),
            (512, 384),
        ]
        assert "512×384" in notes(outcome)[0]


async def test_a_picture_is_made_smaller_only_once(tmp_path):
    engine = FakeEngine([errors.PayloadTooLargeError("413")])
    async with open_test_client(tmp_path, engine, preparer=SizedPreparer()) as client:
        outcome = await client.analyze(make_request())

    assert (outcome.code, len(engine.calls)) == ("API009", 2)
    assert "512×384" in notes(outcome)[0]


async def test_a_cached_answer_still_says_how_it_was_got(tmp_path):
    engine = FakeEngine([errors.UnavailableError("down"), fake_answer()])
    async with open_test_client(tmp_path, engine) as client:
        await client.analyze(make_request())
        again = await client.analyze(make_request())

    assert again.cached
    assert notes(again) == ["Asked again 1× after API006."]


async def test_a_refused_question_is_never_asked_in_other_words_by_itself(tmp_path):
    refused = EngineAnswer("", "stop", "I cannot help", "gpt-4o", TokenUsage(100, 10))
    engine = FakeEngine([refused])
    async with open_test_client(tmp_path, engine) as client:
        outcome = await client.analyze(make_request())

    assert outcome.code == "CNT004"
    assert [call.prompt for call in engine.calls] == ["What is this?"]
