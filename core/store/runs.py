"""Runs of the Analyze page, one row for each picture."""

import time
from collections.abc import Iterable

from pydantic import TypeAdapter
from sqlalchemy import Column, Engine, Float, Integer, MetaData, String, Table, Text, delete, select
from sqlalchemy.dialects.sqlite import insert

from core.runs import RunItem
from core.store.database import reading, writing

_metadata = MetaData()
_items = Table(
    "run_items",
    _metadata,
    Column("run_id", String, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("changed_at", Float, nullable=False, index=True),
    Column("item", Text, nullable=False),
)
_codec = TypeAdapter(RunItem)


class SqlRunStore:
    """Runs in the database of the data directory; every method may raise StorageError."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        with writing(database) as connection:
            _metadata.create_all(connection)

    def save(self, run_id: str, items: Iterable[RunItem]) -> None:
        """Write items in one transaction, replacing what was there under the same position."""
        rows = [
            {
                "run_id": run_id,
                "position": item.position,
                "changed_at": time.time(),
                "item": _codec.dump_json(item).decode(),
            }
            for item in items
        ]
        new = insert(_items)
        changes = {"item": new.excluded.item, "changed_at": new.excluded.changed_at}
        upsert = new.on_conflict_do_update(index_elements=["run_id", "position"], set_=changes)
        if rows:
            with writing(self._database) as connection:
                connection.execute(upsert, rows)

    def load(self, run_id: str) -> list[RunItem]:
        """Return the items of one run in order; an unknown run has none."""
        query = select(_items.c.item).where(_items.c.run_id == run_id).order_by(_items.c.position)
        with reading(self._database) as connection:
            return [_codec.validate_json(text) for text in connection.scalars(query)]

    def about(self, digest: str) -> list[RunItem]:
        """Return the items about an original picture, the last one first."""
        query = select(_items.c.item).where(_items.c.item.contains(digest, autoescape=True))
        with reading(self._database) as connection:
            rows = connection.scalars(query.order_by(_items.c.changed_at.desc()))
            found = [_codec.validate_json(text) for text in rows]
        return [item for item in found if item.source.digest == digest]

    def forget_before(self, moment_s: float) -> None:
        """Delete items that nobody has touched since `moment_s`, in seconds since 1970."""
        with writing(self._database) as connection:
            connection.execute(delete(_items).where(_items.c.changed_at < moment_s))

    def all_items(self) -> list[RunItem]:
        """Return every item that is kept."""
        with reading(self._database) as connection:
            rows = connection.scalars(select(_items.c.item))
            return [_codec.validate_json(text) for text in rows]
