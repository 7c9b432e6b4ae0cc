"""Does it work? The fields of the guide's health check, from what is really so."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.checks import CheckState
from core.doctor import check_data_directory
from core.store.queues import queued_by_priority
from core.version import VERSION
from core.workbench import Workbench

_WINDOW = timedelta(hours=1)
_HEALTHY_SUCCESS_RATE = 0.9
"""As in the guide."""


@dataclass(frozen=True, slots=True)
class ProcessorPool:
    """Calls at once: `active` says that they may start, `size` how many."""

    active: bool
    size: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class PerformanceStats:
    """The last hour; the rate is None when nothing was asked."""

    success_rate: float | None
    total_requests: int
    successful_requests: int
    failed_requests: int


@dataclass(frozen=True, slots=True)
class Health:
    """What a monitor reads. `status` is healthy, degraded (work fails) or unhealthy.

    `uptime` is in seconds; `task_queues` are items that wait, by priority, 5 being the most urgent.
    """

    status: str
    version: str
    uptime: float
    engine: str
    model: str
    processor_pool: ProcessorPool
    task_queues: dict[str, int]
    performance_stats: PerformanceStats
    timestamp: float
    error: str | None = None

    @property
    def is_usable(self) -> bool:
        """Say whether work can be given to this process."""
        return self.status != "unhealthy"


def examine_health(bench: Workbench) -> Health:
    """Return how a process is; it writes into the data directory to see that it can.

    Raises:
        StorageError: If the ledger cannot be read.
    """
    error = _trouble(bench)
    queues = queued_by_priority(bench.ledger.database)
    found = bench.metrics.measure(datetime.now(UTC) - _WINDOW)
    fails = found.success_rate is not None and found.success_rate <= _HEALTHY_SUCCESS_RATE
    return Health(
        status="unhealthy" if error else "degraded" if fails else "healthy",
        version=VERSION,
        uptime=round(time.monotonic() - bench.opened_at_s, 1),
        engine=bench.engine.name,
        model=bench.settings.model,
        processor_pool=ProcessorPool(
            active=error is None,
            size=bench.settings.max_concurrent_requests,
            in_flight=found.in_flight,
        ),
        task_queues={f"priority_{priority}": items for priority, items in queues.items()},
        performance_stats=PerformanceStats(
            success_rate=found.success_rate,
            total_requests=found.requests,
            successful_requests=found.succeeded,
            failed_requests=found.failed,
        ),
        timestamp=time.time(),
        error=error,
    )


def _trouble(bench: Workbench) -> str | None:
    """Return the code of what keeps the data directory from taking writes."""
    check = check_data_directory(bench.settings.tessera_data_dir)
    if check.state is CheckState.FAIL:
        return check.code
    trouble = bench.client.writer.trouble
    return trouble.code if trouble else None
