"""Quality runs."""

from alembic import op

revision = "0007"
down_revision = "0006"

_STATEMENTS: tuple[str, ...] = ()


def upgrade() -> None:
    """Create the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
