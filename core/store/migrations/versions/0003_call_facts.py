"""What a call was for, in full, and a seal on its row."""

from alembic import op

revision = "0003"
down_revision = "0002"

_STATEMENTS = (
    *(
        f"ALTER TABLE {table} ADD COLUMN {column}"
        for table in ("calls", "reservations")
        for column in (
            "lane VARCHAR NOT NULL DEFAULT 'realtime'",
            "request_id VARCHAR",
            "source_digest VARCHAR",
        )
    ),
    "ALTER TABLE calls ADD COLUMN saved_by_resizing_nano_usd INTEGER",
    "ALTER TABLE calls ADD COLUMN seal VARCHAR",  # rows from before this step have none
    "CREATE INDEX calls_by_request ON calls (request_id) WHERE request_id IS NOT NULL",
)


def upgrade() -> None:
    """Add the columns."""
    for statement in _STATEMENTS:
        op.execute(statement)
