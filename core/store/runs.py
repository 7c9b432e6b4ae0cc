"""Runs of the Analyze page, one row for each picture."""

import time
from collections.abc import Iterable

from pydantic import TypeAdapter
from sqlalchemy import Column, Engine, Float, Integer, MetaData, String, Table, Text, delete, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import OperationalError

from core.errors import StorageError
from core.phrases import Phrase
from core.runs import RunItem

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
    """Runs in the database of the data directory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        _metadata.create_all(engine)

    def save(self, run_id: str, items: Iterable[RunItem]) -> None:
        """Write items in one transaction, replacing what was there.

        Raises:
            StorageError: If the disk does not take it.
        """
        rows = [
            {
                "run_id": run_id,
                "position": item.position,
                "changed_at": time.time(),
                "item": _codec.dump_json(item).decode(),
            }
            for item in items
        ]
        if not rows:
            return
        statement = insert(_items)
        statement = statement.on_conflict_do_update(
            index_elements=["run_id", "position"],
            set_={"item": statement.excluded.item, "changed_at": statement.excluded.changed_at},
        )
        try:
            with self._engine.begin() as connection:
                connection.execute(statement, rows)
        except OperationalError as error:
            raise StorageError(
                Phrase(
                    "The data directory does not take the results: {reason}.",
                    {"reason": str(error.orig)},
                )
            ) from error

    def load(self, run_id: str) -> list[RunItem]:
        """Return the items of one run in order."""
        query = select(_items.c.item).where(_items.c.run_id == run_id).order_by(_items.c.position)
        with self._engine.connect() as connection:
            return [_codec.validate_json(text) for text in connection.scalars(query)]

    def forget_before(self, moment: float) -> None:
        """Delete runs that nobody has touched since `moment` (seconds since 1970)."""
        with self._engine.begin() as connection:
            connection.execute(delete(_items).where(_items.c.changed_at < moment))

    def digests(self) -> tuple[set[str], set[str]]:
        """Return the digests that runs still refer to: of originals, and of sent pictures."""
        with self._engine.connect() as connection:
            items = [
                _codec.validate_json(text) for text in connection.scalars(select(_items.c.item))
            ]
        return {i.source.digest for i in items}, {i.sent.digest for i in items if i.sent}
