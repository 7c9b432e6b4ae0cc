import asyncio
import json
from dataclasses import replace
from decimal import Decimal

import pytest

from core.blobs import BlobStore
from core.errors import ImageError, ImageRefusal
from core.phrases import Phrase
from core.review import REPEATED, hold
from core.runs import Question, Runs, RunState, StoredSource, Wanted
from core.store.database import open_database
from core.store.runs import SqlRunStore
from core.types import (
    Cost,
    CostBasis,
    Detail,
    PreparedImage,
    Sampling,
    Success,
    TokenUsage,
)

QUESTION = Question("describe", "What is it?", "Be honest.", "m", Detail.HIGH, Sampling(100))


class FakeClient:
    """Answers each picture with its own bytes; `b"bad"` cannot be decoded; a gate holds it up."""

    def __init__(self):
        self.requests = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()

    async def prepare(self, request):
        if request.source.data == b"bad":
            raise ImageError(ImageRefusal.DAMAGED, Phrase("It is damaged."))
        return PreparedImage(b"\xff\xd8\xff" + request.source.data, "image/jpeg", 4, 3, "PNG", 8, 6)

    async def analyze(self, request, on_text=None):
        self.requests.append(request)
        on_text("part of ")
        self.asked.set()
        await self.gate.wait()
        on_text(request.source.data.decode())
        return Success(
            text="part of " + request.source.data.decode(),
            data={"total": 3.5},
            model="m",
            engine="fake",
            finish_reason="stop",
            usage=TokenUsage(10, 2),
            cost=Cost(Decimal("0.00025"), CostBasis.MEASURED),
            latency_s=0.1,
            attempts=1,
            request_key="k" * 64,
            notes=(Phrase("Page {page}", {"page": 1}),),
        )


@pytest.fixture
def stores(tmp_path):
    return BlobStore(tmp_path / "originals"), BlobStore(tmp_path / "sent")


@pytest.fixture
def database(tmp_path):
    engine = open_database(tmp_path)
    yield engine
    engine.dispose()


@pytest.fixture
def make_runs(stores, database):
    originals, sent = stores

    def make(client):
        return Runs(client, originals, sent, SqlRunStore(database), concurrency=4)

    return make


def put(stores, *contents):
    return [Wanted(StoredSource(f"{c.decode()}.png", stores[0].put(c))) for c in contents]


async def finished(runs, run_id):
    async with asyncio.timeout(10):
        while not all(i.state.is_final for i in runs.items(run_id)):  # noqa: ASYNC110 - as a page
            await asyncio.sleep(0)
    return runs.items(run_id)


async def test_each_picture_ends_on_its_own(make_runs, stores):
    runs = make_runs(FakeClient())
    run_id = await runs.start(put(stores, b"one", b"bad", b"two"), QUESTION)
    items = await finished(runs, run_id)
    assert [item.state for item in items] == ["succeeded", "failed", "succeeded"]
    assert items[1].outcome.code == "IMG004"
    assert items[1].outcome.attempts == 0
    assert [i.outcome.text for i in (items[0], items[2])] == ["part of one", "part of two"]


async def test_what_was_sent_can_be_looked_at(make_runs, stores):
    runs = make_runs(FakeClient())
    run_id = await runs.start(put(stores, b"one"), QUESTION)
    (item,) = await finished(runs, run_id)
    assert stores[1].get(item.sent.digest) == b"\xff\xd8\xffone"
    assert (item.sent.width_px, item.sent.height_px) == (4, 3)


async def test_results_survive_a_restart(make_runs, stores):
    first = make_runs(FakeClient())
    run_id = await first.start(put(stores, b"one"), QUESTION)
    before = await finished(first, run_id)
    assert make_runs(FakeClient()).items(run_id) == before


async def test_an_item_whose_process_died_is_said_to_be_stopped(make_runs, stores):
    client = FakeClient()
    client.gate.clear()
    runs = make_runs(client)
    run_id = await runs.start(put(stores, b"one"), QUESTION)
    await client.asked.wait()
    (item,) = make_runs(FakeClient()).items(run_id)
    assert item.state is RunState.FAILED
    assert item.outcome.code == "SYS002"
    await runs.stop(run_id)


async def test_stop_keeps_what_had_arrived(make_runs, stores):
    client = FakeClient()
    client.gate.clear()
    runs = make_runs(client)
    run_id = await runs.start(put(stores, b"one"), QUESTION)
    await client.asked.wait()
    assert runs.text_so_far(run_id, 0) == "part of "
    await runs.stop(run_id)
    (item,) = runs.items(run_id)
    assert item.outcome.code == "SYS002"
    assert item.outcome.partial_text == "part of "


async def test_again_goes_past_the_cache_even_after_a_restart(make_runs, stores):
    run_id = await make_runs(FakeClient()).start(put(stores, b"one"), QUESTION)
    client = FakeClient()
    runs = make_runs(client)
    await runs.again(run_id, 0)
    await finished(runs, run_id)
    assert [request.use_cache for request in client.requests] == [False]


async def test_corrections_are_kept_beside_the_answer(make_runs, stores):
    runs = make_runs(FakeClient())
    run_id = await runs.start(put(stores, b"one"), QUESTION)
    await finished(runs, run_id)
    await runs.correct(run_id, 0, {"total": 4})
    (item,) = make_runs(FakeClient()).items(run_id)
    assert item.outcome.data == {"total": 3.5}
    assert item.corrected == {"total": 4}


async def test_a_lost_upload_is_a_clear_failure(make_runs):
    runs = make_runs(FakeClient())
    run_id = await runs.start([Wanted(StoredSource("x.png", "0" * 64))], QUESTION)
    (item,) = await finished(runs, run_id)
    assert item.outcome.code == "SYS001"


async def test_old_items_are_forgotten(make_runs, stores, database):
    runs = make_runs(FakeClient())
    run_id = await runs.start(put(stores, b"one"), QUESTION)
    await finished(runs, run_id)
    store = SqlRunStore(database)
    store.forget_before(0)
    assert len(store.all_items()) == 1
    store.forget_before(1e12)
    assert store.load(run_id) == []


async def test_nothing_of_the_picture_is_in_the_database(make_runs, stores, database):
    runs = make_runs(FakeClient())
    run_id = await runs.start(put(stores, b"one"), QUESTION)
    await finished(runs, run_id)
    text = json.dumps([repr(item) for item in SqlRunStore(database).load(run_id)])
    assert "\\xff" not in text


async def test_again_on_one_picture_lets_the_others_use_the_cache(make_runs, stores):
    client = FakeClient()
    client.gate.clear()
    runs = make_runs(client)
    run_id = await runs.start(put(stores, b"bad", b"2", b"3", b"4", b"5", b"6"), QUESTION)
    async with asyncio.timeout(10):
        while not runs.items(run_id)[0].state.is_final:  # noqa: ASYNC110 - as a page
            await asyncio.sleep(0)
    await runs.again(run_id, 0)
    client.gate.set()
    items = await finished(runs, run_id)
    assert items[0].asked == 2
    others = [r.use_cache for r in client.requests if r.source.data in {b"5", b"6"}]
    assert others == [True, True]


async def test_what_was_never_sent_cost_nothing(make_runs, stores):
    client = FakeClient()
    client.gate.clear()
    runs = make_runs(client)
    run_id = await runs.start(put(stores, b"1", b"2", b"3", b"4", b"5"), QUESTION)
    await client.asked.wait()
    await runs.stop(run_id)
    items = runs.items(run_id)
    waiting = [i for i in items if i.outcome.partial_text == ""]
    assert {i.outcome.cost.usd for i in waiting if i.sent is None} == {0}


async def test_a_finished_run_is_left_to_the_store(make_runs, stores, database):
    runs = make_runs(FakeClient())
    run_id = await runs.start(put(stores, b"one"), QUESTION)
    await finished(runs, run_id)
    await asyncio.sleep(0)
    SqlRunStore(database).forget_before(1e12)
    assert runs.items(run_id) == []


class HoldingClient(FakeClient):
    """Gives each picture the same long answer, and holds all but the first."""

    def __init__(self):
        super().__init__()
        self.accepted = []

    async def analyze(self, request, on_text=None):
        answer = replace(await super().analyze(request, on_text), text="the same " * 50, data=None)
        return hold(answer, REPEATED) if len(self.requests) > 1 else answer

    async def accept(self, request_key):
        self.accepted.append(request_key)


async def test_the_first_of_equal_answers_is_held_with_the_later_ones(make_runs, stores):
    runs = make_runs(HoldingClient())
    run_id = await runs.start(put(stores, b"one", b"two", b"three"), QUESTION)
    items = await finished(runs, run_id)
    assert [item.outcome.held for item in items] == ["CNT008"] * 3


async def test_an_accepted_answer_is_free_and_not_held_again(make_runs, stores):
    client = HoldingClient()
    runs = make_runs(client)
    run_id = await runs.start(put(stores, b"one", b"two"), QUESTION)
    await finished(runs, run_id)
    await runs.accept(run_id, 1)
    await runs.again(run_id, 0)
    items = await finished(runs, run_id)
    assert [item.outcome.held for item in items] == ["CNT008", None]
    assert client.accepted == ["k" * 64]


async def test_a_question_can_be_asked_again_in_other_words(make_runs, stores):
    client = FakeClient()
    runs = make_runs(client)
    run_id = await runs.start(put(stores, b"one"), QUESTION)
    await finished(runs, run_id)
    await runs.again(run_id, 0, "Describe it factually.")
    (item,) = await finished(runs, run_id)
    assert [request.prompt for request in client.requests] == [
        "What is it?",
        "Describe it factually.",
    ]
    assert item.question.prompt == "Describe it factually."
