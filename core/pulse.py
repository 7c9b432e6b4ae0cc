"""Whether anything that the live page shows has changed: cheap enough to be asked all the time."""

import time
from dataclasses import dataclass
from hashlib import sha256

from core.workbench import Workbench


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


def take_pulse(bench: Workbench, step_s: float) -> Pulse:
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
        tuple(f"{alert.name} {alert.fired_at}" for alert in bench.alerts.active),
    )
