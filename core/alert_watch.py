"""Looks at the numbers all the time, whether or not a page is open, and tells what fired."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from core.alerts import Alert, AlertKind, Reading, judge, sentence
from core.budget import Budget, BudgetState
from core.catalog import Catalog
from core.metrics import Metrics, MetricsReader
from core.phrases import Translate
from core.store.alerts import AlertStore
from core.webhook import Webhook

_EVERY_S: Final = 15.0
_LATELY: Final = timedelta(minutes=15)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_IN_USE: Final = timedelta(days=30)
"""A model that nobody has asked for this long is not in use."""
_WORTHWHILE_HIT_RATE: Final = 0.1
"""A cache that answered less than this has nothing to lose."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Findings:
    """What the readings are taken from: the windows of time, and the budget."""

    lately: Metrics
    hour: Metrics
    day_before_it: Metrics
    day: Metrics
    in_use: Metrics
    budget: BudgetState


class AlertWatch:
    """Judges the numbers every few seconds; several processes may share a data directory.

    `active` is what the last look left active, and may be read from anywhere.

    Args:
        metrics: What is measured.
        store: Where rules and alerts are kept.
        budget: What is left to spend.
        catalog: When which model is shut down.
        webhook: Told about what fires and clears; None tells nobody.
        translate: The language in which it is told.
        clock: Returns the time, aware.
    """

    def __init__(
        self,
        metrics: MetricsReader,
        store: AlertStore,
        budget: Budget,
        catalog: Catalog,
        webhook: Webhook | None,
        translate: Translate,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self.active: tuple[Alert, ...] = ()
        self._metrics = metrics
        self._budget = budget
        self._catalog = catalog
        self._webhook = webhook
        self._translate = translate
        self._clock = clock
        self._calm_since: dict[str, datetime] = {}
        self._looking = asyncio.Lock()
        self._telling: set[asyncio.Task[bool]] = set()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look_and_tell()
            except Exception:  # noqa: BLE001 - a fault of one look must not end the watch
                _log.exception("alerts_not_judged")
            await asyncio.sleep(_EVERY_S)

    async def look_and_tell(self) -> None:
        """Judge the numbers once, and start to tell the webhook what changed.

        Raises:
            StorageError: If the ledger cannot be read or written.
        """
        async with self._looking:
            self._tell(await asyncio.to_thread(self.look))

    def look(self) -> list[Alert]:
        """Judge the numbers once; return what fired and what cleared by this process."""
        now = self._clock()
        readings = take_readings(self._measure(now), self._catalog, now.date())
        done = judge(self.store.rules(), readings, self.store.active(), self._calm_since, now)
        self._calm_since = dict(done.calm_since)
        changed = [alert for alert in done.fired if self.store.fire(alert)]
        changed += [alert for alert in done.cleared if self.store.clear(alert)]
        for alert in done.moved:
            self.store.follow(alert)
        self.active = tuple(self.store.active())
        for alert in changed:
            _log.warning(_event(alert), extra={"alert": alert.name, "value": alert.value})
        return changed

    def _measure(self, now: datetime) -> Findings:
        measure = self._metrics.measure
        return Findings(
            lately=measure(now - _LATELY),
            hour=measure(now - _HOUR),
            day_before_it=measure(now - _HOUR - _DAY, now - _HOUR),
            day=measure(now - _DAY),
            in_use=measure(now - _IN_USE),
            budget=self._budget.state(),
        )

    def _tell(self, changed: Iterable[Alert]) -> None:
        """Start to tell the webhook; a slow receiver must not keep the watch from looking."""
        for alert in changed if self._webhook else ():
            assert self._webhook is not None  # noqa: S101 - for the types
            task = asyncio.create_task(self._webhook.tell(document(alert, self._translate)))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)


def take_readings(found: Findings, catalog: Catalog, today: date) -> list[Reading]:
    """Return what each rule looks at. Pure."""
    lately, day = found.lately, found.day
    return [
        Reading(AlertKind.LATENCY, lately.latency.mean_s, lately.latency.n),
        Reading(AlertKind.SUCCESS, lately.success_rate, lately.succeeded + lately.failed),
        Reading(AlertKind.COST, float(day.cost.total_usd)),
        Reading(AlertKind.DRIFT, None if day.drift is None else abs(day.drift), day.latency.n),
        Reading(AlertKind.CACHE, _hit_rate_kept(found), found.hour.requests),
        Reading(AlertKind.BUDGET, _budget_used(found.budget)),
        *_shutdowns(found.in_use, catalog, today),
    ]


def document(alert: Alert, translate: Translate) -> dict[str, Any]:
    """Return what a webhook is told."""
    return {
        "event": _event(alert),
        "kind": alert.kind.value,
        "subject": alert.subject,
        "severity": alert.severity.value,
        "value": alert.value,
        "threshold": alert.threshold,
        "fired_at": alert.fired_at.isoformat(),
        "cleared_at": alert.cleared_at.isoformat() if alert.cleared_at else None,
        "message": sentence(alert).translated(translate),
    }


def _event(alert: Alert) -> str:
    return "alert_cleared" if alert.cleared_at else "alert_fired"


def _hit_rate_kept(found: Findings) -> float | None:
    """Return the hour's hit rate as a part of the day's before it."""
    now, before = found.hour.cache_hit_rate, found.day_before_it.cache_hit_rate
    if now is None or before is None or before < _WORTHWHILE_HIT_RATE:
        return None
    return now / before


def _budget_used(budget: BudgetState) -> float | None:
    if budget.cap_usd is None:
        return None
    used_usd = budget.spent_usd + budget.reserved_usd
    return float(used_usd / budget.cap_usd) if budget.cap_usd else 1.0


def _shutdowns(in_use: Metrics, catalog: Catalog, today: date) -> list[Reading]:
    cards = (catalog.card(name) for name in in_use.by_model)
    return [
        Reading(AlertKind.SHUTDOWN, (card.shutdown_date - today).days, subject=card.name)
        for card in cards
        if card.shutdown_date is not None
    ]
