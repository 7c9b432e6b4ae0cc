"""The ledger of calls, money held for open ones, and runs of the Analyze page.

A database from before there were versions has these tables already.
"""

from alembic import op

revision = "0001"
down_revision = None

_PLANNED = """
    front_end VARCHAR NOT NULL, task VARCHAR NOT NULL, model VARCHAR NOT NULL,
    engine VARCHAR NOT NULL, detail VARCHAR NOT NULL, request_key VARCHAR NOT NULL,
    estimated_input_tokens INTEGER, estimated_output_tokens INTEGER, estimated_nano_usd INTEGER
"""
_STATEMENTS = (
    f"""CREATE TABLE IF NOT EXISTS calls (
        id INTEGER NOT NULL PRIMARY KEY, at_s FLOAT NOT NULL, {_PLANNED},
        status VARCHAR NOT NULL, code VARCHAR, cached BOOLEAN NOT NULL,
        input_tokens INTEGER, output_tokens INTEGER, cache_read_tokens INTEGER,
        cache_write_tokens INTEGER, reasoning_tokens INTEGER,
        cost_nano_usd INTEGER, cost_basis VARCHAR NOT NULL, counted_nano_usd INTEGER NOT NULL,
        saved_nano_usd INTEGER, latency_s FLOAT NOT NULL, first_token_s FLOAT,
        attempts INTEGER NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS ix_calls_at_s ON calls (at_s)",
    "CREATE INDEX IF NOT EXISTS calls_counted ON calls (counted_nano_usd)",
    "CREATE INDEX IF NOT EXISTS calls_by_model ON calls (model, id)",
    f"""CREATE TABLE IF NOT EXISTS reservations (
        id VARCHAR NOT NULL PRIMARY KEY, at_s FLOAT NOT NULL, owner VARCHAR NOT NULL,
        amount_nano_usd INTEGER NOT NULL, {_PLANNED})""",
    """CREATE TABLE IF NOT EXISTS run_items (
        run_id VARCHAR NOT NULL, position INTEGER NOT NULL, changed_at FLOAT NOT NULL,
        item TEXT NOT NULL, PRIMARY KEY (run_id, position))""",
    "CREATE INDEX IF NOT EXISTS ix_run_items_changed_at ON run_items (changed_at)",
)


def upgrade() -> None:
    """Create the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
