"""What metrics are, and how they follow from sums over the ledger. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from core.store.calls import CallRecord, CallStatus, from_nano
from core.store.windows import Cell, Spread
from core.types import CostBasis


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
    """Tokens as they were billed; input includes what was read from the vendor's cache.

    `largest_call` is the most, input and output, that one call was billed for.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    largest_call: int = 0


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
    `succeeded` came from the cache, `held` of them were held for a person when they came.
    `success_rate` leaves out what people stopped. `failures` has a count for each code, stops
    included. `in_flight` is what is on the wire now, whatever the window. `drift` is how far billed
    input tokens are from the estimates: 0.03 is 3 % above.
    """

    window_s: float
    requests: int = 0
    calls: int = 0
    succeeded: int = 0
    failed: int = 0
    stopped: int = 0
    held: int = 0
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
class Frame:
    """A window in numbers: as a whole, step by step, and what failed when."""

    metrics: Metrics
    points: tuple[Point, ...]
    heat: ErrorHeat


@dataclass(frozen=True, slots=True)
class CallRow:
    """One row of the ledger with its number, which grows."""

    id: int
    call: CallRecord


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over all time, by kind of call; None where nothing was answered."""

    cells: tuple[Cell, ...]
    latency: Spread | None
    first_token: Spread | None
    in_flight: int


def fold_metrics(
    cells: Iterable[Cell],
    window_s: float,
    in_flight: int,
    latency: Latency,
    first_token: Latency,
) -> Metrics:
    """Return what the cells of one window come to."""
    cells = list(cells)
    total = _share(cells)
    asked = total.succeeded + total.failed
    return Metrics(
        window_s=window_s,
        requests=total.requests,
        calls=total.calls,
        succeeded=total.succeeded,
        failed=total.failed,
        stopped=total.requests - asked,
        cached=total.cached,
        success_rate=total.succeeded / asked if asked else None,
        cache_hit_rate=total.cached / total.requests if total.requests else None,
        throughput_per_minute=total.requests / window_s * 60 if window_s > 0 else 0.0,
        in_flight=in_flight,
        drift=_drift(cells),
        latency=latency,
        first_token=first_token,
        tokens=Tokens(
            total.input_tokens,
            total.output_tokens,
            sum(cell.cache_read_tokens for cell in cells),
            max((cell.most_tokens for cell in cells), default=0),
        ),
        cost=_costs(cells),
        failures=_failures(cells),
        held=sum(cell.n for cell in cells if is_held(cell)),
        by_model=_shares(cells, lambda cell: cell.model),
        by_task=_shares(cells, lambda cell: cell.task),
        by_lane=_shares(cells, lambda cell: cell.lane),
        by_front_end=_shares(cells, lambda cell: cell.front_end),
    )


def fold_point(slot_s: int, cells: list[Cell], percentiles_s: tuple[float | None, ...]) -> Point:
    """Return what the cells of one slot come to."""
    total, p50_s, p95_s, p99_s = _share(cells), *percentiles_s
    models = _shares(cells, lambda cell: cell.model)
    return Point(
        at=datetime.fromtimestamp(slot_s, UTC),
        succeeded=total.succeeded,
        failed=total.failed,
        stopped=total.requests - total.succeeded - total.failed,
        cached=total.cached,
        p50_s=p50_s,
        p95_s=p95_s,
        p99_s=p99_s,
        input_tokens=total.input_tokens,
        output_tokens=total.output_tokens,
        cost_usd={model: share.cost_usd for model, share in models.items()},
    )


def fold_errors(cells: Iterable[Cell], slots_s: range) -> ErrorHeat:
    """Return how often each code came up in each slot."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * len(slots_s))
    for cell in cells:
        if is_failure(cell):
            counts[cell.code][slots_s.index(cell.slot_s)] += cell.n
    order = sorted(counts, key=lambda code: (-sum(counts[code]), code))
    return ErrorHeat(
        tuple(datetime.fromtimestamp(slot_s, UTC) for slot_s in slots_s),
        {code: tuple(counts[code]) for code in order},
    )


def _share(cells: Iterable[Cell]) -> Share:
    final = [cell for cell in cells if cell.status != CallStatus.RETRIED]
    return Share(
        requests=sum(cell.n for cell in final),
        calls=sum(cell.attempts for cell in final),
        succeeded=sum(cell.n for cell in final if cell.status == CallStatus.SUCCEEDED),
        failed=sum(cell.n for cell in final if cell.status in {CallStatus.FAILED, CallStatus.LOST}),
        cached=sum(cell.n for cell in final if cell.cached),
        input_tokens=sum(cell.input_tokens for cell in cells),
        output_tokens=sum(cell.output_tokens for cell in cells),
        cost_usd=_usd(cell.cost_nano_usd for cell in cells),
    )


def _shares(cells: Iterable[Cell], of: Callable[[Cell], str]) -> dict[str, Share]:
    """Return the part of each, the one with the most requests first."""
    groups: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        groups[of(cell)].append(cell)
    shares = {name: _share(group) for name, group in groups.items()}
    return dict(sorted(shares.items(), key=lambda pair: (-pair[1].requests, pair[0])))


def _costs(cells: list[Cell]) -> Costs:
    def paid(basis: CostBasis) -> Decimal:
        return _usd(cell.cost_nano_usd for cell in cells if cell.cost_basis == basis)

    return Costs(
        measured_usd=paid(CostBasis.MEASURED),
        estimated_usd=paid(CostBasis.ESTIMATED),
        unknown_calls=sum(cell.n for cell in cells if cell.cost_basis == CostBasis.UNKNOWN),
        saved_cache_usd=_usd(cell.saved_nano_usd for cell in cells if cell.cached),
        saved_batch_usd=_usd(
            cell.saved_nano_usd for cell in cells if cell.lane == "batch" and not cell.cached
        ),
        saved_resizing_usd=_usd(cell.resizing_nano_usd for cell in cells),
    )


def is_failure(cell: Cell) -> bool:
    """Say whether requests ended without an answer; a held answer has a code, and is one."""
    return bool(cell.code) and cell.status not in {CallStatus.RETRIED, CallStatus.SUCCEEDED}


def is_held(cell: Cell) -> bool:
    """Say whether answers were held for a person to look at."""
    return bool(cell.code) and cell.status == CallStatus.SUCCEEDED


def _failures(cells: Iterable[Cell]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for cell in cells:
        if is_failure(cell):
            counts[cell.code] += cell.n
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _drift(cells: Iterable[Cell]) -> float | None:
    cells = list(cells)
    estimated = sum(cell.estimated_tokens for cell in cells)
    return sum(cell.billed_tokens for cell in cells) / estimated - 1 if estimated else None


def _usd(nanos: Iterable[int]) -> Decimal:
    return from_nano(sum(nanos)) or Decimal(0)
