"""From what intake found to items of a batch on disk, a few pictures in memory at a time."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial
from typing import Final

from core.batch.planner import accepted_item, refused_item
from core.batch.types import BatchId, LeftOut, NewBatch, NewItem
from core.blobs import BlobStore
from core.errors import ConfigurationError, ImageError
from core.i18n import Language
from core.images.decoder import Decoder
from core.images.intake import Accepted, IntakeItem, Kept, Refused, Skipped
from core.plan import TOKENIZED_AS, layer_tokens
from core.store.batches import SqlBatchStore
from core.store.writer import GroupWriter
from core.types import ImageSource

Found = AsyncIterator[IntakeItem] | Iterable[IntakeItem]
"""What intake yields."""

_READ_AHEAD: Final = 8
"""How many originals are in memory at once."""
_WRITE_TOGETHER: Final = 100


class TakingIn:
    """Looks at pictures, keeps their originals and writes them down in their order."""

    def __init__(
        self, writer: GroupWriter, store: SqlBatchStore, decoder: Decoder, originals: BlobStore
    ) -> None:
        self._writer = writer
        self._store = store
        self._decoder = decoder
        self._originals = originals

    async def fill(self, new: NewBatch, found: Found, language: Language) -> None:
        """Write every picture down as an item of the batch, and say that all are there.

        Raises:
            StorageError: If the disk does not take it.
        """
        coming: deque[asyncio.Task[NewItem]] = deque()
        ready: list[NewItem] = []
        position = 0
        try:
            async for each in _as_stream(found):
                if isinstance(each, Skipped):
                    await self._leave_out(new.id, each)
                    continue
                coming.append(asyncio.create_task(self._item(position, each, new, language)))
                position += 1
                if len(coming) >= _READ_AHEAD:
                    ready.append(await coming.popleft())
                if len(ready) >= _WRITE_TOGETHER:
                    ready = await self._write(new.id, ready)
            while coming:
                ready.append(await coming.popleft())
            await self._write(new.id, ready)
        finally:
            for task in coming:
                task.cancel()
            await asyncio.gather(*coming, return_exceptions=True)
        await self._writer.run(partial(self._store.complete_intake, batch_id=new.id))

    async def _leave_out(self, batch_id: BatchId, skipped: Skipped) -> None:
        what = LeftOut(skipped.name, skipped.why)
        await self._writer.run(partial(self._store.leave_out, batch_id=batch_id, what=what))

    async def _write(self, batch_id: BatchId, ready: Sequence[NewItem]) -> list[NewItem]:
        await self._writer.run(partial(self._store.add_items, batch_id=batch_id, new=ready))
        return []

    async def _item(
        self, position: int, found: Accepted | Refused, new: NewBatch, language: Language
    ) -> NewItem:
        if isinstance(found, Refused):
            return refused_item(position, found)
        try:
            kept = found.kept or await self._keep(found.source)
            return accepted_item(
                position,
                found.source,
                found.overrides,
                new.question,
                language,
                kept,
                new.priority,
            )
        except (ImageError, ConfigurationError) as error:
            return refused_item(position, Refused(found.source.name, error, found.overrides))

    async def _keep(self, source: ImageSource) -> Kept:
        info = await self._decoder.probe(source)
        await asyncio.to_thread(self._originals.put, source.data)
        layer = await asyncio.to_thread(layer_tokens, info.text_layer, TOKENIZED_AS)
        return Kept(info.width_px, info.height_px, len(source.data), layer)


async def _as_stream(found: Found) -> AsyncIterator[IntakeItem]:
    if isinstance(found, AsyncIterator):
        async for each in found:
            yield each
    else:
        for each in found:
            yield each
