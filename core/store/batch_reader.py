"""Batches and their items as they stand on disk."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Engine, RowMapping, Select, func, select

from core.batch.types import (
    BatchId,
    BatchItem,
    BatchState,
    ItemState,
    LeftOut,
    WaitingPicture,
)
from core.export import Estimate
from core.runs import NO_ESTIMATE, Question
from core.store.batch_rows import (
    batches,
    item_from_row,
    items,
    left_out,
    phrase_codec,
    question_from_row,
    question_from_text,
)
from core.store.calls import calls, from_nano
from core.store.owners import is_dead
from core.store.transactions import reading

_PAGE: Final = 500
_PRICED: Final = ("question", "digest", "page", "width_px", "height_px", "layer_tokens")


class BatchReader:
    """Each method reads one consistent state; each may raise StorageError."""

    def __init__(self, database: Engine) -> None:
        self.database = database

    def unfinished(self) -> list[BatchId]:
        """Return the batches that are to be worked on, oldest first."""
        query = select(batches.c.id).where(batches.c.state == BatchState.RUNNING.value)
        with reading(self.database) as connection:
            return list(connection.scalars(query.order_by(batches.c.created_at_s)))

    def orphans(self) -> list[BatchId]:
        """Return the batches that are to be worked on and that no living process drives."""
        query = select(batches.c.id, batches.c.driver).order_by(batches.c.created_at_s)
        is_running = batches.c.state == BatchState.RUNNING.value
        with reading(self.database) as connection:
            rows = connection.execute(query.where(is_running)).all()
        return [row.id for row in rows if row.driver is None or is_dead(row.driver)]

    def question(self, batch_id: BatchId) -> Question:
        """Return what the batch asks.

        Raises:
            StorageError: If there is no such batch, or its row is damaged.
        """
        with reading(self.database) as connection:
            query = select(batches).where(batches.c.id == batch_id)
            row = connection.execute(query).mappings().one()
        return question_from_row(row)

    def page(
        self,
        batch_id: BatchId,
        state: ItemState | None = None,
        code: str | None = None,
        offset: int = 0,
        limit: int = _PAGE,
    ) -> list[BatchItem]:
        """Return items in intake order, those in one state or with one code where asked."""
        query = select(items).where(items.c.batch == batch_id)
        if state is None and code is None:  # positions have no gaps: no row is skipped to get there
            query, offset = query.where(items.c.position >= offset), 0
        if state is not None:
            query = query.where(items.c.state == state.value)
        if code is not None:
            query = query.where(items.c.code == code)
        return self._items(batch_id, query.order_by(items.c.position).offset(offset).limit(limit))

    def every(self, batch_id: BatchId) -> Iterator[BatchItem]:
        """Yield all items with their estimates in intake order, reading a page at a time."""
        after = -1
        while True:
            query = select(items).where(items.c.batch == batch_id, items.c.position > after)
            found = self._items(batch_id, query.order_by(items.c.position).limit(_PAGE))
            estimates = self._estimates(batch_id, [item.id for item in found])
            yield from (replace(i, estimate=estimates.get(i.id, NO_ESTIMATE)) for i in found)
            if len(found) < _PAGE:
                return
            after = found[-1].position

    def waiting(self, batch_id: BatchId) -> list[WaitingPicture]:
        """Return the pictures that are queued; their seals are looked at when they are claimed.

        Raises:
            StorageError: If there is no such batch, or what is to be asked is damaged.
        """
        usual, own = self.question(batch_id), dict[str, Question]()
        query = select(*map(items.c.__getitem__, _PRICED))
        is_queued = items.c.state == ItemState.QUEUED.value
        with reading(self.database) as connection:
            rows = connection.execute(query.where(items.c.batch == batch_id, is_queued)).all()
        for row in rows:
            if row.question and row.question not in own:
                own[row.question] = question_from_text(row.question)
        return [WaitingPicture(own.get(text, usual), *seen) for text, *seen in rows]

    def item(self, item_id: str) -> BatchItem | None:
        """Return one item."""
        query = select(items).where(items.c.id == item_id)
        with reading(self.database) as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else item_from_row(row, self.question(row["batch"]))

    def retriable(self, batch_id: BatchId) -> dict[str, int]:
        """Return how many failed items can be asked about again, by code.

        What never came in as a picture cannot.
        """
        failed = items.c.batch == batch_id, items.c.state == ItemState.FAILED.value
        query = select(items.c.code, func.count().label("tried")).where(
            *failed, items.c.digest != ""
        )
        with reading(self.database) as connection:
            rows = connection.execute(query.group_by(items.c.code)).all()
        return {row.code: row.tried for row in rows}

    def left_out(self, batch_id: BatchId, offset: int = 0, limit: int = _PAGE) -> list[LeftOut]:
        """Return what was found and is no item."""
        query = select(left_out).where(left_out.c.batch == batch_id).order_by(left_out.c.id)
        with reading(self.database) as connection:
            rows = connection.execute(query.offset(offset).limit(limit)).mappings().all()
        return [LeftOut(row["name"], phrase_codec.validate_json(row["why"])) for row in rows]

    def digests(self) -> set[str]:
        """Return the originals that batches refer to."""
        with reading(self.database) as connection:
            return set(connection.scalars(select(items.c.digest).distinct()))

    def _items(self, batch_id: BatchId, query: Select[Any]) -> list[BatchItem]:
        usual = self.question(batch_id)
        with reading(self.database) as connection:
            rows: Sequence[RowMapping] = connection.execute(query).mappings().all()
        return [item_from_row(row, usual) for row in rows]

    def _estimates(self, batch_id: BatchId, item_ids: Sequence[str]) -> dict[str, Estimate]:
        """Return what the ledger's newest row of each item expected, where it was asked about."""
        columns = (calls.c.item, calls.c.estimated_input_tokens, calls.c.estimated_nano_usd)
        asked = (calls.c.batch == batch_id, calls.c.item.in_(item_ids), ~calls.c.cached)
        with reading(self.database) as connection:
            rows = connection.execute(select(*columns).where(*asked).order_by(calls.c.id)).all()
        return {item: Estimate(None, tokens, from_nano(nano)) for item, tokens, nano in rows}
