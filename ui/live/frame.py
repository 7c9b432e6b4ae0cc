"""What the page shows at one moment, measured once for everybody who looks at the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import streamlit as st

from core.metrics import ErrorHeat, Filters, Metrics, Point
from ui.resources import workbench

WINDOWS: Final[Mapping[str, timedelta | None]] = {
    "5m": timedelta(minutes=5),
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "all": None,
}
USUAL_WINDOW: Final = "1h"
STEPS: Final = 60
_FRAMES_KEPT: Final = 16


@dataclass(frozen=True, slots=True)
class View:
    """What somebody wants to see: a window by its name, and which calls."""

    window: str
    filters: Filters

    def since(self, now: datetime) -> datetime | None:
        """Return when the window begins; None for the first call ever."""
        span = WINDOWS[self.window]
        return None if span is None else now - span


@dataclass(frozen=True, slots=True)
class Stamp:
    """Everything that a drawing depends on: while it stays the same, nothing is drawn anew.

    `bench` names the workbench, `last_id` the ledger's newest row, `step` the step of time that
    is under way.
    """

    bench: float
    last_id: int
    in_flight: int
    step: int
    alerts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """A window in numbers."""

    metrics: Metrics
    points: tuple[Point, ...]
    heat: ErrorHeat


def read_stamp(view: View) -> Stamp:
    """Look how far the world has come: two quick questions to the database.

    Raises:
        StorageError: If the ledger cannot be read.
    """
    bench = workbench()
    span = WINDOWS[view.window] or timedelta(days=1)
    return Stamp(
        bench.opened_at_s,
        bench.metrics.last_id(),
        bench.metrics.in_flight(),
        int(datetime.now(UTC).timestamp() / (span.total_seconds() / STEPS)),
        tuple(f"{alert.name} {alert.fired_at}" for alert in bench.alerts.active),
    )


@st.cache_resource(max_entries=_FRAMES_KEPT, show_spinner=False)
def measured(view: View, stamp: Stamp) -> Frame:  # noqa: ARG001 - a new stamp is a new frame
    """Return the frame, measured by whoever asks first.

    Raises:
        StorageError: If the ledger cannot be read.
    """
    reader, since = workbench().metrics, view.since(datetime.now(UTC))
    return Frame(
        reader.measure(since, filters=view.filters),
        tuple(reader.series(since, points=STEPS, filters=view.filters)),
        reader.errors(since, buckets=STEPS, filters=view.filters),
    )


def zone() -> ZoneInfo:
    """Return the reader's time zone."""
    return ZoneInfo(st.context.timezone or "UTC")
