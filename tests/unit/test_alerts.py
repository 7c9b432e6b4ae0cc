"""Tests of core/alerts.py: firing, clearing, and what lies between."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf, nan

import pytest

from core.alerts import (
    CALM_FOR,
    DEFAULT_RULES,
    Alert,
    AlertKind,
    Reading,
    Rule,
    checked_rule,
    judge,
    sentence,
)
from core.errors import InputNotUsableError

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def judged(reading, active=(), calm=None, now=NOW, rules=DEFAULT_RULES):
    return judge(rules, [reading] if reading else [], active, calm or {}, now)


@pytest.mark.parametrize(
    ("kind", "value", "samples", "fires"),
    [
        (AlertKind.LATENCY, 10.0, 100, False),
        (AlertKind.LATENCY, 10.01, 100, True),
        (AlertKind.LATENCY, 60.0, 4, False),  # a call or two say nothing
        (AlertKind.LATENCY, 60.0, 5, True),
        (AlertKind.LATENCY, None, 0, False),
        (AlertKind.SUCCESS, 0.95, 100, False),
        (AlertKind.SUCCESS, 0.9499, 100, True),
        (AlertKind.SUCCESS, 0.0, 19, False),
        (AlertKind.COST, 100.0, 0, False),
        (AlertKind.COST, 100.01, 0, True),
        (AlertKind.DRIFT, 0.051, 10, True),
        (AlertKind.DRIFT, 0.5, 9, False),
        (AlertKind.CACHE, 0.49, 20, True),
        (AlertKind.CACHE, 0.5, 20, False),
        (AlertKind.SHUTDOWN, 61, 0, False),
        (AlertKind.SHUTDOWN, 60, 0, True),
        (AlertKind.SHUTDOWN, -3, 0, True),
        (AlertKind.BUDGET, 0.7999, 0, False),
        (AlertKind.BUDGET, 0.8, 0, True),
    ],
)
def test_an_alert_fires_beyond_its_threshold_with_enough_calls(kind, value, samples, fires):
    fired = judged(Reading(kind, value, samples)).fired
    assert len(fired) == fires
    if fires:
        assert fired[0].value == value
        assert fired[0].fired_at == NOW


def test_every_kind_has_one_rule_and_a_sentence():
    assert [rule.kind for rule in DEFAULT_RULES] == list(AlertKind)
    for rule in DEFAULT_RULES:
        said = str(sentence(Alert(rule.kind, "gpt-4o", 1.25, rule.fires_at, NOW)))
        assert "{" not in said


def test_a_model_that_is_gone_is_said_to_be_gone():
    gone = Alert(AlertKind.SHUTDOWN, "gpt-4o", -3, 60, NOW)
    assert str(sentence(gone)) == "gpt-4o was shut down by its vendor and is still asked."


def test_an_active_alert_does_not_fire_again():
    active = Alert(AlertKind.COST, "", 120, 100, NOW)
    assert not judged(Reading(AlertKind.COST, 150), [active]).fired


def test_subjects_are_told_apart():
    active = Alert(AlertKind.SHUTDOWN, "gpt-4o", 50, 60, NOW)
    done = judged(Reading(AlertKind.SHUTDOWN, 40, subject="gpt-4.1"), [active])
    assert [alert.subject for alert in done.fired] == ["gpt-4.1"]


@pytest.mark.parametrize("value", [9.5, 9.01, 10.0])
def test_between_the_thresholds_an_alert_stays(value):
    active = Alert(AlertKind.LATENCY, "", 12, 10, NOW)
    done = judged(Reading(AlertKind.LATENCY, value, 100), [active], {active.name: NOW - CALM_FOR})
    assert not done.cleared
    assert not done.calm_since, "a calm that was interrupted begins anew"


@pytest.mark.parametrize("value", [9.0, 1.0, None])
def test_an_alert_clears_when_it_was_calm_for_a_minute(value):
    active = Alert(AlertKind.LATENCY, "", 12, 10, NOW)
    reading = Reading(AlertKind.LATENCY, value, 100)
    first = judged(reading, [active])
    assert not first.cleared
    almost = judged(reading, [active], first.calm_since, NOW + CALM_FOR - SECOND)
    assert not almost.cleared
    last = judged(reading, [active], almost.calm_since, NOW + CALM_FOR)
    assert last.cleared == (replace(active, cleared_at=NOW + CALM_FOR, cleared_value=value),)
    assert not last.calm_since


def test_without_any_reading_an_alert_clears_too():
    active = Alert(AlertKind.SHUTDOWN, "gpt-4o", 50, 60, NOW)  # nobody asks that model any more
    done = judged(None, [active], {active.name: NOW - CALM_FOR})
    assert done.cleared[0].cleared_value is None


def test_all_requests_must_succeed_where_nearly_all_are_wanted():
    rule = Rule(AlertKind.SUCCESS, 0.999)
    assert rule.clears_at == 1.0


def test_a_rule_that_is_off_neither_fires_nor_stays():
    off = [replace(rule, is_on=False) for rule in DEFAULT_RULES]
    active = Alert(AlertKind.COST, "", 120, 100, NOW)
    done = judged(Reading(AlertKind.COST, 150), [active], rules=off)
    assert not done.fired
    assert done.cleared
    assert not judged(Reading(AlertKind.COST, 150), rules=off).fired


@pytest.mark.parametrize(
    ("kind", "fires_at", "usable"),
    [
        (AlertKind.LATENCY, 0.1, True),
        (AlertKind.LATENCY, 0, False),
        (AlertKind.LATENCY, inf, False),
        (AlertKind.LATENCY, nan, False),
        (AlertKind.SUCCESS, 1.0, True),
        (AlertKind.SUCCESS, 1.01, False),
        (AlertKind.COST, -1, False),
        (AlertKind.COST, 1e6, True),
    ],
)
def test_thresholds_must_make_sense(kind, fires_at, usable):
    rule = Rule(kind, fires_at)
    if usable:
        assert checked_rule(rule) == rule
        return
    with pytest.raises(InputNotUsableError):
        checked_rule(rule)


def test_an_active_alert_moves_with_its_number():
    active = Alert(AlertKind.COST, "", 120, 100, NOW)
    assert not judged(Reading(AlertKind.COST, 120), [active]).moved
    (moved,) = judged(Reading(AlertKind.COST, 150), [active]).moved
    assert moved == replace(active, current_value=150)
    assert not judged(Reading(AlertKind.COST, 150), [moved]).moved
    assert judged(Reading(AlertKind.COST, 80), [moved]).moved[0].current_value == 80
    assert not judged(None, [moved]).moved


def test_the_days_until_a_shutdown_are_those_of_today():
    fired = Alert(AlertKind.SHUTDOWN, "gpt-4o", 60, 60, NOW)
    said = []
    for days in (45, 0, -1):
        (fired,) = judged(Reading(AlertKind.SHUTDOWN, days, subject="gpt-4o"), [fired]).moved
        said.append(str(sentence(fired)))
    assert said == [
        "gpt-4o is in use and will be shut down in 45 days.",
        "gpt-4o is in use and will be shut down in 0 days.",
        "gpt-4o was shut down by its vendor and is still asked.",
    ]


def test_a_cleared_alert_tells_the_number_that_it_fired_with():
    over = Alert(AlertKind.COST, "", 120, 100, NOW, NOW + CALM_FOR, 80, current_value=95)
    assert str(sentence(over)) == "120.00 USD were spent in 24 hours; 100 are allowed."
    assert "95.00 USD" in str(sentence(replace(over, cleared_at=None)))
