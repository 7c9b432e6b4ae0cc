import asyncio
import sqlite3
from dataclasses import replace
from decimal import Decimal

import pytest

from core import errors
from core.catalog import USER_MODELS, load_catalog, save_user_model
from core.engines.base import EngineAnswer
from core.engines.fake import FakeEngine, fake_answer
from core.metrics import MetricsReader
from core.opening import open_client
from core.phrases import Phrase
from core.settings import Settings
from core.store.calls import CallStatus
from core.types import CostBasis, Failure, Sampling, Success, TokenUsage
from tests.client_kit import SCHEMA, FakePreparer, ManualTime, make_request, open_test_client

# 100 input at 2.50 and 10 output at 10 USD per million, the published price of gpt-4o
MEASURED_USD = Decimal("0.00035")


class EndlessTime(ManualTime):
    """Time in which nobody who falls asleep wakes up."""

    def __init__(self):
        super().__init__()
        self.asleep = asyncio.Event()

    async def sleep(self, wait_s):
        self.asleep.set()
        await asyncio.Event().wait()


def rows(client):
    return client.ledger.recent(20)


async def test_an_answer_is_measured_recorded_and_kept(tmp_path):
    async with open_test_client(tmp_path, FakeEngine()) as client:
        outcome = await client.analyze(make_request(), front_end="cli")
        [row] = rows(client)

    assert isinstance(outcome, Success)
    assert outcome.text == "a red square"
    assert outcome.cost.usd == MEASURED_USD
    assert outcome.cost.basis is CostBasis.MEASURED
    assert (row.status, row.planned.front_end, row.attempts) == ("succeeded", "cli", 1)
    assert row.planned.estimated_input_tokens > 255  # the picture alone: one tile
    assert row.cost == outcome.cost


async def test_a_second_time_is_answered_without_engine_decode_or_money(tmp_path):
    engine, preparer, pieces = FakeEngine(), FakePreparer(), []
    async with open_test_client(tmp_path, engine, preparer=preparer) as client:
        await client.analyze(make_request())
        again = await client.analyze(make_request(), pieces.append)
        cached_row = rows(client)[0]

    assert (len(engine.calls), preparer.prepared) == (1, 1)
    assert again.cached
    assert (again.cost.usd, again.cost.basis) == (0, CostBasis.CACHED)
    assert again.saved_usd == MEASURED_USD
    assert again.usage == TokenUsage(0, 0)
    assert pieces == ["a red square"]
    assert (cached_row.cached, cached_row.saved_usd) == (True, MEASURED_USD)


async def test_asking_past_the_cache_refreshes_it(tmp_path):
    engine = FakeEngine([fake_answer("old"), fake_answer("new")])
    async with open_test_client(tmp_path, engine) as client:
        await client.analyze(make_request())
        fresh = await client.analyze(make_request(use_cache=False))
        kept = await client.analyze(make_request())

    assert (fresh.text, fresh.cached) == ("new", False)
    assert (kept.text, kept.cached) == ("new", True)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (fake_answer("cut of", "length"), "CNT003"),
        (fake_answer("  "), "CNT005"),
        (fake_answer("bad", "content_filter"), "CNT001"),
        (EngineAnswer("", "stop", "I cannot help", "gpt-4o", TokenUsage(100, 10)), "CNT004"),
        (fake_answer('{"total": "much"}'), "CNT006"),
        (fake_answer("no json"), "CNT006"),
    ],
)
async def test_an_unusable_answer_is_a_failure_that_was_billed(tmp_path, answer, code):
    engine = FakeEngine([answer])
    async with open_test_client(tmp_path, engine) as client:
        outcome = await client.analyze(make_request(schema=SCHEMA))
        assert client.cache.statistics().entries == 0
        [row] = rows(client)

    assert isinstance(outcome, Failure)
    assert outcome.code == code
    assert outcome.cost.usd == MEASURED_USD
    assert outcome.partial_text == answer.text
    assert len(engine.calls) == 1
    assert (row.status, row.code, row.cost.usd) == ("failed", code, MEASURED_USD)


async def test_json_in_a_code_block_is_taken_with_a_note(tmp_path):
    engine = FakeEngine([fake_answer('```json\n{"total": 7.5}\n```')])
    async with open_test_client(tmp_path, engine) as client:
        outcome = await client.analyze(make_request(schema=SCHEMA))

    assert outcome.data == {"total": 7.5}
    assert [note.template for note in outcome.notes] == [
        "The model wrapped its JSON in a code block."
    ]


async def test_equal_requests_at_once_are_paid_once(tmp_path):
    engine = FakeEngine(gate=asyncio.Event())
    heard = [[] for _ in range(50)]
    async with open_test_client(tmp_path, engine) as client:
        tasks = [asyncio.create_task(client.analyze(make_request(), h.append)) for h in heard]
        await engine.asked.wait()
        engine.gate.set()
        outcomes = await asyncio.gather(*tasks)
        spent = client.budget.state().spent_usd

    assert len(engine.calls) == 1
    assert {outcome.text for outcome in outcomes} == {"a red square"}
    assert {"".join(pieces) for pieces in heard} == {"a red square"}
    assert sum(outcome.cost.usd for outcome in outcomes) == MEASURED_USD == spent
    assert sum(outcome.cached for outcome in outcomes) == 49


async def test_a_follower_takes_over_when_the_leader_stops(tmp_path):
    engine = FakeEngine(gate=asyncio.Event())
    async with open_test_client(tmp_path, engine) as client:
        leader = asyncio.create_task(client.analyze(make_request()))
        follower = asyncio.create_task(client.analyze(make_request()))
        await engine.asked.wait()
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        engine.gate.set()
        outcome = await follower

    assert outcome.cost.usd == MEASURED_USD  # the one who stays pays
    assert not outcome.cached


async def test_a_stop_settles_and_records_the_estimate(tmp_path):
    engine = FakeEngine(gate=asyncio.Event())
    async with open_test_client(tmp_path, engine) as client:
        task = asyncio.create_task(client.analyze(make_request()))
        await engine.asked.wait()
        assert client.budget.state().reserved_usd > 0
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        [row] = rows(client)
        state = client.budget.state()

    assert (row.status, row.code) == (CallStatus.STOPPED, "SYS002")
    assert row.cost.basis is CostBasis.ESTIMATED
    assert state.spent_usd == row.cost.usd > 0
    assert state.reserved_usd == 0


async def test_a_stop_before_the_call_is_sent_costs_nothing(tmp_path):
    time = EndlessTime()
    engine = FakeEngine()
    async with open_test_client(tmp_path, engine, time=time, requests_per_minute=1) as client:
        await client.analyze(make_request())
        second = asyncio.create_task(client.analyze(make_request(b"another")))
        await time.asleep.wait()
        second.cancel()
        await asyncio.wait({second})
        stopped = rows(client)[0]
        state = client.budget.state()

    assert (stopped.status, stopped.cost.usd) == (CallStatus.STOPPED, 0)
    assert (state.reserved_usd, len(engine.calls)) == (0, 1)


async def test_errors_are_repeated_by_class_and_recorded_when_perhaps_billed(tmp_path):
    time = ManualTime()
    engine = FakeEngine(
        [
            errors.UnavailableError("down"),
            errors.TimeoutExceededError("silent", maybe_billed=True),
            fake_answer(),
        ]
    )
    async with open_test_client(tmp_path, engine, time=time) as client:
        outcome = await client.analyze(make_request())
        recorded = rows(client)

    # two attempts are the most for a call that may have been paid for
    assert isinstance(outcome, Failure)
    assert (outcome.code, outcome.attempts, outcome.cost.usd) == ("NET001", 2, None)
    assert outcome.cost.basis is CostBasis.UNKNOWN
    assert time.slept_s == [0.5]
    assert [row.status for row in recorded] == [CallStatus.FAILED]


async def test_a_repeated_attempt_that_may_have_cost_has_its_own_row(tmp_path):
    engine = FakeEngine([errors.TimeoutExceededError("silent", maybe_billed=True), fake_answer()])
    async with open_test_client(tmp_path, engine) as client:
        outcome = await client.analyze(make_request())
        answered, lost = rows(client)
        measured = MetricsReader(client.ledger.database).measure()
        spent_usd = client.budget.state().spent_usd

    assert outcome.attempts == 2
    assert (lost.status, lost.cost.basis) == (CallStatus.RETRIED, CostBasis.UNKNOWN)
    assert (measured.requests, measured.calls, measured.cost.unknown_calls) == (1, 2, 1)
    assert spent_usd == answered.cost.usd + lost.planned.estimated_usd.quantize(Decimal("1e-9"))


async def test_an_attempt_that_may_have_cost_is_not_repeated_past_the_budget(tmp_path):
    engine = FakeEngine([errors.TimeoutExceededError("silent", maybe_billed=True), fake_answer()])
    async with open_test_client(tmp_path, engine, budget_usd="0.005") as client:
        most_usd = (await client.quote(make_request())).reserve_usd
        assert most_usd < Decimal("0.005") < 2 * most_usd
        outcome = await client.analyze(make_request())
        state = client.budget.state()

    assert (outcome.code, len(engine.calls)) == ("BGT001", 1)
    assert (state.reserved_usd, state.spent_usd <= Decimal("0.005")) == (0, True)


async def test_a_stop_between_attempts_costs_only_what_they_may_have_cost(tmp_path):
    time = EndlessTime()
    engine = FakeEngine([errors.UnavailableError("down")])
    async with open_test_client(tmp_path, engine, time=time) as client:
        task = asyncio.create_task(client.analyze(make_request()))
        await time.asleep.wait()
        task.cancel()
        await asyncio.wait({task})
        [row] = rows(client)

    assert (row.status, row.cost.usd) == (CallStatus.STOPPED, 0)


@pytest.mark.parametrize(
    "error",
    [
        errors.QuotaError("no credit"),
        errors.AuthenticationError("bad key"),
        errors.RequestRejectedError("no"),
        errors.RequestTooLargeForLimitError("never"),
        errors.ContentPolicyError("blocked"),
    ],
)
async def test_what_waiting_cannot_cure_is_final(tmp_path, error):
    time, engine = ManualTime(), FakeEngine([error])
    async with open_test_client(tmp_path, engine, time=time) as client:
        outcome = await client.analyze(make_request())

    assert (outcome.code, len(engine.calls), time.slept_s) == (error.code, 1, [])
    assert outcome.cost.usd == 0


async def test_the_servers_wait_is_kept_by_everybody(tmp_path):
    time = ManualTime()
    engine = FakeEngine([errors.RateLimitError("slow", retry_after_s=7.0), fake_answer()])
    async with open_test_client(tmp_path, engine, time=time) as client:
        await client.analyze(make_request())
        assert time.slept_s == [7.0]


async def test_a_wait_beyond_the_deadline_is_not_begun(tmp_path):
    time = ManualTime()
    engine = FakeEngine([errors.RateLimitError("slow", retry_after_s=600.0)])
    async with open_test_client(tmp_path, engine, time=time) as client:
        outcome = await client.analyze(make_request())

    assert (outcome.code, outcome.attempts, time.slept_s) == ("API002", 1, [])
    assert outcome.retryable


async def test_a_picture_that_cannot_be_used_is_a_failure_without_a_call(tmp_path):
    refusal = errors.ImageError(errors.ImageRefusal.DAMAGED, Phrase("This PNG is damaged."))
    engine = FakeEngine()
    async with open_test_client(tmp_path, engine, preparer=FakePreparer(error=refusal)) as client:
        outcome = await client.analyze(make_request())

    assert (outcome.code, outcome.attempts, outcome.cost.usd) == ("IMG004", 0, 0)
    assert engine.calls == []


async def test_the_budget_is_kept_by_parallel_calls(tmp_path):
    engine = FakeEngine()
    async with open_test_client(tmp_path, engine, budget_usd="0.012") as client:
        requests = [make_request(str(i).encode()) for i in range(20)]
        outcomes = await asyncio.gather(*map(client.analyze, requests))
        state = client.budget.state()

    refused = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    assert {outcome.code for outcome in refused} == {"BGT001"}
    assert len(engine.calls) + len(refused) == 20
    assert state.spent_usd <= Decimal("0.012")
    assert state.reserved_usd == 0


async def test_without_a_price_a_budget_refuses_and_no_budget_says_unknown(tmp_path):
    async with open_test_client(tmp_path / "a", FakeEngine(), budget_usd="1") as client:
        refused = await client.analyze(make_request(model="somebodys-model"))
    async with open_test_client(tmp_path / "b", FakeEngine()) as client:
        unknown = await client.analyze(make_request(model="somebodys-model"))

    assert refused.code == "BGT001"
    assert (unknown.cost.usd, unknown.cost.basis) == (None, CostBasis.UNKNOWN)


async def test_a_missing_usage_costs_the_estimate(tmp_path):
    answer = EngineAnswer("fine", "stop", None, "gpt-4o", usage=None)
    async with open_test_client(tmp_path, FakeEngine([answer])) as client:
        outcome = await client.analyze(make_request())

    assert outcome.cost.basis is CostBasis.ESTIMATED
    assert outcome.cost.usd > 0


async def test_the_embedded_engine_is_never_charged(tmp_path):
    engine = FakeEngine(name="embedded", origin="embedded")
    async with open_test_client(tmp_path, engine, budget_usd="0") as client:
        outcome = await client.analyze(make_request(model="local-vision-1"))

    assert isinstance(outcome, Success)
    assert (outcome.cost.usd, outcome.cost.basis) == (0, CostBasis.MEASURED)


async def test_parameters_a_model_does_not_take_are_left_out_and_named(tmp_path):
    engine = FakeEngine()
    async with open_test_client(tmp_path, engine) as client:
        outcome = await client.analyze(make_request(model="gpt-5-mini"))

    assert engine.calls[0].sampling == Sampling(max_output_tokens=300)
    assert any("emperature" in note.template for note in outcome.notes)


async def test_a_repeated_stream_is_not_shown_twice(tmp_path):
    pieces = []
    engine = FakeEngine([fake_answer("first half", None), fake_answer("whole")])
    async with open_test_client(tmp_path, engine) as client:
        outcome = await client.analyze(make_request(), pieces.append)

    assert outcome.text == "whole"
    assert "".join(pieces) == "first half"


async def test_what_is_shown_is_what_is_sent(tmp_path):
    engine, preparer = FakeEngine(), FakePreparer()
    async with open_test_client(tmp_path, engine, preparer=preparer) as client:
        shown = await client.prepare(make_request())
        quote = await client.quote(make_request())
        await client.analyze(make_request())

    assert engine.calls[0].image is shown
    assert preparer.prepared == 1
    assert quote.reserve_usd > 0


async def test_a_bug_passes_through_and_leaves_no_money_reserved(tmp_path):
    engine = FakeEngine([ZeroDivisionError()])
    async with open_test_client(tmp_path, engine) as client:
        with pytest.raises(ZeroDivisionError):
            await client.analyze(make_request())
        [row] = rows(client)

    assert (row.code, row.status) == ("SYS000", "failed")


async def test_an_answer_that_was_paid_for_survives_a_full_disk(tmp_path):
    async with open_test_client(tmp_path, FakeEngine()) as client:
        await client.analyze(make_request())
        with sqlite3.connect(tmp_path / "ledger.db") as connection:
            connection.execute(
                "CREATE TRIGGER full BEFORE INSERT ON calls "
                "BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
            )
        connection.close()
        outcome = await client.analyze(make_request(b"another"))

    assert outcome.text == "a red square"
    assert "missing in the ledger" in outcome.notes[-1].template


async def test_with_a_budget_nothing_is_spent_that_cannot_be_written_down(tmp_path):
    engine = FakeEngine()
    async with open_test_client(tmp_path, engine, budget_usd="1") as client:
        with sqlite3.connect(tmp_path / "ledger.db") as connection:
            connection.execute("DROP TABLE reservations")
        connection.close()
        outcome = await client.analyze(make_request())

    assert (outcome.code, engine.calls) == ("SYS001", [])


async def test_a_price_of_the_users_own_is_what_is_billed(tmp_path):
    path = tmp_path / USER_MODELS
    shipped = load_catalog().card("gpt-4o")
    assert shipped.price is not None
    standard = replace(shipped.price.standard, input_usd=Decimal(99))
    save_user_model(path, replace(shipped, price=replace(shipped.price, standard=standard)))
    client = open_client(Settings(_env_file=None, tessera_data_dir=tmp_path))
    assert client.catalog.card("gpt-4o").price.standard.input_usd == 99
    await client.close()
