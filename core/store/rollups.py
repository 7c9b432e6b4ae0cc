"""Sums over the ledger by minutes, hours and days: long windows cost little more than short ones.

Who reads brings them forward; who writes calls knows nothing of them. A row of the ledger is in the
sums when its id is at most `rolled_up.last_call`, so late rows and clocks that jump change nothing.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, Engine, text

from core.phrases import Phrase
from core.store.transactions import reading, writing

STEPS_S: Final = (60, 3600, 21600, 86400)
"""The lengths of the buckets, in seconds; each a multiple of the one before."""

ANSWERED: Final = "status = 'succeeded' AND NOT cached"
"""The calls that brought an answer."""


class Part(StrEnum):
    """A column whose spread is kept."""

    TOTAL = "latency_s"
    FIRST_TOKEN = "first_token_s"  # noqa: S105 - no secret


PARTS: Final = {
    Part.TOTAL: f"{ANSWERED} AND lane <> 'batch'",
    Part.FIRST_TOKEN: f"{ANSWERED} AND first_token_s IS NOT NULL",
}
"""The calls that have it: nobody waits for the lines of a job, and nobody times them."""

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
_LARGEST: Final = {"most_tokens": "input_tokens + output_tokens"}

KIND: Final = {name: "coalesce(code, '')" if name == "code" else name for name in _KIND}
"""The columns of `call_kinds`, and each from a row of the ledger."""

ALIKE: Final = ("model", "status", "code", "cached")
"""What kinds have in common whose `alike` is one: the id of the first of them."""

FOLDS: Final = dict.fromkeys(_SUMS, "sum") | dict.fromkeys(_LARGEST, "max")
"""The columns of `call_sums` after its key, and how several rows of it become one."""

SUMS: Final = {
    name: f"coalesce({FOLDS[name]}({sql}), 0)" for name, sql in (_SUMS | _LARGEST).items()
}
"""The same columns, and each from rows of the ledger."""

ANY_KIND: Final = 0
"""The spread over all kinds, in place of a kind."""

_ROWS_AT_ONCE = 5000
_STATE = text("SELECT last_call, (SELECT max(id) FROM calls) FROM rolled_up")
_NEW = "id > :after AND id <= :last"
_BUCKET = "step.column1, CAST(at_s AS INTEGER) / step.column1 * step.column1"
_CALLS = f"calls CROSS JOIN (VALUES {', '.join(f'({step})' for step in STEPS_S)}) AS step"
_KIND_OF_CALL = f"""(
    SELECT id FROM call_kinds WHERE code = coalesce(calls.code, '')
    AND {" AND ".join(f"{name} = calls.{name}" for name in KIND if name != "code")})
"""
_ADD_KINDS = f"""
    INSERT OR IGNORE INTO call_kinds ({", ".join(KIND)})
    SELECT DISTINCT {", ".join(KIND.values())} FROM calls WHERE {_NEW}
"""
_JOIN_ALIKE = f"""
    UPDATE call_kinds SET alike = (SELECT min(id) FROM call_kinds AS other
        WHERE {" AND ".join(f"other.{name} = call_kinds.{name}" for name in ALIKE)})
    WHERE alike IS NULL
"""
_ADD_SUMS = f"""
    INSERT INTO call_sums (step_s, at_s, kind, {", ".join(SUMS)})
    SELECT {_BUCKET}, {_KIND_OF_CALL}, {", ".join(SUMS.values())}
    FROM {_CALLS} WHERE {_NEW} GROUP BY 1, 2, 3
    ON CONFLICT DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMS)},
        {", ".join(f"{name} = max({name}, excluded.{name})" for name in _LARGEST)}
"""


def _add_spreads(part: Part, kind: str) -> str:
    return f"""
        INSERT INTO call_spreads (part, step_s, at_s, kind, n, sum_s, min_s, max_s, bins)
        SELECT '{part}', {_BUCKET}, {kind}, count(*), sum({part}), min({part}), max({part}),
            count_bins({part})
        FROM {_CALLS} WHERE {_NEW} AND {PARTS[part]} GROUP BY 2, 3, 4
        ON CONFLICT DO UPDATE SET n = n + excluded.n, sum_s = sum_s + excluded.sum_s,
            min_s = min(min_s, excluded.min_s), max_s = max(max_s, excluded.max_s),
            bins = add_bins(bins, excluded.bins)
    """


_ROLL = (
    text(_ADD_KINDS),
    text(_JOIN_ALIKE),
    text(_ADD_SUMS),
    *(text(_add_spreads(part, kind)) for part in PARTS for kind in (_KIND_OF_CALL, str(ANY_KIND))),
)
_KEPT_SUMS = text(
    f"SELECT {', '.join(f'coalesce({fold}({name}), 0)' for name, fold in FOLDS.items())} "
    "FROM call_sums WHERE step_s = :step_s"
)
_KEPT_ANSWERS = text(  # all kinds one by one, and together
    f"SELECT sum(n) FROM call_spreads WHERE part = '{Part.TOTAL}' AND step_s = :step_s "
    f"GROUP BY kind = {ANY_KIND}"
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
    done = {"done": last_rolled_up(connection)}
    of_calls = text(f"SELECT {', '.join(SUMS.values())} FROM calls WHERE id <= :done")
    real = connection.execute(of_calls, done).one()
    answers = text(f"SELECT count(*) FROM calls WHERE id <= :done AND {PARTS[Part.TOTAL]}")
    real_answers = connection.scalar(answers, done)
    for step in STEPS_S:
        kept = connection.execute(_KEPT_SUMS, {"step_s": step}).one()
        kept_answers = set(connection.scalars(_KEPT_ANSWERS, {"step_s": step})) or {0}
        if real != kept or kept_answers != {real_answers}:
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
