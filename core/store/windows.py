"""Sums and spreads of any window: whole buckets from the rollups, ragged edges from the ledger."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from math import ceil, floor
from typing import Any, Final

from sqlalchemy import Connection, text

from core.store.bins import count_up_to, find_places
from core.store.rollups import (
    ALIKE,
    ANY_KIND,
    FOLDS,
    KIND,
    PARTS,
    STEPS_S,
    SUMS,
    Part,
    last_rolled_up,
)

WHOLE: Final = 10**12
"""A width that puts everything into one slot."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which calls are looked at; None takes all."""

    model: str | None = None
    task: str | None = None
    lane: str | None = None
    front_end: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """Every value that the ledger has of what can be filtered by, sorted."""

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    lanes: tuple[str, ...]
    front_ends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """From `since_s` on and before `until_s`, in seconds since 1970, cut into slots.

    A slot begins where the time is a multiple of `width_s`.
    """

    since_s: float
    until_s: float
    filters: Filters
    width_s: int = WHOLE


@dataclass(frozen=True, slots=True)
class Cell:
    """Sums over the calls of one kind in one slot; `code` is empty where there is none.

    `most_tokens` is no sum: the input and output of the largest call.
    """

    slot_s: int
    model: str
    task: str
    lane: str
    front_end: str
    status: str
    code: str
    cached: bool
    cost_basis: str
    n: int
    attempts: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    estimated_tokens: int
    billed_tokens: int
    cost_nano_usd: int
    saved_nano_usd: int
    resizing_nano_usd: int
    most_tokens: int


@dataclass(frozen=True, slots=True)
class Spread:
    """How far the seconds of `n` > 0 answers in one slot lie apart; `bins` counts them finely."""

    slot_s: int
    n: int
    sum_s: float
    min_s: float
    max_s: float
    bins: bytes

    def up_to(self, bounds_s: Sequence[float]) -> list[int]:
        """Return how many answers took at most each bound, which must be the end of a bin."""
        return count_up_to(self.bins, bounds_s)

    def add(self, other: "Spread") -> "Spread":
        """Return the spread of both."""
        return Spread(
            self.slot_s,
            self.n + other.n,
            self.sum_s + other.sum_s,
            min(self.min_s, other.min_s),
            max(self.max_s, other.max_s),
            self.bins + other.bins,
        )


def read_cells(connection: Connection, window: Window) -> list[Cell]:
    """Return all sums of a window, perhaps in several cells of one kind and slot."""
    return _read_cells(connection, window, "id", KIND, SUMS)


def read_coarse_cells(connection: Connection, window: Window) -> list[Cell]:
    """Return what plots show: n, tokens and cost, by model, status, code and cached.

    The other columns of a cell are empty or 0.
    """
    return _read_cells(connection, window, "alike", ALIKE, _PLOTTED)


def _read_cells(
    connection: Connection, window: Window, group: str, kind: Collection[str], sums: Collection[str]
) -> list[Cell]:
    only = _only(window.filters)
    columns = [
        *(name if name in kind else "''" for name in KIND),
        *(name if name in sums else "0" for name in SUMS),
    ]
    of_calls = [
        *(sql if name in kind else "''" for name, sql in KIND.items()),
        *(sql if name in sums else "0" for name, sql in SUMS.items()),
    ]
    # Grouped by one number: SQLite sorts by several columns at a third of the speed.
    query = f"""
        SELECT slot_and_kind / {_KINDS} * :width_s, {", ".join(columns)} FROM (
            SELECT at_s / :width_s * {_KINDS} + {group} AS slot_and_kind,
                {", ".join(f"{FOLDS[name]}({name}) AS {name}" for name in sums)}
            FROM pieces CROSS JOIN call_sums ON {_IN_PIECE} CROSS JOIN call_kinds ON id = kind
            WHERE {only} GROUP BY 1
        ) JOIN call_kinds ON id = slot_and_kind % {_KINDS}
        UNION ALL
        SELECT {_SLOT}, {", ".join(of_calls)} FROM raw WHERE {only}
        GROUP BY {_SLOT}, {", ".join(KIND[name] for name in kind)}
    """
    return [Cell(*row) for row in _execute(connection, window, query)]


def read_known(connection: Connection) -> Known:
    """Return what the calls can be filtered by."""
    query = "SELECT {0} FROM call_kinds UNION SELECT {0} FROM calls WHERE id > :done ORDER BY 1"
    done = {"done": last_rolled_up(connection)}
    return Known(
        *(
            tuple(connection.scalars(text(query.format(each.name)), done))
            for each in fields(Filters)
        )
    )


def read_spreads(connection: Connection, window: Window, part: Part) -> list[Spread]:
    """Return the spread of each slot that has an answer."""
    only = _only(window.filters)
    any_kind = window.filters == Filters()
    kinds = f"= {ANY_KIND}" if any_kind else f"IN (SELECT id FROM call_kinds WHERE {only})"
    query = f"""
        SELECT {_SLOT}, sum(n), sum(sum_s), min(min_s), max(max_s), join_bins(bins)
        FROM pieces CROSS JOIN call_spreads ON part = :part AND {_IN_PIECE}
        WHERE kind {kinds} GROUP BY 1
        UNION ALL
        SELECT {_SLOT}, count(*), sum({part}), min({part}), max({part}), count_bins({part})
        FROM raw WHERE {PARTS[part]} AND {only} GROUP BY 1
    """
    found: dict[int, Spread] = {}
    for row in _execute(connection, window, query, part=part.value):
        spread = Spread(*row)
        earlier = found.get(spread.slot_s)
        found[spread.slot_s] = earlier.add(spread) if earlier else spread
    return list(found.values())


def read_ranks(
    connection: Connection, window: Window, part: Part, spread: Spread, ranks: Sequence[int]
) -> list[float]:
    """Return the exact seconds of some ranks, counted from 0, in a window that is one slot."""
    query = text(f"""
        SELECT {part} FROM calls INDEXED BY calls_by_{part}
        WHERE {PARTS[part]} AND {part} > :low_s AND {part} <= :high_s
          AND at_s >= :since_s AND at_s < :until_s AND {_only(window.filters)}
        ORDER BY {part} LIMIT 1 OFFSET :before
    """)
    usual = asdict(window.filters) | {"since_s": window.since_s, "until_s": window.until_s}
    places = find_places(spread.bins, ranks)
    return [connection.scalar(query, usual | asdict(place)) for place in places]


_PLOTTED = ("n", "input_tokens", "output_tokens", "cost_nano_usd")
_KINDS = 10**6  # more than there will be
_SLOT = "CAST(at_s AS INTEGER) / :width_s * :width_s"
_IN_PIECE = "step_s = piece_step_s AND at_s >= from_s AND at_s < to_s"
_RAW_COLUMNS = """
    at_s, model, task, lane, front_end, status, code, cached, cost_basis, attempts, input_tokens,
    output_tokens, cache_read_tokens, estimated_input_tokens, cost_nano_usd, saved_nano_usd,
    saved_by_resizing_nano_usd, latency_s, first_token_s
"""


def _execute(connection: Connection, window: Window, query: str, **values: str) -> Sequence[Any]:
    """Run a query on `pieces` of the rollups and `raw` rows of the ledger."""
    pieces = list(_cover(window.since_s, window.until_s, _steps(window.width_s)))
    ragged = [(a, b) for step, a, b in pieces if step is None] or [(0, 0)]
    whole = [piece for piece in pieces if piece[0] is not None] or [(0, 0, 0)]
    # As in `_only`, a plus keeps SQLite from a worse index.
    tables = f"""
        WITH pieces(piece_step_s, from_s, to_s) AS (VALUES {_values(window, whole)}),
        ragged(from_s, to_s) AS (VALUES {_values(window, ragged)}),
        raw AS (
            SELECT {_RAW_COLUMNS} FROM ragged CROSS JOIN calls ON at_s >= from_s AND at_s < to_s
            WHERE +calls.id <= :rolled_up
            UNION ALL
            SELECT {_RAW_COLUMNS} FROM calls
            WHERE id > :rolled_up AND +at_s >= :since_s AND +at_s < :until_s
        )
    """
    given = asdict(window.filters) | {
        "width_s": window.width_s,
        "since_s": window.since_s,
        "until_s": window.until_s,
        "rolled_up": last_rolled_up(connection),
    }
    return connection.execute(text(tables + query), given | values).all()


def _values(window: Window, rows: Sequence[Sequence[float | None]]) -> str:
    # The two numbers that may have a fraction are bound: SQLite does not read all of them exactly.
    bound: dict[float | None, str] = {window.since_s: ":since_s", window.until_s: ":until_s"}
    return ", ".join(f"({', '.join(bound.get(end, str(end)) for end in row)})" for row in rows)


def _only(filters: Filters) -> str:
    chosen = [name for name, value in asdict(filters).items() if value is not None]
    # A plus keeps SQLite from using an index of that column, which would read far more rows.
    return " AND ".join(f"+{name} = :{name}" for name in chosen) or "true"


def _steps(width_s: int) -> tuple[int, ...]:
    """Return the buckets that never lie across the border of two slots, the longest first."""
    return tuple(step for step in reversed(STEPS_S) if width_s % step == 0 or width_s == WHOLE)


def _cover(
    since_s: float, until_s: float, steps: tuple[int, ...]
) -> Iterator[tuple[int | None, float, float]]:
    """Cut a stretch of time into whole buckets, the longest that fit, and ragged edges (None)."""
    if not steps:
        if since_s < until_s:
            yield None, since_s, until_s
        return
    step = steps[0]
    # Whole seconds first: a division of what lies just before a border may round up to it.
    first, last = -(-ceil(since_s) // step) * step, floor(until_s) // step * step
    if first >= last:
        yield from _cover(since_s, until_s, steps[1:])
        return
    yield from _cover(since_s, first, steps[1:])
    yield step, first, last
    yield from _cover(last, until_s, steps[1:])
