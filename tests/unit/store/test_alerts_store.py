"""Tests of core/store/alerts.py."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.alerts import DEFAULT_RULES, Alert, AlertKind, Rule
from core.store.alerts import AlertStore
from core.store.database import open_database

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ALERT = Alert(AlertKind.SUCCESS, "", 0.9, 0.95, NOW)


@pytest.fixture
def store(tmp_path):
    database = open_database(tmp_path)
    yield AlertStore(database)
    database.dispose()


def test_rules_begin_with_their_defaults_and_are_kept(store):
    assert store.rules() == DEFAULT_RULES
    cheap, off = Rule(AlertKind.COST, 5.0), Rule(AlertKind.DRIFT, 0.1, is_on=False)
    store.set_rules([cheap, Rule(AlertKind.DRIFT, 0.2)])
    store.set_rules([off])
    changed = {rule.kind: rule for rule in store.rules()}
    assert changed[AlertKind.COST] == cheap
    assert changed[AlertKind.DRIFT] == off
    assert [rule.kind for rule in store.rules()] == list(AlertKind)


def test_an_alert_is_active_once_whoever_sees_it_first(store):
    assert store.fire(ALERT)
    assert not store.fire(replace(ALERT, fired_at=NOW + timedelta(seconds=5)))
    assert store.active() == [ALERT]


def test_a_cleared_alert_is_history_and_may_fire_again(store):
    store.fire(ALERT)
    cleared = replace(ALERT, cleared_at=NOW + timedelta(minutes=5), cleared_value=0.99)
    assert store.clear(cleared)
    assert not store.clear(cleared)
    assert store.active() == []
    again = replace(ALERT, fired_at=NOW + timedelta(hours=1))
    assert store.fire(again)
    assert store.history(10) == [again, cleared]
    assert store.history(1) == [again]


def test_what_an_active_alert_has_come_to_is_kept(store):
    worse = replace(ALERT, current_value=0.8)
    store.follow(worse)  # not fired: there is nothing to follow
    store.fire(ALERT)
    store.follow(worse)
    assert store.active() == [worse]
    store.clear(replace(worse, cleared_at=NOW))
    store.follow(replace(worse, current_value=0.1))
    assert store.history(1)[0].current_value == 0.8
