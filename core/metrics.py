"""Metrics of any window, read from the ledger: what pages, reports, alerts and Prometheus show."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Engine

from core.store.calls import CallRecord


@dataclass(frozen=True, slots=True)
class Filters:
    """Which calls are looked at; None takes all."""

    model: str | None = None
    task: str | None = None
    lane: str | None = None
    front_end: str | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """How long `n` answers took, in seconds; None without any.

    Answers from the cache and calls that failed are left out. The percentiles are exact, between
    two values linear, as numpy.percentile's.
    """

    n: int = 0
    mean_s: float | None = None
    min_s: float | None = None
    max_s: float | None = None
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens as they were billed; input includes what was read from the vendor's cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0


@dataclass(frozen=True, slots=True)
class Costs:
    """Money in USD. `unknown_calls` were perhaps billed, at a cost that nobody stated."""

    measured_usd: Decimal = Decimal(0)
    estimated_usd: Decimal = Decimal(0)
    unknown_calls: int = 0
    saved_cache_usd: Decimal = Decimal(0)
    saved_batch_usd: Decimal = Decimal(0)
    saved_resizing_usd: Decimal = Decimal(0)

    @property
    def total_usd(self) -> Decimal:
        """Return what is known to have been paid."""
        return self.measured_usd + self.estimated_usd


@dataclass(frozen=True, slots=True)
class Share:
    """The part of one model, task, lane or front end. `calls` counts attempts on the wire."""

    requests: int = 0
    calls: int = 0
    succeeded: int = 0
    failed: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Everything about one window of time; None means that there is nothing to tell it from.

    A request is one question; `calls` counts the attempts that its answers took. `cached` of the
    `succeeded` came from the cache. `success_rate` leaves out what people stopped. `failures` has
    a count for each code, stops included. `in_flight` is what is on the wire now, whatever the
    window. `drift` is how far billed input tokens are from the estimates: 0.03 is 3 % above.
    """

    window_s: float
    requests: int = 0
    calls: int = 0
    succeeded: int = 0
    failed: int = 0
    stopped: int = 0
    cached: int = 0
    success_rate: float | None = None
    cache_hit_rate: float | None = None
    throughput_per_minute: float = 0.0
    in_flight: int = 0
    drift: float | None = None
    latency: Latency = field(default_factory=Latency)
    first_token: Latency = field(default_factory=Latency)
    tokens: Tokens = field(default_factory=Tokens)
    cost: Costs = field(default_factory=Costs)
    failures: Mapping[str, int] = field(default_factory=dict)
    by_model: Mapping[str, Share] = field(default_factory=dict)
    by_task: Mapping[str, Share] = field(default_factory=dict)
    by_lane: Mapping[str, Share] = field(default_factory=dict)
    by_front_end: Mapping[str, Share] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Point:
    """One step of a series, from `at` on.

    Of `succeeded`, `cached` came from the cache. The percentiles are within 0.4 % of the exact
    ones; None without an answer.
    """

    at: datetime
    succeeded: int = 0
    failed: int = 0
    stopped: int = 0
    cached: int = 0
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ErrorHeat:
    """How often each code came up in each step; `counts` has one number for each of `times`."""

    times: tuple[datetime, ...]
    counts: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class CallRow:
    """One row of the ledger with its number, which grows."""

    id: int
    call: CallRecord


@dataclass(frozen=True, slots=True)
class Known:
    """Every value that the ledger has of what can be filtered by, sorted."""

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    lanes: tuple[str, ...]
    front_ends: tuple[str, ...]


class MetricsReader:
    """Measures what the ledger says; may be used from any thread.

    Args:
        database: From `open_database`.
        clock: Seconds since 1970.
        in_flight: Says how many calls of this process are on the wire; those of others are known
            from the money that they hold.
    """

    def __init__(
        self,
        database: Engine,
        clock: Callable[[], float] = time.time,
        in_flight: Callable[[], int] = lambda: 0,
    ) -> None:
        self._database = database
        self._clock = clock
        self._in_flight = in_flight

    def measure(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        filters: Filters = Filters(),  # noqa: B008 - frozen
    ) -> Metrics:
        """Return the metrics of the calls recorded from `since` on and before `until`.

        Args:
            since: None for the first call ever.
            until: None for everything since, also what a clock that was wrong has put into the
                future.
            filters: Which calls.

        Raises:
            StorageError: If the ledger cannot be read.
        """
        raise NotImplementedError

    def series(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        points: int = 60,
        filters: Filters = Filters(),  # noqa: B008 - frozen
    ) -> list[Point]:
        """Return at most about `points` steps, without gaps, whose sums are those of `measure`.

        Steps begin on round times, so that a plot does not tremble when it is drawn again.

        Raises:
            StorageError: If the ledger cannot be read.
        """
        raise NotImplementedError

    def errors(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        buckets: int = 40,
        filters: Filters = Filters(),  # noqa: B008 - frozen
    ) -> ErrorHeat:
        """Return when which codes came up, the most frequent code first.

        Raises:
            StorageError: If the ledger cannot be read.
        """
        raise NotImplementedError

    def latest(
        self,
        limit: int,
        filters: Filters = Filters(),  # noqa: B008 - frozen
        before_id: int | None = None,
    ) -> list[CallRow]:
        """Return the newest rows, or the newest before a row: the next page. Newest first.

        Raises:
            StorageError: If the ledger cannot be read.
        """
        raise NotImplementedError

    def attempts(self, request_id: str) -> list[CallRow]:
        """Return the rows of one request, oldest first; the last one is its outcome.

        Raises:
            StorageError: If the ledger cannot be read.
        """
        raise NotImplementedError

    def known(self) -> Known:
        """Return what can be filtered by.

        Raises:
            StorageError: If the ledger cannot be read.
        """
        raise NotImplementedError

    def last_id(self) -> int:
        """Return the number of the newest row, 0 without one: while it stays, nothing changed.

        Raises:
            StorageError: If the ledger cannot be read.
        """
        raise NotImplementedError
