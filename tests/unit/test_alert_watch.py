"""Tests of core/alert_watch.py: from metrics to readings, and from alerts to the webhook."""

import asyncio
import contextlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import httpx2
import pytest

from core.alert_watch import AlertWatch, Findings, take_readings
from core.alerts import CALM_FOR, AlertKind, Reading, Rule
from core.budget import BudgetState
from core.catalog import load_catalog
from core.i18n import translator
from core.metrics import Costs, Latency, Metrics, Share
from core.store.alerts import AlertStore
from core.store.database import open_database
from core.webhook import Webhook

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
QUIET = Metrics(900)
NO_BUDGET = BudgetState(Decimal(0), Decimal(0), None, None)
CATALOG = load_catalog()


class Numbers:
    """A reader that measures the same in every window."""

    def __init__(self, metrics=QUIET):
        self.metrics = metrics

    def measure(self, since=None, until=None):
        return self.metrics


class Purse:
    def __init__(self, cap=None, spent=0):
        self.cap, self.spent = cap, Decimal(spent)

    def state(self):
        return BudgetState(self.spent, Decimal(0), self.cap, None)


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def store(tmp_path):
    database = open_database(tmp_path)
    yield AlertStore(database)
    database.dispose()


def watch(store, numbers, purse=None, webhook=None, clock=None, language="en"):
    purse, clock = purse or Purse(), clock or Clock()
    return AlertWatch(numbers, store, purse, CATALOG, webhook, translator(language), clock)


def findings(**changed):
    windows = dict.fromkeys(("lately", "hour", "day_before_it", "day", "in_use"), QUIET)
    return Findings(**{**windows, "budget": NO_BUDGET, **changed})


def reading(found, kind):
    (only,) = [each for each in take_readings(found, CATALOG, NOW.date()) if each.kind is kind]
    return only


def test_without_calls_there_is_nothing_to_read_but_the_cost():
    values = {r.kind: r.value for r in take_readings(findings(), CATALOG, NOW.date())}
    assert values.pop(AlertKind.COST) == 0
    assert set(values.values()) == {None}


def test_each_reading_comes_from_its_window():
    slow = replace(QUIET, latency=Latency(n=7, mean_s=12.0), succeeded=9, failed=1)
    slow = replace(slow, success_rate=0.9)
    found = findings(lately=slow, day=replace(QUIET, cost=Costs(Decimal(90), Decimal(20))))
    assert reading(found, AlertKind.LATENCY) == Reading(AlertKind.LATENCY, 12.0, 7)
    assert reading(found, AlertKind.SUCCESS) == Reading(AlertKind.SUCCESS, 0.9, 10)
    assert reading(found, AlertKind.COST).value == 110


@pytest.mark.parametrize("drift", [0.07, -0.07])
def test_bills_may_drift_in_either_direction(drift):
    found = findings(day=replace(QUIET, drift=drift, latency=Latency(n=30)))
    assert reading(found, AlertKind.DRIFT) == Reading(AlertKind.DRIFT, 0.07, 30)


@pytest.mark.parametrize(
    ("before", "now", "kept"),
    [(0.8, 0.2, 0.25), (0.8, 0.0, 0.0), (0.09, 0.0, None), (None, 0.5, None), (0.5, None, None)],
)
def test_a_cache_collapses_only_if_it_was_of_use(before, now, kept):
    found = findings(
        hour=replace(QUIET, cache_hit_rate=now, requests=40),
        day_before_it=replace(QUIET, cache_hit_rate=before),
    )
    value = reading(found, AlertKind.CACHE).value
    assert value == (None if kept is None else pytest.approx(kept))


def test_models_in_use_are_looked_up_in_the_catalogue():
    used = {"gpt-4o": Share(), "local-vision-1": Share(), "nobody-knows-me": Share()}
    found = take_readings(findings(in_use=replace(QUIET, by_model=used)), CATALOG, date(2027, 1, 1))
    shutdowns = [each for each in found if each.kind is AlertKind.SHUTDOWN]
    assert shutdowns == [Reading(AlertKind.SHUTDOWN, 13, subject="gpt-4o")]


@pytest.mark.parametrize(
    ("cap", "spent", "held", "used"),
    [(None, 5, 0, None), (10, 6, 2, 0.8), (0, 0, 0, 1.0)],
)
def test_money_that_is_set_aside_counts_against_the_budget(cap, spent, held, used):
    cap = None if cap is None else Decimal(cap)
    budget = BudgetState(Decimal(spent), Decimal(held), cap, None)
    assert reading(findings(budget=budget), AlertKind.BUDGET).value == used


def test_alerts_are_kept_from_firing_to_clearing(store):
    numbers, clock = Numbers(replace(QUIET, cost=Costs(Decimal(101)))), Clock()
    one = watch(store, numbers, clock=clock)
    (fired,) = one.look()
    assert (fired.kind, fired.value, fired.fired_at) == (AlertKind.COST, 101, NOW)
    assert one.look() == []
    numbers.metrics = QUIET
    assert one.look() == []
    clock.now += CALM_FOR
    (cleared,) = one.look()
    assert cleared.cleared_at == NOW + CALM_FOR
    assert store.active() == []
    assert store.history(9) == [cleared]


def test_an_active_alert_keeps_up_with_its_number(store):
    numbers = Numbers(replace(QUIET, cost=Costs(Decimal(101))))
    one = watch(store, numbers)
    one.look()
    numbers.metrics = replace(QUIET, cost=Costs(Decimal(140)))
    assert one.look() == [], "nothing fired and nothing cleared"
    assert [(alert.value, alert.told_value) for alert in one.active] == [(101, 140)]
    assert store.active() == list(one.active)


def test_two_processes_fire_one_alert(store):
    dear = Numbers(replace(QUIET, cost=Costs(Decimal(101))))
    assert watch(store, dear).look()
    assert not watch(store, dear).look()
    assert len(store.history(9)) == 1


def test_a_threshold_that_was_changed_counts_at_the_next_look(store):
    one = watch(store, Numbers(replace(QUIET, cost=Costs(Decimal(6)))))
    assert not one.look()
    store.set_rules([Rule(AlertKind.COST, 5.0)])
    assert one.look()


async def test_the_webhook_is_told_what_fired(store):
    seen: asyncio.Queue = asyncio.Queue()

    def receive(request):
        seen.put_nowait(json.loads(request.content))
        return httpx2.Response(200)

    webhook = Webhook("https://hooks.example", "s", transport=httpx2.MockTransport(receive))
    one = watch(store, Numbers(), Purse(Decimal(10), 9), webhook)
    running = asyncio.create_task(one.run())
    try:
        told = await asyncio.wait_for(seen.get(), 10)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    assert told == {
        "event": "alert_fired",
        "kind": "budget",
        "subject": "",
        "severity": "high",
        "value": 0.9,
        "threshold": 0.8,
        "fired_at": NOW.isoformat(),
        "cleared_at": None,
        "message": "90.0% of the budget are spent or set aside; the warning is at 80%.",
    }


def test_an_alert_that_fires_again_is_a_new_one(store):
    numbers, clock = Numbers(replace(QUIET, cost=Costs(Decimal(101)))), Clock()
    one = watch(store, numbers, clock=clock)
    one.look()
    for metrics in (QUIET, numbers.metrics):
        numbers.metrics = metrics
        one.look()
        clock.now += timedelta(minutes=5)
        one.look()
    assert [alert.cleared_at is None for alert in store.history(9)] == [True, False]
