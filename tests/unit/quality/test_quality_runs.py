"""Tests of core/quality/runs.py and core/store/quality.py, together on a real database."""

import asyncio
import dataclasses
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal

from core.engines.fake import FakeEngine
from core.errors import AuthenticationError, ImageError, ImageRefusal
from core.images.intake import Accepted, Refused, Skipped
from core.phrases import Phrase
from core.quality.runs import QualityRuns, Trial
from core.quality.types import Case, Contains, FailsWith, Suite
from core.store.quality import SqlQualityStore
from core.types import ImageSource
from tests.client_kit import open_test_client


class Pictures:
    """Opens every name but those that are said to be gone."""

    async def open(self, spec):
        if spec == "gone":
            yield Refused(spec, ImageError(ImageRefusal.NOT_FOUND, Phrase("gone")))
        elif spec == "nothing":
            yield Skipped(spec, Phrase("no picture"))
        else:
            yield Accepted(ImageSource(spec, spec.encode()))
            yield Accepted(ImageSource("a second page", b"2"))


def case(id_, *expectations, image="a.png"):
    return Case(id_, id_, image, "custom", expectations, prompt="What?")


def suite(*cases):
    return Suite("S", cases)


@asynccontextmanager
async def quality(tmp_path, engine, concurrency=1):
    async with open_test_client(tmp_path, engine) as client:
        runs = QualityRuns(client, Pictures(), SqlQualityStore(client.ledger.database), concurrency)
        try:
            yield runs
        finally:
            await runs.close()


async def test_a_run_is_judged_kept_and_found_again(tmp_path):
    asked = suite(case("a", Contains(("red",))), case("b", Contains(("blue",))))
    async with quality(tmp_path, FakeEngine(), concurrency=2) as runs:
        told = []
        run = await runs.run(Trial(asked, "gpt-4o", "cli", told.append))
        assert [result.passed for result in run.results] == [True, False]
        assert (run.passed, run.failed, run.total) == (1, 1, 2)
        assert run.cost_usd == 2 * Decimal("0.00035")
        assert sorted(result.id for result in told) == ["a", "b"]
        assert runs.progress(run.id) == run
        (summary,) = runs.latest(5)
        assert (summary.id, summary.passed, summary.failed) == (run.id, 1, 1)
        assert summary.cost_usd == run.cost_usd
        assert runs.latest(5, "another suite") == []
        assert runs.progress("unknown") is None


async def test_every_run_asks_anew(tmp_path):
    engine = FakeEngine()
    async with quality(tmp_path, engine) as runs:
        for _ in range(2):
            await runs.run(Trial(suite(case("a", Contains(("red",)))), "gpt-4o", "cli"))
    assert len(engine.calls) == 2


async def test_a_picture_that_is_not_there_is_a_failure_of_its_case(tmp_path):
    engine = FakeEngine()
    asked = suite(
        case("a", FailsWith("IMG003"), image="gone"),
        case("b", Contains(("x",)), image="gone"),
        case("c", FailsWith("CFG002"), image="nothing"),
    )
    async with quality(tmp_path, engine) as runs:
        run = await runs.run(Trial(asked, "gpt-4o", "cli"))
    assert [result.passed for result in run.results] == [True, False, True]
    assert engine.calls == []


async def test_after_a_refused_key_nothing_more_is_asked(tmp_path):
    engine = FakeEngine([AuthenticationError("no")])
    asked = suite(*(case(name, Contains(("red",))) for name in "abc"))
    async with quality(tmp_path, engine) as runs:
        run = await runs.run(Trial(asked, "gpt-4o", "cli"))
    assert len(engine.calls) == 1
    assert {result.code for result in run.results} == {"API001"}
    assert run.cost_usd == 0


async def test_a_started_run_can_be_watched_and_ends_without_its_page(tmp_path):
    gate = asyncio.Event()
    engine = FakeEngine(gate=gate)
    async with quality(tmp_path, engine) as runs:
        run_id = await runs.start(suite(case("a", Contains(("red",)))), "gpt-4o")
        await engine.asked.wait()
        under_way = runs.under_way()
        assert (under_way.id, under_way.finished_at, under_way.results) == (run_id, None, ())
        gate.set()
        await runs.wait(run_id)
        assert runs.under_way() is None
        assert runs.progress(run_id).passed == 1


async def test_a_stopped_run_is_not_kept(tmp_path):
    engine = FakeEngine(gate=asyncio.Event())
    async with quality(tmp_path, engine) as runs:
        run_id = await runs.start(suite(case("a", Contains(("red",)))), "gpt-4o")
        await engine.asked.wait()
        await runs.stop(run_id)
        assert (runs.under_way(), runs.progress(run_id), runs.latest(5)) == (None, None, [])


async def test_the_newest_run_comes_first(tmp_path):
    async with quality(tmp_path, FakeEngine()) as runs:
        done = await runs.run(Trial(suite(case("a", Contains(("red",)))), "gpt-4o", "cli"))
        store = runs._store
        for day in (1, 3, 2):
            at = datetime(2027, 1, day, tzinfo=UTC)
            store.save(dataclasses.replace(done, id=f"day{day}", started_at=at))
        assert [each.id for each in runs.latest(3)] == ["day3", "day2", "day1"]
