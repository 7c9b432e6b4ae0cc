"""When numbers become an alert, and when they are fine again. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import inf
from typing import Final

from core.diagnosis import Severity
from core.errors import InputNotUsableError
from core.phrases import N_, Phrase

CALM_FOR: Final = timedelta(seconds=60)
"""How long numbers must be fine before an alert clears: it does not flicker at its threshold."""


class AlertKind(StrEnum):
    """What is watched; each has one threshold."""

    LATENCY = "latency"  # seconds, mean of the calls on the wire
    SUCCESS = "success"  # share of finished requests, 0 to 1
    COST = "cost"  # USD in a day
    DRIFT = "drift"  # distance of bills from estimates, relative
    CACHE = "cache"  # hit rate, relative to the day before
    SHUTDOWN = "shutdown"  # days until a used model goes, a model each
    BUDGET = "budget"  # share of the budget that is spent or set aside


@dataclass(frozen=True, slots=True)
class _Nature:
    """What is fixed about a kind.

    `slack` parts the threshold for clearing from that for firing, relative; `most` is the largest
    threshold that makes sense. `at_it` says that a value at its threshold fires already.
    """

    sentence: str
    default: float
    severity: Severity
    slack: float
    min_samples: int = 0
    fires_below: bool = False
    at_it: bool = False
    most: float = inf


# Latency, success and cost with their severities: the guide's PerformanceMonitor.
_NATURES: Final[Mapping[AlertKind, _Nature]] = {
    AlertKind.LATENCY: _Nature(
        N_("Answers take {value:.1f} s on average; {limit:g} s are allowed."),
        10.0,
        Severity.MEDIUM,
        slack=0.1,
        min_samples=5,
    ),
    AlertKind.SUCCESS: _Nature(
        N_("{value:.1%} of requests succeed; {limit:.1%} are wanted."),
        0.95,
        Severity.HIGH,
        slack=0.01,
        min_samples=20,
        fires_below=True,
        most=1.0,
    ),
    AlertKind.COST: _Nature(
        N_("{value:.2f} USD were spent in 24 hours; {limit:g} are allowed."),
        100.0,
        Severity.MEDIUM,
        slack=0.1,
    ),
    AlertKind.DRIFT: _Nature(
        N_("Bills differ from estimates by {value:.1%}; {limit:.1%} are allowed."),
        0.05,
        Severity.MEDIUM,
        slack=0.2,
        min_samples=10,
        most=1.0,
    ),
    AlertKind.CACHE: _Nature(
        N_(
            "The cache answers {value:.0%} of the share that it answered the day before; "
            "{limit:.0%} are wanted."
        ),
        0.5,
        Severity.MEDIUM,
        slack=0.2,
        min_samples=20,
        fires_below=True,
        most=1.0,
    ),
    AlertKind.SHUTDOWN: _Nature(
        N_("{subject} is in use and will be shut down in {value:.0f} days."),
        60.0,
        Severity.MEDIUM,
        slack=0.0,
        fires_below=True,
        at_it=True,
        most=3650.0,
    ),
    AlertKind.BUDGET: _Nature(
        N_("{value:.1%} of the budget are spent or set aside; the warning is at {limit:.0%}."),
        0.8,
        Severity.HIGH,
        slack=0.05,
        at_it=True,
        most=1.0,
    ),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One threshold, in the unit of its kind; a rule that is off neither fires nor stays."""

    kind: AlertKind
    fires_at: float
    is_on: bool = True

    @property
    def clears_at(self) -> float:
        """Return the value that is fine again: some way back from the threshold."""
        nature = _NATURES[self.kind]
        if nature.fires_below:
            return min(self.fires_at * (1 + nature.slack), nature.most)
        return self.fires_at * (1 - nature.slack)


DEFAULT_RULES: Final = tuple(Rule(kind, nature.default) for kind, nature in _NATURES.items())


@dataclass(frozen=True, slots=True)
class Reading:
    """What a rule looks at; a `value` of None says that there is nothing to look at.

    `subject` tells several readings of a kind apart: the model that is shut down.
    """

    kind: AlertKind
    value: float | None
    samples: int = 0
    subject: str = ""

    @property
    def name(self) -> str:
        """Return what at most one active alert is about."""
        return _name(self.kind, self.subject)


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that went beyond its threshold, until it clears.

    `value` is what it fired with. `current_value` is what it has come to since, None where that
    is the same. `cleared_value` is None where there was nothing to look at any more.
    """

    kind: AlertKind
    subject: str
    value: float
    threshold: float
    fired_at: datetime
    cleared_at: datetime | None = None
    cleared_value: float | None = None
    current_value: float | None = None

    @property
    def name(self) -> str:
        """Return what at most one active alert is about."""
        return _name(self.kind, self.subject)

    @property
    def told_value(self) -> float:
        """Return the number of now while it is active, then the one that it fired with."""
        if self.cleared_at or self.current_value is None:
            return self.value
        return self.current_value

    @property
    def severity(self) -> Severity:
        """Return how much it hurts."""
        return _NATURES[self.kind].severity


@dataclass(frozen=True, slots=True)
class Judgement:
    """What changed. `calm_since` goes into the next judgement: alerts that may soon clear.

    `moved` stay active with another number than before.
    """

    fired: tuple[Alert, ...]
    cleared: tuple[Alert, ...]
    moved: tuple[Alert, ...]
    calm_since: Mapping[str, datetime]


def judge(
    rules: Iterable[Rule],
    readings: Iterable[Reading],
    active: Iterable[Alert],
    calm_since: Mapping[str, datetime],
    now: datetime,
) -> Judgement:
    """Compare readings with their rules.

    An alert fires at once, if enough calls stand behind the reading. It clears when readings were
    beyond `Rule.clears_at`, or missing, for `CALM_FOR`; at once if its rule is off.
    """
    by_kind = {rule.kind: rule for rule in rules}
    seen = {reading.name: reading for reading in readings}
    standing = {alert.name: alert for alert in active}
    fired = [
        Alert(reading.kind, reading.subject, reading.value, rule.fires_at, now)
        for name, reading in seen.items()
        if name not in standing
        and (rule := by_kind[reading.kind]).is_on
        and reading.value is not None
        and _fires(rule, reading.value, reading.samples)
    ]
    cleared, moved, calm = [], [], {}
    for name, alert in standing.items():
        rule, reading = by_kind[alert.kind], seen.get(name)
        value = reading.value if reading else None
        if not rule.is_on or _is_calm(rule, value):
            calm[name] = calm_since.get(name, now)
        if name in calm and (not rule.is_on or now - calm[name] >= CALM_FOR):
            cleared.append(replace(alert, cleared_at=now, cleared_value=value))
            del calm[name]
        elif value is not None and value != alert.told_value:
            moved.append(replace(alert, current_value=value))
    return Judgement(tuple(fired), tuple(cleared), tuple(moved), calm)


def checked_rule(rule: Rule) -> Rule:
    """Return the rule, if its threshold makes sense.

    Raises:
        InputNotUsableError: Saying which numbers do.
    """
    most = _NATURES[rule.kind].most
    if not 0 < rule.fires_at < inf:
        raise InputNotUsableError(Phrase("A threshold must be a number above 0."))
    if rule.fires_at > most:
        raise InputNotUsableError(Phrase("This threshold can be at most {most:g}.", {"most": most}))
    return rule


def sentence(alert: Alert) -> Phrase:
    """Say what is wrong, or was, with its numbers."""
    values: dict[str, str | int | float] = {
        "value": alert.told_value,
        "limit": alert.threshold,
        "subject": alert.subject,
    }
    if alert.kind is AlertKind.SHUTDOWN and alert.told_value < 0:
        return Phrase("{subject} was shut down by its vendor and is still asked.", values)
    return Phrase(_NATURES[alert.kind].sentence, values)


def _name(kind: AlertKind, subject: str) -> str:
    return f"{kind}:{subject}"


def _fires(rule: Rule, value: float, samples: int) -> bool:
    nature = _NATURES[rule.kind]
    return samples >= nature.min_samples and _is_beyond(nature, value, rule.fires_at)


def _is_calm(rule: Rule, value: float | None) -> bool:
    return value is None or not _is_beyond(_NATURES[rule.kind], value, rule.clears_at)


def _is_beyond(nature: _Nature, value: float, limit: float) -> bool:
    if value == limit:
        return nature.at_it
    return value < limit if nature.fires_below else value > limit
