"""What the page shows at one moment, measured once for everybody who looks at the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import streamlit as st

from core.i18n import Language
from core.metrics import Filters, Frame
from core.pulse import Pulse
from ui.i18n import language
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
_LONG: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class View:
    """What somebody wants to see: a window by its name, and which calls."""

    window: str
    filters: Filters

    def since(self, now: datetime) -> datetime | None:
        """Return when the window begins; None for the first call ever."""
        span = WINDOWS[self.window]
        return None if span is None else now - span

    @property
    def step_s(self) -> int:
        """Return how long a step of the plots is: when it is over, all move on."""
        span = WINDOWS[self.window] or _LONG
        return int(span.total_seconds()) // STEPS


@dataclass(frozen=True, slots=True)
class Look:
    """All that a drawing depends on: who sees the same draws the same.

    `zone` is the reader's time zone.
    """

    view: View
    pulse: Pulse
    language: Language
    zone: str


def look(view: View) -> Look:
    """Return what is to be seen now.

    Raises:
        StorageError: If the ledger cannot be read.
    """
    bench = workbench()
    return Look(view, bench.pulses.take(bench, view.step_s), language(), zone().key)


@st.cache_resource(max_entries=_FRAMES_KEPT, show_spinner=False)
def measured(view: View, pulse: Pulse) -> Frame:  # noqa: ARG001 - a new pulse is a new frame
    """Return the frame, measured by whoever asks first.

    Raises:
        StorageError: If the ledger cannot be read.
    """
    since = view.since(datetime.now(UTC))
    return workbench().metrics.frame(since, points=STEPS, filters=view.filters)


def zone() -> ZoneInfo:
    """Return the reader's time zone."""
    return ZoneInfo(st.context.timezone or "UTC")
