"""Sums over calls, by the minute, hour and day, and what finds the value of a rank."""

from alembic import op

revision = "0005"
down_revision = "0004"

_ANSWERED = "status = 'succeeded' AND NOT cached"
_STATEMENTS = (
    """CREATE TABLE call_kinds (
        id INTEGER NOT NULL PRIMARY KEY, model VARCHAR NOT NULL, task VARCHAR NOT NULL,
        lane VARCHAR NOT NULL, front_end VARCHAR NOT NULL, status VARCHAR NOT NULL,
        code VARCHAR NOT NULL, cached BOOLEAN NOT NULL, cost_basis VARCHAR NOT NULL,
        alike INTEGER)""",
    """CREATE UNIQUE INDEX call_kinds_once ON call_kinds
        (model, task, lane, front_end, status, code, cached, cost_basis)""",
    """CREATE TABLE call_sums (
        step_s INTEGER NOT NULL, at_s INTEGER NOT NULL, kind INTEGER NOT NULL,
        n INTEGER NOT NULL, attempts INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
        output_tokens INTEGER NOT NULL, cache_read_tokens INTEGER NOT NULL,
        estimated_tokens INTEGER NOT NULL, billed_tokens INTEGER NOT NULL,
        cost_nano_usd INTEGER NOT NULL, saved_nano_usd INTEGER NOT NULL,
        resizing_nano_usd INTEGER NOT NULL,
        PRIMARY KEY (step_s, at_s, kind)) WITHOUT ROWID""",
    """CREATE TABLE call_spreads (
        part VARCHAR NOT NULL, step_s INTEGER NOT NULL, at_s INTEGER NOT NULL,
        kind INTEGER NOT NULL, n INTEGER NOT NULL, sum_s FLOAT NOT NULL, min_s FLOAT NOT NULL,
        max_s FLOAT NOT NULL, bins BLOB NOT NULL,
        PRIMARY KEY (part, step_s, at_s, kind)) WITHOUT ROWID""",
    # What was ever spent, in a purse of its own: adding it up took a while at each reservation.
    "INSERT INTO purses SELECT '', NULL, coalesce(sum(counted_nano_usd), 0), 0 FROM calls",
    "DROP INDEX calls_counted",
    "CREATE TABLE rolled_up (last_call INTEGER NOT NULL)",
    "INSERT INTO rolled_up VALUES (0)",
    f"CREATE INDEX calls_by_latency_s ON calls (latency_s, at_s) WHERE {_ANSWERED}",
    f"""CREATE INDEX calls_by_first_token_s ON calls (first_token_s, at_s)
        WHERE {_ANSWERED} AND first_token_s IS NOT NULL""",
)


def upgrade() -> None:
    """Create the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
