"""What can be seen of batches: numbers, items, jobs, files; from any thread."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from core.batch.export import export_items
from core.batch.types import (
    BatchId,
    BatchItem,
    BatchProgress,
    BatchState,
    ExportFormat,
    ItemState,
    JobStatus,
    LeftOut,
    LimitUse,
)
from core.client import VisionClient
from core.errors import InputNotUsableError
from core.phrases import Phrase
from core.runs import Question
from core.store.batch_jobs import SqlJobStore
from core.store.batch_progress import BatchFigures
from core.store.batches import SqlBatchStore


class BatchesSeen:
    """Reads only; every method may raise StorageError.

    Args:
        client: Knows how much of the endpoint's limits is used, and what troubles the disk.
        store: Where batches are.
    """

    def __init__(self, client: VisionClient, store: SqlBatchStore) -> None:
        self._client = client
        self._store = store
        self._figures = BatchFigures(store.database)
        self._jobs = SqlJobStore(store.database)

    def jobs(self, batch_id: BatchId) -> list[JobStatus]:
        """Return the jobs of a batch at the vendor, oldest first.

        Raises:
            InputNotUsableError: If there is no such batch.
        """
        self._known(batch_id)
        return self._jobs.statuses(batch_id)

    def progress(self, batch_id: BatchId) -> BatchProgress | None:
        """Return a batch in numbers, or None if there is none; cheap at any size."""
        progress = self._figures.progress(batch_id)
        if progress is None or progress.state is not BatchState.RUNNING:
            return progress
        use = self._client.pace(self._store.question(batch_id).model)
        trouble = self._client.writer.trouble
        return replace(
            progress,
            reason_code=trouble.code if trouble else None,
            reason=trouble.detail if trouble else None,
            requests_use=LimitUse(use.requests, use.requests_per_minute),
            tokens_use=LimitUse(use.tokens, use.tokens_per_minute),
        )

    def list_batches(self, limit: int = 100, offset: int = 0) -> list[BatchProgress]:
        """Return batches, newest first."""
        return self._figures.newest(limit, offset)

    def orphans(self) -> list[BatchId]:
        """Return the running batches that no living process works on, oldest first."""
        return self._store.orphans()

    def question(self, batch_id: BatchId) -> Question:
        """Return what the batch asks about its pictures."""
        return self._store.question(batch_id)

    def items(
        self,
        batch_id: BatchId,
        state: ItemState | None = None,
        code: str | None = None,
        offset: int = 0,
        limit: int = 100,
    ) -> list[BatchItem]:
        """Return items in intake order, those in one state or with one code where asked."""
        return self._store.page(batch_id, state, code, offset, limit)

    def item(self, item_id: str) -> BatchItem | None:
        """Return one item with its outcome."""
        return self._store.item(item_id)

    def retriable(self, batch_id: BatchId) -> dict[str, int]:
        """Return how many failed items can be tried again, by code: those that have a picture."""
        return self._store.retriable(batch_id)

    def left_out(self, batch_id: BatchId, offset: int = 0, limit: int = 100) -> list[LeftOut]:
        """Return what was found on the way in and is no item, and why."""
        return self._store.left_out(batch_id, offset, limit)

    def export(
        self, batch_id: BatchId, kind: ExportFormat, *, include_held: bool = False
    ) -> Iterator[bytes]:
        """Yield a file with every item that has come to its end, piece by piece.

        The words of held answers are left out unless `include_held`.

        Raises:
            InputNotUsableError: If there is no such batch.
        """
        self._known(batch_id)
        every = partial(self._store.every, batch_id)
        return export_items(every, kind, include_held=include_held)

    def digests(self) -> set[str]:
        """Return the originals that batches refer to."""
        return self._store.digests()

    def _known(self, batch_id: BatchId) -> BatchProgress:
        progress = self._figures.progress(batch_id)
        if progress is None:
            raise InputNotUsableError(Phrase("There is no batch {id}.", {"id": batch_id}))
        return progress
