"""What the store of batches asks the database: made once, so that it is compiled once."""

from typing import Final

from sqlalchemy import ColumnElement, bindparam, insert, literal_column, or_, select, text, update

from core.batch.types import ItemState
from core.errors import IMAGE_CODES, ConfigurationError, InputNotUsableError
from core.store.batch_rows import OUTCOME_COLUMNS, items

_NEVER_ASKED: Final = {*IMAGE_CODES.values(), ConfigurationError.code, InputNotUsableError.code}
"""How items fail that no engine saw: they do not count against the limit on items."""

# One statement: whoever runs it second finds the items taken. What a dead process had comes last,
# so that an item that kills its process does not keep the others from being done.
CLAIM: Final = text("""
    UPDATE items SET state = 'running', owner = :owner, deliveries = deliveries + 1
    WHERE seq IN (
        SELECT seq FROM items
        WHERE batch = :batch AND lane = :lane AND state = 'queued' AND twin_of IS NULL
        ORDER BY deliveries, rank LIMIT :most)
    AND EXISTS (
        SELECT 1 FROM batches WHERE id = :batch AND state = 'running' AND driver = :driver)
    RETURNING *
""")
ASKED: Final = text("""
    SELECT coalesce(sum(items), 0) FROM tallies
    WHERE batch = :batch AND NOT cached AND state IN ('running', 'succeeded', 'failed')
      AND code NOT IN :refused
""").bindparams(bindparam("refused", sorted(_NEVER_ASKED), expanding=True))
OPEN: Final = text("""
    SELECT coalesce(sum(items), 0) FROM tallies
    WHERE batch = :batch AND state IN ('queued', 'running') AND items > 0
""")
# Written out: in RETURNING, SQLAlchemy leaves out which of the two `items` a column is of.
_HAS_TWINS: Final[ColumnElement[bool]] = literal_column(
    "EXISTS (SELECT 1 FROM items t WHERE t.twin_of = items.seq)"
)
FINISH: Final = (
    update(items)
    .where(items.c.id == bindparam("of"), items.c.state == bindparam("was"))
    .where(or_(bindparam("by").is_(None), items.c.owner == bindparam("by")))
    .values({name: bindparam(name) for name in OUTCOME_COLUMNS})
    .returning(items.c.seq, _HAS_TWINS.label("has_twins"))
)
TWINS: Final = select(items.c.id).where(
    items.c.twin_of == bindparam("first"), items.c.state == ItemState.QUEUED.value
)
RELEASE: Final = text("""
    UPDATE items SET owner = NULL, deliveries = deliveries - 1, state = (
        SELECT CASE batches.state WHEN 'cancelled' THEN 'cancelled' ELSE 'queued' END
        FROM batches WHERE batches.id = items.batch)
    WHERE id = :item AND state = 'running' AND owner = :owner
""")
REQUEUE: Final = text("""
    UPDATE items SET owner = NULL, state = (
        SELECT CASE batches.state WHEN 'cancelled' THEN 'cancelled' ELSE 'queued' END
        FROM batches WHERE batches.id = items.batch)
    WHERE batch = :batch AND state = 'running' AND owner IS :owner
""")
LET_GO: Final = text("""
    UPDATE batches SET driver = NULL
    WHERE id = :batch AND driver = :owner AND (state <> 'running' OR :anyway)
""")
INSERT_ITEM: Final = insert(items)
FIRST_TWIN: Final = select(items.c.seq).where(
    items.c.batch == bindparam("of"),
    items.c.twin_key == bindparam("key"),
    items.c.twin_of.is_(None),
)
