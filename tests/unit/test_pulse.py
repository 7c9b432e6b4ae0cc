"""Tests of core/pulse.py: a new token whenever there is something new to draw."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from core.alerts import Alert, AlertKind
from core.pulse import Pulse, take_pulse

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


def test_time_moves_the_plots_on():
    assert Pulse(1.0, 7, 0, 1, ()).token != Pulse(1.0, 7, 0, 2, ()).token
