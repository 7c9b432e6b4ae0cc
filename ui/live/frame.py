"""What the page shows at one moment, measured once for everybody who looks at the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache, wraps
from threading import Lock
from typing import Final, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

import streamlit as st

from core.i18n import Language
from core.metrics import Filters, Frame
from core.pulse import Pulse
from ui.i18n import language
from ui.resources import workbench

_Asked = ParamSpec("_Asked")
_Made = TypeVar("_Made")

WINDOWS: Final[Mapping[str, timedelta | None]] = {
    "5m": timedelta(minutes=5),
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "all": None,
}
USUAL_WINDOW: Final = "1h"
STEPS: Final = 60
_KEPT: Final = 32
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


def shared(make: Callable[_Asked, _Made]) -> Callable[_Asked, _Made]:
    """Let one make what all who ask for the same get, as cheaply as st.cache_resource does not.

    Everything that the answer depends on has to be an argument.
    """
    lock, kept = Lock(), lru_cache(_KEPT)(make)

    @wraps(make)
    def ask(*args: _Asked.args, **named: _Asked.kwargs) -> _Made:
        with lock:  # the others wait for whoever came first, instead of making it, too
            return kept(*args, **named)

    return ask


@shared
def measured(view: View, pulse: Pulse) -> Frame:  # noqa: ARG001 - a new pulse is a new frame
    """Return the frame.

    Raises:
        StorageError: If the ledger cannot be read.
    """
    since = view.since(datetime.now(UTC))
    return workbench().metrics.frame(since, points=STEPS, filters=view.filters)


def zone() -> ZoneInfo:
    """Return the reader's time zone."""
    return ZoneInfo(st.context.timezone or "UTC")
