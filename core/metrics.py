"""Metrics of any window, read from the ledger: what pages, reports, alerts and Prometheus show."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from math import ceil, floor
from typing import Any, Final

from sqlalchemy import Connection, Engine, Select, func, select

from core.errors import StorageError
from core.measures import (
    CallRow,
    Costs,
    ErrorHeat,
    Frame,
    Latency,
    Metrics,
    Point,
    Share,
    Tokens,
    Totals,
    fold_errors,
    fold_metrics,
    fold_point,
)
from core.store.bins import find_places
from core.store.calls import calls, reservations
from core.store.ledger import call_from_row
from core.store.owners import this_process
from core.store.rollups import Part, roll_up
from core.store.transactions import reading
from core.store.windows import (
    Cell,
    Filters,
    Known,
    Spread,
    Window,
    read_cells,
    read_coarse_cells,
    read_known,
    read_ranks,
    read_spreads,
)

__all__ = [
    "EVERY_CALL",
    "CallRow",
    "Costs",
    "ErrorHeat",
    "Filters",
    "Frame",
    "Known",
    "Latency",
    "Metrics",
    "MetricsReader",
    "Point",
    "Share",
    "Tokens",
    "Totals",
]

EVERY_CALL: Final = Filters()
_SHARES = (0.5, 0.95, 0.99)
_DAY_S = 86400
_WIDTHS_S = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600),
)


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
        self._owner = this_process()

    def measure(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        filters: Filters = EVERY_CALL,
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
        with self._reading() as connection:
            return self._metrics(connection, self._stretch(connection, since, until), filters)

    def series(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        points: int = 60,
        filters: Filters = EVERY_CALL,
    ) -> list[Point]:
        """Return at most about `points` steps, without gaps, whose sums are those of `measure`.

        Steps begin on round times, so that a plot does not tremble when it is drawn again.

        Raises:
            StorageError: If the ledger cannot be read.
        """
        with self._reading() as connection:
            stretch = self._stretch(connection, since, until)
            slots_s = stretch.slots_s(points)
            window = Window(*stretch.whole_days, filters, slots_s.step)
            return _points(connection, window, read_coarse_cells(connection, window), slots_s)

    def frame(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        points: int = 60,
        filters: Filters = EVERY_CALL,
    ) -> Frame:
        """Return what `measure` and `series` say, and what failed when: one state of the ledger.

        Raises:
            StorageError: If the ledger cannot be read.
        """
        with self._reading() as connection:
            stretch = self._stretch(connection, since, until)
            slots_s = stretch.slots_s(points)
            window = Window(*stretch.whole_days, filters, slots_s.step)
            cells = read_coarse_cells(connection, window)
            return Frame(
                self._metrics(connection, stretch, filters),
                tuple(_points(connection, window, cells, slots_s)),
                fold_errors(cells, slots_s),
            )

    def totals(self) -> Totals:
        """Return the sums over all time, for who counts on without end.

        Raises:
            StorageError: If the ledger cannot be read.
        """
        with self._reading() as connection:
            window = Window(*self._stretch(connection, None, None).whole_days, EVERY_CALL)
            total, first_token = (read_spreads(connection, window, part) for part in Part)
            return Totals(
                cells=tuple(read_cells(connection, window)),
                latency=total[0] if total else None,
                first_token=first_token[0] if first_token else None,
                in_flight=self._on_the_wire(connection),
            )

    def latest(
        self,
        limit: int,
        filters: Filters = EVERY_CALL,
        before_id: int | None = None,
    ) -> list[CallRow]:
        """Return the newest rows, or the newest before a row: the next page. Newest first.

        Raises:
            StorageError: If the ledger cannot be read.
        """
        query = select(calls).order_by(calls.c.id.desc()).limit(limit)
        for name, value in asdict(filters).items():
            if value is not None:
                query = query.where(calls.c[name] == value)
        if before_id is not None:
            query = query.where(calls.c.id < before_id)
        return self._rows(query)

    def attempts(self, request_id: str) -> list[CallRow]:
        """Return the rows of one request, oldest first; the last one is its outcome.

        Raises:
            StorageError: If the ledger cannot be read.
        """
        return self._rows(
            select(calls).where(calls.c.request_id == request_id).order_by(calls.c.id)
        )

    def known(self) -> Known:
        """Return what can be filtered by.

        Raises:
            StorageError: If the ledger cannot be read.
        """
        with self._reading() as connection:
            return read_known(connection)

    def last_id(self) -> int:
        """Return the number of the newest row, 0 without one: while it stays, nothing changed.

        Raises:
            StorageError: If the ledger cannot be read.
        """
        with reading(self._database) as connection:
            return connection.scalar(select(func.max(calls.c.id))) or 0

    def in_flight(self) -> int:
        """Return how many calls are on the wire now, of every process.

        Raises:
            StorageError: If the ledger cannot be read.
        """
        with reading(self._database) as connection:
            return self._on_the_wire(connection)

    def _metrics(self, connection: Connection, stretch: "_Stretch", filters: Filters) -> Metrics:
        window = Window(*stretch.whole_days, filters)
        return fold_metrics(
            read_cells(connection, window),
            max(stretch.end_s - stretch.since_s, 0.0),
            self._on_the_wire(connection),
            _latency(connection, window, Part.TOTAL),
            _latency(connection, window, Part.FIRST_TOKEN),
        )

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Bring the sums forward, if the disk takes that, and read one consistent state."""
        with suppress(StorageError):  # then more rows are read one by one
            roll_up(self._database)
        with reading(self._database) as connection:
            yield connection

    def _stretch(
        self, connection: Connection, since: datetime | None, until: datetime | None
    ) -> "_Stretch":
        # Apart, or SQLite reads all rows instead of the two ends of the index.
        first_s = connection.scalar(select(func.min(calls.c.at_s)))
        last_s = connection.scalar(select(func.max(calls.c.at_s)))
        now_s = self._clock()
        return _Stretch(
            since_s=since.timestamp() if since else now_s if first_s is None else first_s,
            end_s=until.timestamp() if until else max(now_s, last_s or 0.0),
            is_from_first=since is None,
            is_to_last=until is None,
        )

    def _rows(self, query: Select[Any]) -> list[CallRow]:
        with reading(self._database) as connection:
            return [
                CallRow(row["id"], call_from_row(row))
                for row in connection.execute(query).mappings()
            ]

    def _on_the_wire(self, connection: Connection) -> int:
        of_others = (reservations.c.owner != self._owner, reservations.c.lane != "batch")
        held = select(func.count()).select_from(reservations).where(*of_others)
        return self._in_flight() + (connection.scalar(held) or 0)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The time that is looked at, in seconds since 1970; open ends hold every row."""

    since_s: float
    end_s: float
    is_from_first: bool
    is_to_last: bool

    @property
    def whole_days(self) -> tuple[float, float]:
        """Return it with open ends moved to midnight: there is nothing, and no ragged edge."""
        return (
            self.since_s // _DAY_S * _DAY_S if self.is_from_first else self.since_s,
            (self.end_s // _DAY_S + 1) * _DAY_S if self.is_to_last else self.end_s,
        )

    def slots_s(self, most: int) -> range:
        """Return the beginnings of about `most` slots, on multiples of a usual length of time."""
        wanted_s = (self.end_s - self.since_s) / max(most, 1)
        days_s = ceil(wanted_s / _DAY_S) * _DAY_S
        width_s = next((width for width in _WIDTHS_S if width >= wanted_s), days_s)
        end_s = floor(self.end_s) + 1 if self.is_to_last else ceil(self.end_s)
        return range(floor(self.since_s) // width_s * width_s, end_s, width_s)


def _points(
    connection: Connection, window: Window, cells: Iterable[Cell], slots_s: range
) -> list[Point]:
    """Return the steps of a window; `cells` are its sums."""
    of_slot: dict[int, list[Cell]] = defaultdict(list)
    for cell in cells:
        of_slot[cell.slot_s].append(cell)
    spreads = {each.slot_s: each for each in read_spreads(connection, window, Part.TOTAL)}
    return [
        fold_point(slot_s, of_slot[slot_s], _middles_s(spreads.get(slot_s))) for slot_s in slots_s
    ]


def _latency(connection: Connection, window: Window, part: Part) -> Latency:
    """Return the spread of a window as one slot, with exact percentiles."""
    found = read_spreads(connection, window, part)
    if not found:
        return Latency()
    spread = found[0]
    places = [(spread.n - 1) * share for share in _SHARES]
    ranks = sorted({rank for at in places for rank in (floor(at), ceil(at))})
    values_s = dict(zip(ranks, read_ranks(connection, window, part, spread, ranks), strict=True))
    p50_s, p95_s, p99_s = (
        _between(values_s[floor(at)], values_s[ceil(at)], at - floor(at)) for at in places
    )
    mean_s = spread.sum_s / spread.n
    return Latency(spread.n, mean_s, spread.min_s, spread.max_s, p50_s, p95_s, p99_s)


def _between(low_s: float, high_s: float, share: float) -> float:
    """Return the value on the line between two, computed from the nearer one as numpy does."""
    step_s = high_s - low_s
    return low_s + step_s * share if share < 0.5 else high_s - step_s * (1 - share)


def _middles_s(spread: Spread | None) -> tuple[float | None, ...]:
    """Return the percentiles as the middles of the bins that they lie in."""
    if spread is None:
        return (None,) * len(_SHARES)
    ranks = [round((spread.n - 1) * share) for share in _SHARES]
    return tuple((place.low_s + place.high_s) / 2 for place in find_places(spread.bins, ranks))
