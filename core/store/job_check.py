"""Do jobs, the items that they hold and the money for them agree? Part of `check_store`."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, text

from core.phrases import Phrase

_HELD_BY_NOBODY: Final = text("""
    SELECT items.batch, items.position FROM items
    LEFT JOIN jobs ON 'job/' || jobs.id = items.owner AND jobs.batch = items.batch
        AND jobs.step NOT IN ('overdue', 'settled', 'done')
    WHERE items.owner GLOB 'job/*' AND jobs.id IS NULL
""")
_WITHOUT_MONEY: Final = text("""
    SELECT items.batch, items.position FROM items
    JOIN jobs ON 'job/' || jobs.id = items.owner AND jobs.step NOT IN ('filling', 'settled', 'done')
    LEFT JOIN reservations ON reservations.id = jobs.id || '/' || items.id
    WHERE items.owner GLOB 'job/*' AND reservations.id IS NULL
""")
_MONEY_FOR_NOTHING: Final = text("""
    SELECT reservations.batch FROM reservations
    LEFT JOIN items ON items.id = reservations.item AND items.owner = reservations.owner
    LEFT JOIN jobs ON 'job/' || jobs.id = reservations.owner
    WHERE reservations.owner GLOB 'job/*' AND items.id IS NULL AND jobs.step IS NOT 'overdue'
""")


def check_jobs(connection: Connection) -> Iterator[Phrase]:
    """Yield where an item waits for a job that has ended, or money is held wrongly for one."""
    for batch, position in connection.execute(_HELD_BY_NOBODY):
        yield Phrase(
            "Batch {batch}: item {position} waits for a job that has ended.",
            {"batch": batch, "position": position},
        )
    for batch, position in connection.execute(_WITHOUT_MONEY):
        yield Phrase(
            "Batch {batch}: no money is set aside for item {position}, which a job holds.",
            {"batch": batch, "position": position},
        )
    for batch in connection.scalars(_MONEY_FOR_NOTHING):
        yield Phrase(
            "Batch {batch}: money is set aside for an item that no job holds.", {"batch": batch}
        )
