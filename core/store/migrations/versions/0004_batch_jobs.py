"""Jobs of the vendor's Batch API, the lane of each item, and the length of its own text."""

from alembic import op

revision = "0004"
down_revision = "0003"

_STATEMENTS = (
    """CREATE TABLE jobs (
        seq INTEGER NOT NULL PRIMARY KEY, id VARCHAR NOT NULL UNIQUE, batch VARCHAR NOT NULL,
        model VARCHAR NOT NULL, origin VARCHAR NOT NULL, step VARCHAR NOT NULL, keeper VARCHAR,
        requests INTEGER NOT NULL, tokens INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
        completed INTEGER NOT NULL, failed INTEGER NOT NULL,
        input_file VARCHAR, vendor_id VARCHAR, vendor_state VARCHAR,
        output_file VARCHAR, error_file VARCHAR,
        created_at_s FLOAT NOT NULL, tried_at_s FLOAT, submitted_at_s FLOAT, expires_at_s FLOAT,
        cancel_asked_at_s FLOAT, ended_at_s FLOAT,
        saved_nano_usd INTEGER NOT NULL, limit_tokens INTEGER,
        reason_code VARCHAR, reason TEXT)""",
    "CREATE UNIQUE INDEX jobs_at_vendor ON jobs (origin, vendor_id) WHERE vendor_id IS NOT NULL",
    "CREATE INDEX jobs_by_batch ON jobs (batch, seq)",
    "CREATE INDEX jobs_open ON jobs (step) WHERE step <> 'done'",
    "ALTER TABLE items ADD COLUMN lane VARCHAR NOT NULL DEFAULT 'realtime'",
    "ALTER TABLE items ADD COLUMN sent TEXT",
    "ALTER TABLE items ADD COLUMN layer_tokens INTEGER NOT NULL DEFAULT 0",
    # What waits for the batch lane must not be walked through by claims of the realtime lane.
    "DROP INDEX items_to_claim",
    """CREATE INDEX items_to_claim ON items (batch, lane, deliveries, rank)
       WHERE state = 'queued' AND twin_of IS NULL""",
    "CREATE INDEX items_of_job ON items (owner) WHERE owner GLOB 'job/*'",
    "ALTER TABLE batches ADD COLUMN ready_by_s FLOAT",
    "UPDATE batches SET lane = 'realtime' WHERE lane = 'default'",
)


def upgrade() -> None:
    """Create the table, and let items say which lane they wait for."""
    for statement in _STATEMENTS:
        op.execute(statement)
