"""Whether anything that the live page shows has changed: cheap enough to be asked all the time."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Final

from core.alerts import sentence

if TYPE_CHECKING:
    from core.workbench import Workbench

PACE_S: Final = 2
"""How long a pulse is shared, and how often the page asks."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """Everything that a drawing depends on: while it stays the same, nothing is drawn anew.

    `bench` names the workbench, `last_id` the ledger's newest row, `step` the step of time that
    is under way, `alerts` what is active.
    """

    bench: float
    last_id: int
    in_flight: int
    step: int
    alerts: tuple[str, ...]

    @property
    def token(self) -> str:
        """Return what stands for this pulse outside the process."""
        return sha256(repr(self).encode()).hexdigest()[:16]


def take_pulse(bench: "Workbench", step_s: float) -> Pulse:
    """Look how far the world has come: two quick questions to the database.

    Args:
        bench: What is looked at.
        step_s: How long the steps of the plots are.

    Raises:
        StorageError: If the ledger cannot be read.
    """
    return Pulse(
        bench.opened_at_s,
        bench.metrics.last_id(),
        bench.metrics.in_flight(),
        int(time.time() / step_s),
        tuple(f"{each.name} {each.fired_at} {sentence(each)}" for each in bench.alerts.active),
    )


class SharedPulses:
    """A pulse that stands still for a moment: all who look meanwhile share what one has drawn."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = Lock()
        self._kept: _Kept | None = None

    def take(self, bench: "Workbench", step_s: int) -> Pulse:
        """Return the pulse of the moment, taken by whoever asks first.

        Args:
            bench: What is looked at.
            step_s: How long the steps of the plots are.

        Raises:
            StorageError: If the ledger cannot be read.
        """
        with self._lock:
            if kept := self.kept(step_s):
                return kept
            moment = self._moment()
            taken = self._kept = _Kept(moment, take_pulse(bench, step_s))
        return taken.in_steps(step_s)

    def kept(self, step_s: int) -> Pulse | None:
        """Return the pulse of the moment if somebody has taken it: this never waits."""
        kept = self._kept
        if kept is None or kept.moment != self._moment():
            return None
        return kept.in_steps(step_s)

    def next_in_s(self) -> float:
        """Return how long it is until the next moment: who comes then shares the work, too."""
        return PACE_S - self._clock() % PACE_S

    def forget(self) -> None:
        """Let whoever asks next look anew."""
        with self._lock:
            self._kept = None

    def _moment(self) -> int:
        return int(self._clock() / PACE_S)


@dataclass(frozen=True, slots=True)
class _Kept:
    moment: int
    pulse: Pulse

    def in_steps(self, step_s: int) -> Pulse:
        return replace(self.pulse, step=self.moment * PACE_S // step_s)
