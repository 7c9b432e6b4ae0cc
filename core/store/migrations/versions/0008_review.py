"""Answers by their words, items by their code, and codes that were met and got past."""

from alembic import op

revision = "0008"
down_revision = "0007"

_STATEMENTS = (
    # Long answers of late: the same words for another picture are found by one look-up.
    """CREATE TABLE answers (
        digest VARCHAR NOT NULL, request_key VARCHAR NOT NULL, item VARCHAR NOT NULL,
        picture VARCHAR NOT NULL, batch VARCHAR, at_s FLOAT NOT NULL, state VARCHAR NOT NULL,
        PRIMARY KEY (digest, request_key, item)) WITHOUT ROWID""",
    "CREATE INDEX answers_by_key ON answers (request_key)",
    "CREATE INDEX answers_by_age ON answers (at_s)",
    "CREATE INDEX items_by_code ON items (batch, code, position) WHERE code IS NOT NULL",
    # What the rows of calls do not say: failures on the way to an answer.
    "CREATE TABLE overcome (code VARCHAR NOT NULL, at_s FLOAT NOT NULL)",
    "CREATE INDEX overcome_by_code ON overcome (code, at_s)",
    "CREATE INDEX calls_by_code ON calls (code, status, at_s) WHERE code IS NOT NULL",
)


def upgrade() -> None:
    """Create the tables and indexes."""
    for statement in _STATEMENTS:
        op.execute(statement)
