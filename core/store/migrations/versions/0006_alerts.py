"""Alerts that fired, and their thresholds."""

from alembic import op

revision = "0006"
down_revision = "0005"

_STATEMENTS = (
    """CREATE TABLE alerts (
        id INTEGER NOT NULL PRIMARY KEY, kind VARCHAR NOT NULL, subject VARCHAR NOT NULL,
        value FLOAT NOT NULL, threshold FLOAT NOT NULL, fired_at_s FLOAT NOT NULL,
        cleared_at_s FLOAT, cleared_value FLOAT)""",
    # Whichever process sees it first: an alert is active once.
    "CREATE UNIQUE INDEX alerts_active ON alerts (kind, subject) WHERE cleared_at_s IS NULL",
    """CREATE TABLE alert_rules (
        kind VARCHAR NOT NULL PRIMARY KEY, fires_at FLOAT NOT NULL, is_on BOOLEAN NOT NULL)""",
)


def upgrade() -> None:
    """Create the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
