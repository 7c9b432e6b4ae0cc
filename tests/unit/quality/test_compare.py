"""Tests of core/quality/compare.py."""

from datetime import UTC, datetime
from decimal import Decimal

from core.phrases import Phrase
from core.quality.compare import Change, compare
from core.quality.types import CaseResult, QualityRun, Verdict


def result(id_, passed, answer="same", **changes):
    usual = {
        "id": id_, "title": id_, "model": "gpt-4o", "task": "custom", "prompt": "What?",
        "detail": "high", "verdicts": (Verdict(passed, Phrase("said")),), "answer": answer,
        "code": None, "cost_usd": Decimal("0.01"), "latency_s": 1.0,
    }  # fmt: skip
    return CaseResult(**(usual | changes))


def run(*results):
    return QualityRun("r", "S", "gpt-4o", len(results), datetime.now(UTC), None, results)


def test_every_way_of_changing_has_its_name():
    before = run(*(result(i, passed) for i, passed in zip("abcdx", (1, 0, 0, 1, 1), strict=True)))
    after = run(*(result(i, passed) for i, passed in zip("abcdy", (0, 1, 0, 1, 1), strict=True)))
    found = compare(before, after)
    assert {case.id: case.change for case in found.cases} == {
        "a": Change.BROKEN,
        "b": Change.FIXED,
        "c": Change.STILL_FAILS,
        "d": Change.STILL_PASSES,
        "y": Change.ADDED,
        "x": Change.REMOVED,
    }
    assert found.count(Change.BROKEN) == 1


def test_what_was_asked_differently_and_answered_differently_is_shown():
    before = run(result("a", True, "one\ntwo\nthree"))
    after = run(result("a", True, "one\n2\nthree", model="gpt-6", detail="low"))
    (case,) = compare(before, after).cases
    assert case.settings == ("model", "detail")
    assert case.answer_diff == (" one", "-two", "+2", " three")


def test_a_cost_is_unknown_as_soon_as_one_is():
    assert run(result("a", True), result("b", True)).cost_usd == Decimal("0.02")
    assert run(result("a", True), result("b", True, cost_usd=None)).cost_usd is None
