"""Answers that are held for a person to look at."""

from alembic import op

revision = "0008"
down_revision = "0007"

_STATEMENTS: tuple[str, ...] = ()


def upgrade() -> None:
    """Add the columns."""
    for statement in _STATEMENTS:
        op.execute(statement)
