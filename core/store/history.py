"""How often each code was met, and how often Tessera got past it by itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, text

from core.store.transactions import reading

_ADD = text("INSERT INTO overcome (code, at_s) VALUES (:code, :now)")
_HISTORY = text("""
    SELECT code, sum(times) AS times, sum(fixed) AS fixed, min(first_s), max(last_s) FROM (
        SELECT code, count(*) AS times, 0 AS fixed, min(at_s) AS first_s, max(at_s) AS last_s
        FROM calls WHERE code IS NOT NULL AND status <> 'retried' GROUP BY code
        UNION ALL
        SELECT code, count(*), count(*), min(at_s), max(at_s) FROM overcome GROUP BY code)
    GROUP BY code ORDER BY code
""")


@dataclass(frozen=True, slots=True)
class CodeHistory:
    """In how many requests a code was met, and in how many of them an answer came all the same."""

    code: str
    times: int
    fixed: int
    first_at: datetime
    last_at: datetime


def add_overcome(connection: Connection, codes: Iterable[str], now_s: float) -> None:
    """Note the codes that a request met on the way to its answer.

    Args:
        connection: The transaction that records the answer.
        codes: Each counts once for a request.
        now_s: Seconds since 1970.
    """
    for code in sorted(set(codes)):
        connection.execute(_ADD, {"code": code, "now": now_s})


def code_history(database: Engine) -> list[CodeHistory]:
    """Return every code that was met, from the ledger and from what was got past.

    Raises:
        StorageError: If the database cannot be read.
    """
    with reading(database) as connection:
        return [
            CodeHistory(code, times, fixed, _moment(first_s), _moment(last_s))
            for code, times, fixed, first_s, last_s in connection.execute(_HISTORY)
        ]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
