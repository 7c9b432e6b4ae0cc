"""What a person decides about single answers of a batch: to accept, to ask again, other words."""

from collections.abc import Awaitable, Callable

from sqlalchemy import Connection

from core.batch.types import BatchId
from core.client import VisionClient
from core.fixes import objective_prompt
from core.store import review
from core.store.batches import SqlBatchStore

Start = Callable[[BatchId], Awaitable[object]]


class Reviewing:
    """Its coroutines belong to the client's event loop; each may raise StorageError.

    Args:
        client: Keeps the answers that are served again.
        store: Where batches are.
        start: Lets a batch be worked on that has items to try.
    """

    def __init__(self, client: VisionClient, store: SqlBatchStore, start: Start) -> None:
        self._client = client
        self._store = store
        self._start = start

    async def accept(self, batch_id: BatchId, item_id: str | None = None) -> int:
        """Accept the held answer of one item, or all of the batch's; return how many there were."""

        def write(connection: Connection) -> set[str]:
            return review.accept_items(connection, _chosen(connection, batch_id, item_id))

        keys = await self._client.writer.run(write)
        for key in keys:
            await self._client.accept(key)
        return len(keys)

    async def ask_again(self, batch_id: BatchId, item_id: str | None = None) -> int:
        """Ask again where answers are held, past the cache; return how many there were.

        Raises:
            InputNotUsableError: If the batch was cancelled.
        """

        def write(connection: Connection) -> set[str]:
            return review.ask_again(connection, _chosen(connection, batch_id, item_id))

        keys = await self._client.writer.run(write)
        for key in keys:
            await self._client.forget(key)
        if keys:
            await self._start(batch_id)
        return len(keys)

    async def reword(self, batch_id: BatchId, code: str) -> int:
        """Ask what was refused with this code in more objective words; return how many there were.

        Raises:
            InputNotUsableError: If the batch was cancelled.
        """

        def write(connection: Connection) -> int:
            return review.reword(
                connection, batch_id, code, lambda prompt: objective_prompt(prompt, code)
            )

        count = await self._client.writer.run(write)
        if count:
            await self._start(batch_id)
        return count


def _chosen(connection: Connection, batch_id: BatchId, item_id: str | None) -> list[str]:
    held = review.held_items(connection, batch_id)
    return held if item_id is None else [each for each in held if each == item_id]
