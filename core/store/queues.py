"""How much waits in the batches, over all of them."""

from collections.abc import Mapping

from sqlalchemy import Engine, func, select, text

from core.batch.types import PRIORITIES, ItemState
from core.store.batch_rows import tallies
from core.store.transactions import reading

_QUEUED = text(  # by the index that items are claimed by, which holds no other items
    "SELECT priority, count(*) FROM items INDEXED BY items_to_claim "
    "WHERE state = 'queued' AND twin_of IS NULL GROUP BY priority"
)


def items_by_state(database: Engine) -> Mapping[str, int]:
    """Return the items of all batches by state; states without items have 0.

    Raises:
        StorageError: If the database cannot be read.
    """
    query = select(tallies.c.state, func.sum(tallies.c["items"])).group_by(tallies.c.state)
    with reading(database) as connection:
        found = {row[0]: row[1] for row in connection.execute(query)}
    return {state.value: found.get(state.value, 0) for state in ItemState}


def queued_by_priority(database: Engine) -> Mapping[int, int]:
    """Return the items that wait, by priority; of those that ask the same, the first counts.

    Raises:
        StorageError: If the database cannot be read.
    """
    with reading(database) as connection:
        found = {row[0]: row[1] for row in connection.execute(_QUEUED)}
    return {priority: found.get(priority, 0) for priority in PRIORITIES}
