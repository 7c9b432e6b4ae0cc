"""Batches with their items, their money and their counts."""

from alembic import op

revision = "0002"
down_revision = "0001"

_COUNT_NEW = """
    INSERT INTO tallies (batch, state, code, cached, items)
    VALUES (new.batch, new.state, coalesce(new.code, ''), new.cached, 1)
    ON CONFLICT (batch, state, code, cached) DO UPDATE SET items = items + 1;
"""
_COUNT_OLD = """
    UPDATE tallies SET items = items - 1
    WHERE batch = old.batch AND state = old.state AND code = coalesce(old.code, '')
      AND cached = old.cached;
"""
_STATEMENTS = (
    "ALTER TABLE calls ADD COLUMN batch VARCHAR",
    "ALTER TABLE calls ADD COLUMN item VARCHAR",
    "ALTER TABLE reservations ADD COLUMN batch VARCHAR",
    "ALTER TABLE reservations ADD COLUMN item VARCHAR",
    "CREATE INDEX calls_by_item ON calls (batch, item) WHERE batch IS NOT NULL",
    # What a batch may spend, has spent and holds for open calls: reserving looks at one row.
    """CREATE TABLE purses (
        id VARCHAR NOT NULL PRIMARY KEY, cap_nano_usd INTEGER,
        spent_nano_usd INTEGER NOT NULL, held_nano_usd INTEGER NOT NULL)""",
    """CREATE TABLE batches (
        id VARCHAR NOT NULL PRIMARY KEY, name VARCHAR NOT NULL, state VARCHAR NOT NULL,
        reason_code VARCHAR, reason TEXT, lane VARCHAR NOT NULL, question TEXT NOT NULL,
        seal VARCHAR NOT NULL, priority INTEGER NOT NULL, max_items INTEGER,
        is_intake_complete BOOLEAN NOT NULL, driver VARCHAR, rerun_of VARCHAR,
        created_at_s FLOAT NOT NULL, started_at_s FLOAT, finished_at_s FLOAT)""",
    "CREATE INDEX ix_batches_created_at_s ON batches (created_at_s)",
    """CREATE TABLE items (
        seq INTEGER NOT NULL PRIMARY KEY, id VARCHAR NOT NULL UNIQUE, batch VARCHAR NOT NULL,
        position INTEGER NOT NULL, name VARCHAR NOT NULL, label VARCHAR,
        digest VARCHAR NOT NULL, page INTEGER, size_bytes INTEGER NOT NULL,
        width_px INTEGER NOT NULL, height_px INTEGER NOT NULL, priority INTEGER NOT NULL,
        rank INTEGER NOT NULL, question TEXT, twin_key VARCHAR, twin_of INTEGER,
        seal VARCHAR NOT NULL, state VARCHAR NOT NULL, owner VARCHAR,
        deliveries INTEGER NOT NULL, code VARCHAR, cached BOOLEAN NOT NULL,
        cost_nano_usd INTEGER, outcome TEXT, outcome_seal VARCHAR, finished_at_s FLOAT)""",
    "CREATE UNIQUE INDEX items_in_order ON items (batch, position)",
    "CREATE INDEX items_by_state ON items (batch, state, position)",
    "CREATE INDEX items_finished ON items (batch, finished_at_s) WHERE finished_at_s IS NOT NULL",
    """CREATE INDEX items_to_claim ON items (batch, deliveries, rank)
       WHERE state = 'queued' AND twin_of IS NULL""",
    """CREATE INDEX items_first_of_twins ON items (batch, twin_key)
       WHERE twin_key IS NOT NULL AND twin_of IS NULL""",
    "CREATE INDEX items_twins ON items (twin_of) WHERE twin_of IS NOT NULL",
    """CREATE TABLE left_out (
        id INTEGER NOT NULL PRIMARY KEY, batch VARCHAR NOT NULL, name VARCHAR NOT NULL,
        why TEXT NOT NULL)""",
    "CREATE INDEX ix_left_out_batch ON left_out (batch)",
    # Counts by state, kept by the database itself: no way of changing an item can forget them.
    """CREATE TABLE tallies (
        batch VARCHAR NOT NULL, state VARCHAR NOT NULL, code VARCHAR NOT NULL,
        cached BOOLEAN NOT NULL, items INTEGER NOT NULL,
        PRIMARY KEY (batch, state, code, cached)) WITHOUT ROWID""",
    f"CREATE TRIGGER items_counted AFTER INSERT ON items BEGIN {_COUNT_NEW} END",
    f"CREATE TRIGGER items_uncounted AFTER DELETE ON items BEGIN {_COUNT_OLD} END",
    f"""CREATE TRIGGER items_recounted AFTER UPDATE OF state, code, cached ON items
        BEGIN {_COUNT_OLD} {_COUNT_NEW} END""",
)


def upgrade() -> None:
    """Create the tables and tell calls whose they are."""
    for statement in _STATEMENTS:
        op.execute(statement)
