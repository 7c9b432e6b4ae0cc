"""Quality runs."""

from alembic import op

revision = "0007"
down_revision = "0006"

_STATEMENTS: tuple[str, ...] = (
    """CREATE TABLE quality_runs (
        id VARCHAR NOT NULL PRIMARY KEY, suite VARCHAR NOT NULL, model VARCHAR NOT NULL,
        started_at_s FLOAT NOT NULL, passed INTEGER NOT NULL, failed INTEGER NOT NULL,
        cost_nano_usd INTEGER, run TEXT NOT NULL)""",
    "CREATE INDEX ix_quality_runs_started_at_s ON quality_runs (started_at_s)",
)


def upgrade() -> None:
    """Create the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
