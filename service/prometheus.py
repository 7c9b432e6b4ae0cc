"""The ledger as Prometheus reads it: counters survive restarts, because nothing is counted here.

Every label has few values: models that the catalogue does not know are "other".
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from core.diagnosis import DIAGNOSES
from core.measures import Totals, fold_metrics, is_failure, is_held
from core.metrics import Latency
from core.store.calls import CallStatus, from_nano
from core.store.queues import items_by_state
from core.store.windows import Cell, Spread
from core.version import VERSION
from core.workbench import Workbench

_BOUNDS_S: Final = (0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 240.0)
"""Ends of bins, see core/store/bins.py; around the vendor's usual seconds and our timeouts."""

_LANES: Final = frozenset({"realtime", "batch", "flex"})
_FRONT_ENDS: Final = frozenset({"page", "cli", "rest", "batch"})
_OTHER: Final = "other"
Labels = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class LedgerCollector(Collector):
    """Reads everything anew whenever it is asked."""

    bench: Workbench

    def describe(self) -> Iterable[Metric]:
        """Name nothing before it is asked: the ledger need not be readable at registration."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every series.

        Raises:
            StorageError: If the ledger cannot be read.
        """
        totals = self.bench.metrics.totals()
        yield from _guide_series(totals)
        yield from self._requests(totals)
        yield from self._money(totals)
        yield from self._state()

    def _requests(self, totals: Totals) -> Iterator[Metric]:
        final = [cell for cell in totals.cells if cell.status != CallStatus.RETRIED]
        names = ("model", "lane", "front_end", "outcome")
        yield _counter(
            "tessera_requests",
            "Requests that have ended; a cached one succeeded without a call.",
            names,
            _sum(final, self._who_and_how, lambda cell: cell.n),
        )
        yield _counter(
            "tessera_calls",
            "Attempts on the wire.",
            ("model",),
            _sum(final, self._model, lambda cell: cell.attempts),
        )
        yield _counter(
            "tessera_failures",
            "Requests without an answer, by diagnosis code.",
            ("code",),
            _sum((cell for cell in final if is_failure(cell)), _code, lambda cell: cell.n),
        )
        yield _counter(
            "tessera_held",
            "Answers that were held for a person to look at, by diagnosis code.",
            ("code",),
            _sum((cell for cell in final if is_held(cell)), _code, lambda cell: cell.n),
        )
        tokens = Counter[Labels]()
        for cell in totals.cells:
            (model,) = self._model(cell)
            tokens[model, "input"] += cell.input_tokens
            tokens[model, "output"] += cell.output_tokens
            tokens[model, "cache_read"] += cell.cache_read_tokens
        said = "Tokens as billed; cache_read is a part of input."
        yield _counter("tessera_tokens", said, ("model", "kind"), tokens)
        said = "Seconds from sending a call to the first piece of a streamed answer."
        yield _histogram("tessera_first_token_seconds", said, totals.first_token)

    def _money(self, totals: Totals) -> Iterator[Metric]:
        paid = [cell for cell in totals.cells if cell.cost_basis in {"measured", "estimated"}]
        yield _counter(
            "tessera_cost_usd",
            "What calls cost: measured from the bill, or estimated where it did not say.",
            ("model", "basis"),
            {
                labels: float(from_nano(int(nano)) or 0)  # added up before it is a float
                for labels, nano in _sum(
                    paid, lambda c: (*self._model(c), c.cost_basis), lambda c: c.cost_nano_usd
                ).items()
            },
        )
        metrics = fold_metrics(totals.cells, 0, totals.in_flight, Latency(), Latency())
        said = "Calls that were perhaps billed, at a cost that nobody stated."
        yield CounterMetricFamily(
            "tessera_unknown_cost_calls", said, value=metrics.cost.unknown_calls
        )
        saved: dict[Labels, float] = {
            ("cache",): float(metrics.cost.saved_cache_usd),
            ("batch_lane",): float(metrics.cost.saved_batch_usd),
            ("resizing",): float(metrics.cost.saved_resizing_usd),
        }
        yield _counter("tessera_saved_usd", "What was not paid, and why.", ("by",), saved)
        if metrics.drift is not None:
            said = "How far billed input tokens are from the estimates; 0.03 is 3 % above."
            yield GaugeMetricFamily("tessera_estimate_drift_ratio", said, value=metrics.drift)
        yield from self._budget()

    def _budget(self) -> Iterator[Metric]:
        state = self.bench.client.budget.state()
        family = GaugeMetricFamily(
            "tessera_budget_usd", "The budget and what it is used for.", labels=("part",)
        )
        parts: dict[str, Decimal | None] = {
            "limit": state.cap_usd,
            "spent": state.spent_usd,
            "reserved": state.reserved_usd,
            "left": state.left_usd,
        }
        for part, usd in parts.items():
            if usd is not None:
                family.add_metric((part,), float(usd))
        yield family

    def _state(self) -> Iterator[Metric]:
        items = GaugeMetricFamily(
            "tessera_batch_items", "Items of all batches, by state.", labels=("state",)
        )
        for state, count in items_by_state(self.bench.ledger.database).items():
            items.add_metric((state,), count)
        yield items
        cache = self.bench.cache.statistics()
        yield GaugeMetricFamily("tessera_cache_entries", "Kept answers.", value=cache.entries)
        said = "Size of the kept answers on disk."
        yield GaugeMetricFamily("tessera_cache_size_bytes", said, value=cache.size_bytes)
        yield InfoMetricFamily(
            "tessera_build",
            "Which version runs, and which engine answers.",
            {"version": VERSION, "engine": self.bench.engine.name},
        )

    def _model(self, cell: Cell) -> Labels:
        return (_one_of(cell.model, self.bench.catalog.names()),)

    def _who_and_how(self, cell: Cell) -> Labels:
        lane, front_end = _one_of(cell.lane, _LANES), _one_of(cell.front_end, _FRONT_ENDS)
        return (*self._model(cell), lane, front_end, _outcome(cell))


def exposition(bench: Workbench, accept: str) -> tuple[bytes, str]:
    """Return the series as text, and the media type that suits the scraper.

    Args:
        bench: What is measured.
        accept: The scraper's Accept header.

    Raises:
        StorageError: If the ledger cannot be read.
    """
    registry = CollectorRegistry()
    registry.register(LedgerCollector(bench))
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type


def _guide_series(totals: Totals) -> Iterator[Metric]:
    """Yield the four series that the guide names."""
    final = [cell for cell in totals.cells if cell.status != CallStatus.RETRIED]
    yield _counter(
        "gpt4o_requests",
        "Requests that have ended; priority 5: a person waits, 3: a batch, 1: the batch lane.",
        ("status", "priority"),
        _sum(final, lambda cell: (_status(cell), _priority(cell)), lambda cell: cell.n),
    )
    said = "Seconds that answers took; what came from the cache is left out."
    yield _histogram("gpt4o_request_duration_seconds", said, totals.latency)
    yield GaugeMetricFamily(
        "gpt4o_active_tasks", "Calls that are on the wire now.", value=totals.in_flight
    )
    tokens = sum(cell.input_tokens + cell.output_tokens for cell in totals.cells)
    yield CounterMetricFamily("gpt4o_tokens_used", "Tokens as billed.", value=tokens)


def _counter(
    name: str, said: str, labels: Labels, values: Mapping[Labels, float]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, said, labels=labels)
    for label_values, value in sorted(values.items()):
        family.add_metric(label_values, value)
    return family


def _histogram(name: str, said: str, spread: Spread | None) -> HistogramMetricFamily:
    n, sum_s = (spread.n, spread.sum_s) if spread else (0, 0.0)
    counts = spread.up_to(_BOUNDS_S) if spread else [0] * len(_BOUNDS_S)
    buckets = [(str(bound), count) for bound, count in zip(_BOUNDS_S, counts, strict=True)]
    return HistogramMetricFamily(name, said, [*buckets, ("+Inf", n)], sum_s)


def _sum(
    cells: Iterable[Cell], labels: Callable[[Cell], Labels], value: Callable[[Cell], float]
) -> dict[Labels, float]:
    sums: dict[Labels, float] = {}
    for cell in cells:
        key = labels(cell)
        sums[key] = sums.get(key, 0) + value(cell)
    return sums


def _one_of(value: str, known: Iterable[str]) -> str:
    return value if value in known else _OTHER


def _code(cell: Cell) -> Labels:
    return (_one_of(cell.code, DIAGNOSES),)


def _status(cell: Cell) -> str:
    return "failed" if cell.status == CallStatus.LOST else cell.status


def _outcome(cell: Cell) -> str:
    return "cached" if cell.cached else _status(cell)


def _priority(cell: Cell) -> str:
    if cell.lane == "batch":
        return "1"
    return "3" if cell.front_end == "batch" else "5"
