"""Sums over the ledger by the minute, hour and day, so that long windows cost no more than short.

Who reads brings them forward; who writes calls knows nothing of them. A row of the ledger is in the
sums when its id is at most `rolled_up.last_call`, so late rows and clocks that jump change nothing.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, Engine, text

from core.phrases import Phrase
from core.store.transactions import reading, writing

STEPS_S: Final = (60, 3600, 86400)
"""The lengths of the buckets, in seconds; each a multiple of the one before."""

ANSWERED: Final = "status = 'succeeded' AND NOT cached"
"""The calls that brought an answer: their latency is that of an answer."""


class Part(StrEnum):
    """A column whose spread is kept."""

    TOTAL = "latency_s"
    FIRST_TOKEN = "first_token_s"  # noqa: S105 - no secret


PARTS: Final = {
    Part.TOTAL: ANSWERED,
    Part.FIRST_TOKEN: f"{ANSWERED} AND first_token_s IS NOT NULL",
}
"""The calls that have it."""

_KIND = ("model", "task", "lane", "front_end", "status", "code", "cached", "cost_basis")
# Answers whose input was both estimated and billed.
_COMPARED = f"{ANSWERED} AND input_tokens >= 0 AND estimated_input_tokens > 0"
_SUMS: Final = {
    "n": "1",
    "attempts": "attempts",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_tokens",
    "estimated_tokens": f"CASE WHEN {_COMPARED} THEN estimated_input_tokens END",
    "billed_tokens": f"CASE WHEN {_COMPARED} THEN input_tokens END",
    "cost_nano_usd": "cost_nano_usd",
    "saved_nano_usd": "saved_nano_usd",
    "resizing_nano_usd": "saved_by_resizing_nano_usd",
}

KIND: Final = ", ".join(_KIND)
"""The columns of a kind of call."""

CALL_KIND: Final = KIND.replace("code", "coalesce(code, '') AS code")
"""Those columns, from rows of the ledger."""

SUM_NAMES: Final = tuple(_SUMS)
"""The columns of `call_sums` after its key."""

CALL_SUMS: Final = ", ".join(f"coalesce(sum({sql}), 0) AS {name}" for name, sql in _SUMS.items())
"""Those columns, from rows of the ledger."""

_NTH = ", ".join(str(at + 1) for at in range(len(_KIND)))
_ROWS_AT_ONCE = 5000
_STATE = text("SELECT last_call, (SELECT max(id) FROM calls) FROM rolled_up")
_NEW = "id > :after AND id <= :last"
_CALL_KIND = ", ".join(f"calls.{name}" for name in _KIND if name != "code")
_KEY = f"""
    step.column1, CAST(at_s AS INTEGER) / step.column1 * step.column1,
    (SELECT id FROM call_kinds WHERE code = coalesce(calls.code, '')
      AND ({KIND.replace(" code,", "")}) = ({_CALL_KIND}))
"""
_CALLS = f"calls CROSS JOIN (VALUES {', '.join(f'({step})' for step in STEPS_S)}) AS step"
_ADD_KINDS = f"INSERT OR IGNORE INTO call_kinds ({KIND}) SELECT DISTINCT {CALL_KIND} FROM calls"
_ADD_SUMS = f"""
    INSERT INTO call_sums (step_s, at_s, kind, {", ".join(SUM_NAMES)})
    SELECT {_KEY}, {CALL_SUMS} FROM {_CALLS} WHERE {_NEW} GROUP BY 1, 2, 3
    ON CONFLICT DO UPDATE SET {", ".join(f"{n} = {n} + excluded.{n}" for n in SUM_NAMES)}
"""
_ADD_SPREADS = """
    INSERT INTO call_spreads (part, step_s, at_s, kind, n, sum_s, min_s, max_s, bins)
    SELECT '{part}', {key}, count(*), sum({part}), min({part}), max({part}), count_bins({part})
    FROM {calls} WHERE {new} AND {which} GROUP BY 2, 3, 4
    ON CONFLICT DO UPDATE SET n = n + excluded.n, sum_s = sum_s + excluded.sum_s,
        min_s = min(min_s, excluded.min_s), max_s = max(max_s, excluded.max_s),
        bins = add_bins(bins, excluded.bins)
"""
_ROLL = (
    text(f"{_ADD_KINDS} WHERE {_NEW}"),
    text(_ADD_SUMS),
    *(
        text(_ADD_SPREADS.format(part=part, key=_KEY, calls=_CALLS, new=_NEW, which=which))
        for part, which in PARTS.items()
    ),
)
_MARK = text("UPDATE rolled_up SET last_call = :last")


def roll_up(database: Engine, lag_rows: int = 1000) -> None:
    """Bring the sums forward if they are `lag_rows` behind; other writers get their turn meanwhile.

    Raises:
        StorageError: If the disk does not take it; what was brought forward stays.
    """
    while _lag(database) >= lag_rows:
        with writing(database) as connection:
            after, newest = _state(connection)
            rows = {"after": after, "last": min(newest, after + _ROWS_AT_ONCE)}
            for statement in _ROLL:
                connection.execute(statement, rows)
            connection.execute(_MARK, {"last": rows["last"]})


def rebuild(database: Engine) -> None:
    """Make all sums anew from the ledger.

    Raises:
        StorageError: If the disk does not take it; the sums then miss rows, and no row is counted
            twice.
    """
    with writing(database) as connection:
        for table in ("call_spreads", "call_sums", "call_kinds"):
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(_MARK, {"last": 0})
    roll_up(database, 1)


def last_rolled_up(connection: Connection) -> int:
    """Return the id of the last row of the ledger that is in the sums."""
    return _state(connection)[0]


def check_rollups(connection: Connection) -> Iterator[Phrase]:
    """Compare the sums of each step with the ledger."""
    done = last_rolled_up(connection)
    query = text(f"SELECT {CALL_KIND}, {CALL_SUMS} FROM calls WHERE id <= :done GROUP BY {_NTH}")
    real = sorted(map(tuple, connection.execute(query, {"done": done})))
    names = ", ".join(f"sum({name})" for name in SUM_NAMES)
    kept_of = text(
        f"SELECT {KIND}, {names} FROM call_sums JOIN call_kinds ON id = kind "
        "WHERE step_s = :step GROUP BY kind"
    )
    for step in STEPS_S:
        if sorted(map(tuple, connection.execute(kept_of, {"step": step}))) != real:
            yield Phrase(
                "The sums over {seconds} s do not agree with the ledger. Run: "
                "python -m core metrics --rebuild",
                {"seconds": step},
            )


def _lag(database: Engine) -> int:
    with reading(database) as connection:
        done, newest = _state(connection)
    return newest - done


def _state(connection: Connection) -> tuple[int, int]:
    done, newest = connection.execute(_STATE).one()
    return done, newest or 0
