"""Tests of core/pulse.py: a new token whenever there is something new to draw."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from core.alerts import Alert, AlertKind
from core.pulse import Pulse, SharedPulses, take_pulse
from tests.clock import Clock

ALERT = Alert(AlertKind.COST, "", 120, 100, datetime(2026, 11, 23, tzinfo=UTC))


class Numbers:
    def __init__(self, last_id=7, in_flight=0):
        self._last_id, self._in_flight = last_id, in_flight

    def last_id(self):
        return self._last_id

    def in_flight(self):
        return self._in_flight


def bench(numbers=None, active=(), opened_at_s=1.0):
    alerts = SimpleNamespace(active=active)
    return SimpleNamespace(metrics=numbers or Numbers(), alerts=alerts, opened_at_s=opened_at_s)


def token(*args, **changed):
    return take_pulse(bench(*args, **changed), step_s=10**9).token


def test_the_token_stays_while_nothing_changes():
    assert token() == token()
    assert len(token()) == 16


@pytest.mark.parametrize(
    "changed",
    [
        {"numbers": Numbers(last_id=8)},
        {"numbers": Numbers(in_flight=1)},
        {"active": (ALERT,)},
        {"opened_at_s": 2.0},
    ],
)
def test_whatever_is_drawn_changes_the_token(changed):
    assert token(**changed) != token()


@pytest.mark.parametrize(("now", "changes"), [(120.001, False), (130, True)])
def test_an_alert_is_drawn_again_when_its_sentence_says_something_else(now, changes):
    moved = replace(ALERT, current_value=now)
    assert (token(active=(moved,)) != token(active=(ALERT,))) is changes


def test_time_moves_the_plots_on():
    assert Pulse(1.0, 7, 0, 1, ()).token != Pulse(1.0, 7, 0, 2, ()).token


def test_all_who_look_at_one_moment_share_a_pulse():
    clock, numbers = Clock(), Numbers()
    pulses, watched = SharedPulses(clock), bench(numbers)
    first = pulses.take(watched, 60)
    numbers.last_id = lambda: 8
    clock.now_s += 1.9
    assert pulses.take(watched, 60) == first
    clock.now_s += 0.1
    assert pulses.take(watched, 60).last_id == 8


@pytest.mark.parametrize(("now_s", "wait_s"), [(1000.0, 2.0), (1000.5, 1.5), (1001.75, 0.25)])
def test_all_may_come_when_the_next_moment_begins(now_s, wait_s):
    assert SharedPulses(Clock(now_s)).next_in_s() == wait_s


def test_whoever_comes_sees_what_there_is_now():
    numbers = Numbers()
    pulses, watched = SharedPulses(Clock()), bench(numbers)
    assert pulses.take(watched, 60).last_id == 7
    numbers.last_id = lambda: 8
    pulses.forget()
    assert pulses.take(watched, 60).last_id == 8


@pytest.mark.parametrize(("step_s", "step"), [(5, 200), (60, 16), (1, 1000)])
def test_each_window_has_its_own_steps_of_a_shared_moment(step_s, step):
    clock = Clock(now_s=1000.0)
    pulses, watched = SharedPulses(clock), bench()
    pulses.take(watched, 7)
    assert pulses.take(watched, step_s).step == step
