"""Tests of core/quality/judge.py: both sides of every expectation."""

import time
from decimal import Decimal

import pytest

from core.phrases import Phrase
from core.quality.judge import judge
from core.quality.types import (
    AnswersWithin,
    Contains,
    CostsAtMost,
    FailsWith,
    FieldEquals,
    FieldWithin,
    FitsSchema,
    Matches,
)
from core.types import Cost, CostBasis, Failure, Success

DATA = {"total": 20.3, "count": 4, "paid": True, "date": "2026-03-14", "items": [{"name": "Tart"}]}


def success(data=DATA, usd="0.01", text="Straße 5: TOTAL 20.30"):
    cost = Cost(None if usd is None else Decimal(usd), CostBasis.MEASURED)
    return Success(text, data, "gpt-4o", "openai", "stop", None, cost, 1.5, 1, "key")


FAILURE = Failure(
    "IMG003", Phrase("gone"), False, Cost(Decimal(0), CostBasis.MEASURED), attempts=0, latency_s=0
)


@pytest.mark.parametrize(
    ("expected", "outcome", "met"),
    [
        (Contains(("total",)), success(), [True]),
        (Contains(("STRASSE", "tart")), success(), [True, False]),
        (Matches(r"TOTAL\s+\d"), success(), [True]),
        (Matches(r"^TOTAL"), success(), [False]),
        (FieldEquals("count", 4.0), success(), [True]),
        (FieldEquals("count", "4"), success(), [False]),
        (FieldEquals("paid", True), success(), [True]),
        (FieldEquals("paid", 1), success(), [False]),
        (FieldEquals("$.items[0].name", "Tart"), success(), [True]),
        (FieldEquals("items[1].name", None), success(), [False]),
        (FieldEquals("items", [{"name": "Tart"}]), success(), [True]),
        (FieldEquals("total", 20.3), success(data=None), [False]),
        (FieldWithin("total", 20.3, 20.3), success(), [True]),
        (FieldWithin("total", 20.31, 30), success(), [False]),
        (FieldWithin("total", 1, 20.29), success(), [False]),
        (FieldWithin("paid", 0, 2), success(), [False]),
        (FieldWithin("date", 0, 9999), success(), [False]),
        (FitsSchema(), success(), [True]),
        (FitsSchema(), success(data=None), [False]),
        (AnswersWithin(1.5), success(), [True]),
        (AnswersWithin(1.4), success(), [False]),
        (CostsAtMost(Decimal("0.01")), success(), [True]),
        (CostsAtMost(Decimal("0.009")), success(), [False]),
        (CostsAtMost(Decimal(1)), success(usd=None), [False]),
        (FailsWith("IMG003"), success(), [False]),
        (FailsWith("IMG003"), FAILURE, [True]),
        (FailsWith("IMG004"), FAILURE, [False]),
        (Contains(("x", "y")), FAILURE, [False]),
    ],
)
def test_an_expectation_is_met_or_not(expected, outcome, met):
    verdicts = judge((expected,), outcome, latency_s=1.5)
    assert [verdict.is_met for verdict in verdicts] == met
    assert all(str(verdict.said) for verdict in verdicts)


def test_a_failure_that_was_expected_still_keeps_its_limits():
    verdicts = judge((FailsWith("IMG003"), AnswersWithin(1)), FAILURE, latency_s=2)
    assert [verdict.is_met for verdict in verdicts] == [True, False]


def test_a_pattern_that_never_ends_is_given_up():
    started_s = time.monotonic()
    (verdict,) = judge((Matches(r"(?:x+x+)+y"),), success(text="x" * 10_000), latency_s=0)
    assert time.monotonic() - started_s < 10
    assert not verdict.is_met
    assert "takes too long" in str(verdict.said)
