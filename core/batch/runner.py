"""The realtime lane: works on the batches of this process until there is nothing left to do.

Items are claimed a few ahead of what the wire takes, so that pictures are decoded while calls are
out, and memory stays the same however many there are. Everything about one item is the client's:
cache, budget, pace, repeats, validation, ledger.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Final

from sqlalchemy import Connection

from core.answer import failure_without_call
from core.backoff import PATIENT
from core.batch.keeping import finish_item, stays_queued
from core.batch.types import BatchId, BatchItem, BatchProgress, BatchState
from core.client import VisionClient
from core.errors import (
    BudgetError,
    ConnectionFailedError,
    NameResolutionError,
    ProxyFailedError,
    RateLimitError,
    StorageError,
    TimeoutExceededError,
    UnavailableError,
    VisionError,
)
from core.pacing import Urgency
from core.phrases import Phrase
from core.store.batches import SqlBatchStore
from core.store.calls import CallRecord
from core.terms import Terms, Wire
from core.types import Failure, Outcome, Success

_log = logging.getLogger(__name__)

_PATIENCE_S: Final = 3600.0
"""How long one item is tried, servers' own waits included."""
_CLOSING_S: Final = 10.0
_LOOK_AGAIN_S: Final = 1.0
"""How soon a decision of another process is noticed when nothing else happens."""
_AHEAD: Final = range(4, 65)
_OUTAGE_ITEMS: Final = 10
_REFUSALS_ALONE: Final = 3
"""How often one item is refused its money, with nothing else under way, before the batch pauses."""

_OUTAGE: Final = frozenset(
    error.code
    for error in (
        TimeoutExceededError,
        ConnectionFailedError,
        NameResolutionError,
        ProxyFailedError,
        RateLimitError,
        UnavailableError,
    )
)


@dataclass
class _Drive:
    """A batch that this process works on.

    `passed` is its place in the fair order: the batch that has got least goes next. A budget that
    is nearly used up narrows `most_at_once`, so that what is held for calls comes back first;
    `is_broke` says that only another batch's calls can bring it back. `is_dry` says that there is
    nothing to claim.
    """

    batch_id: BatchId
    weight: int
    budget_usd: Decimal | None
    passed: float
    tasks: "dict[asyncio.Task[None], Wire]" = field(default_factory=dict)
    most_at_once: int | None = None
    refused_alone: int = 0
    failed_in_a_row: int = 0
    is_dry: bool = False
    is_broke: bool = False

    def begin_afresh(self, budget_usd: Decimal | None) -> None:
        """Forget what was learnt about money and failures."""
        self.budget_usd, self.most_at_once, self.is_broke = budget_usd, None, False
        self.refused_alone = self.failed_in_a_row = 0

    def takes(self, more: int) -> bool:
        """Say whether one more item may be claimed besides `more` that will be."""
        if self.is_dry or self.is_broke:
            return False
        return self.most_at_once is None or len(self.tasks) + more < self.most_at_once

    def put_back(self) -> None:
        """Let go of every item that is not on the wire."""
        for task, wire in self.tasks.items():
            if not wire.is_out:
                task.cancel()


class Runner:
    """Its coroutines belong to the client's event loop.

    Args:
        client: Answers.
        store: Where batches are.
        max_concurrent: How many calls the client lets out at once.
    """

    def __init__(self, client: VisionClient, store: SqlBatchStore, max_concurrent: int) -> None:
        self._client = client
        self._store = store
        ahead = min(max(max_concurrent, _AHEAD.start), _AHEAD.stop - 1)
        self._window = max_concurrent + ahead
        self._least_claim = max(1, self._window // 8)
        self._outage_items = max(_OUTAGE_ITEMS, max_concurrent)
        self._drives: dict[BatchId, _Drive] = {}
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._is_closing = False
        self._must_heed = False
        self._heeded_at_s = 0.0

    async def drive(self, progress: BatchProgress) -> bool:
        """Work on a batch from now on; False if another living process does."""
        if self._is_closing:
            return False
        if progress.id not in self._drives:
            if not await self._client.writer.run(
                partial(self._store.take_up, batch_id=progress.id)
            ):
                return False
            start = min((drive.passed for drive in self._drives.values()), default=0.0)
            self._drives[progress.id] = _Drive(
                progress.id, progress.priority, progress.budget_usd, start
            )
        self._drives[progress.id].begin_afresh(progress.budget_usd)
        self.look()
        if self._loop is None:
            self._loop = asyncio.create_task(self._work_on_all())
        return True

    def limit(self, batch_id: BatchId, budget_usd: Decimal | None) -> None:
        """Keep to a new budget, and look what may be done under new limits."""
        if drive := self._drives.get(batch_id):
            drive.begin_afresh(budget_usd)
        self.look()

    def weigh(self, batch_id: BatchId, weight: int) -> None:
        """Give a batch more or less of the room from now on."""
        if drive := self._drives.get(batch_id):
            drive.weight = weight
        self.look()

    def look(self) -> None:
        """Notice at once what was decided."""
        for drive in self._drives.values():
            drive.is_dry = drive.is_broke = False
        self._must_heed = True
        self._wake.set()

    async def idle(self) -> None:
        """Wait until nothing is left to do."""
        if self._loop is not None:
            await asyncio.wait({self._loop})

    async def close(self, within_s: float = _CLOSING_S) -> None:
        """Put back what is not on the wire, and let what is come back for a while."""
        self._is_closing = True
        self._wake.set()
        await self.idle()  # from here on nothing begins
        for drive in self._drives.values():
            drive.put_back()
        if tasks := {task for drive in self._drives.values() for task in drive.tasks}:
            _, late = await asyncio.wait(tasks, timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for batch_id in list(self._drives):
            await self._let_go(batch_id, anyway=True)

    # The loop

    async def _work_on_all(self) -> None:
        try:
            while not self._is_closing and self._drives:
                self._wake.clear()
                try:
                    await self._heed()
                    await self._fill()
                    await self._retire()
                except StorageError:  # a full disk: nothing new begins until it takes writes again
                    _log.exception("batch_claims_failed")
                    await asyncio.sleep(_LOOK_AGAIN_S)
                    continue
                if self._drives:
                    await self._sleep()
        finally:
            self._loop = None

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_AGAIN_S):
                await self._wake.wait()
        except TimeoutError:
            self.look()

    async def _heed(self) -> None:
        """Put back what is not on the wire of batches that somebody stopped, perhaps elsewhere."""
        now_s = asyncio.get_running_loop().time()
        if not self._must_heed and now_s < self._heeded_at_s + _LOOK_AGAIN_S:
            return
        self._must_heed, self._heeded_at_s = False, now_s
        running = await asyncio.to_thread(self._store.unfinished)
        for drive in self._drives.values():
            if drive.batch_id not in running:
                drive.put_back()

    async def _fill(self) -> None:
        """Claim items for the free room, in turn for each batch according to its weight."""
        free = self._window - self._active
        if self._active and free < self._least_claim:
            return
        for batch_id, most in self._shares(free).items():
            drive = self._drives[batch_id]
            claimed = await self._client.writer.run(
                partial(self._store.claim, batch_id=batch_id, most=most)
            )
            drive.is_dry = len(claimed) < most
            if self._is_closing:
                put_back = partial(self._store.release, item_ids=[item.id for item in claimed])
                await self._client.writer.run(put_back)
                return
            for item in claimed:
                self._begin(drive, item)
            if drive.is_dry:
                for wire in drive.tasks.values():
                    wire.is_last = True

    def _shares(self, free: int) -> dict[BatchId, int]:
        shares: dict[BatchId, int] = {}
        for _ in range(free):
            ready = [d for d in self._drives.values() if d.takes(shares.get(d.batch_id, 0))]
            if not ready:
                break
            drive = min(ready, key=lambda each: each.passed)
            drive.passed += 1 / drive.weight
            shares[drive.batch_id] = shares.get(drive.batch_id, 0) + 1
        return shares

    async def _retire(self) -> None:
        """Let go of batches that have ended or that somebody stopped."""
        for drive in list(self._drives.values()):
            if drive.tasks or not drive.is_dry:
                continue
            state = await self._client.writer.run(
                partial(self._store.settle, batch_id=drive.batch_id)
            )
            if state is not BatchState.RUNNING:
                await self._let_go(drive.batch_id, anyway=False)

    async def _let_go(self, batch_id: BatchId, *, anyway: bool) -> None:
        let_go = partial(self._store.let_go, batch_id=batch_id, anyway=anyway)
        if await self._client.writer.run(let_go):  # else it was resumed in this very moment
            self._drives.pop(batch_id, None)

    @property
    def _active(self) -> int:
        return sum(len(drive.tasks) for drive in self._drives.values())

    # One item

    def _begin(self, drive: _Drive, item: BatchItem) -> None:
        wire = Wire()
        task = asyncio.create_task(self._work(drive, item, wire))
        drive.tasks[task] = wire
        task.add_done_callback(partial(self._end_task, drive))

    def _end_task(self, drive: _Drive, task: "asyncio.Task[None]") -> None:
        del drive.tasks[task]
        for other in self._drives.values():
            other.is_broke = other.is_broke and other is drive  # money may have come back
        self._wake.set()

    async def _work(self, drive: _Drive, item: BatchItem, wire: Wire) -> None:
        """Take one item to its outcome, or put it back if somebody ends the work."""
        try:
            outcome = await self._outcome(drive, item, wire)
        except asyncio.CancelledError:
            await self._client.writer.run(partial(self._store.release, item_ids=[item.id]))
            raise
        await self._judge(drive, outcome)

    async def _outcome(self, drive: _Drive, item: BatchItem, wire: Wire) -> Outcome:
        if item.outcome is not None:  # its row is damaged
            return await self._end(item, item.outcome)
        terms = Terms(
            front_end="batch",
            urgency=Urgency.BATCH,
            policy=PATIENT,
            deadline_s=_PATIENCE_S,
            batch=item.batch_id,
            item=item.id,
            budget_usd=drive.budget_usd,
            keep=partial(self._keep, item.id),
            wire=wire,
        )
        try:
            request = item.question.about(item.source)
            return await self._client.analyze(request, terms=terms)
        except VisionError as error:
            return await self._end(item, failure_without_call(error))
        except Exception:  # noqa: BLE001 - a bug must not leave the item looking busy for ever
            _log.exception("batch_item_crashed", extra={"batch": item.batch_id, "item": item.id})
            fault = VisionError(Phrase("This is a fault in Tessera. It was logged."))
            return await self._end(item, failure_without_call(fault))

    async def _end(self, item: BatchItem, outcome: Outcome) -> Outcome:
        """Write down an outcome that no call brought."""
        await self._client.writer.run(partial(self._keep, item.id, outcome=outcome, record=None))
        return outcome

    def _keep(
        self, item_id: str, connection: Connection, outcome: Outcome, record: CallRecord | None
    ) -> None:
        """Write an outcome down, also for the items that ask the same; in the ledger's transaction.

        An item that met what every other one would meet stays in the queue.
        """
        if stays_queued(outcome):
            self._store.release(connection, [item_id])
        else:
            finish_item(self._store, self._client.ledger, connection, item_id, outcome, record)

    async def _judge(self, drive: _Drive, outcome: Outcome) -> None:
        """Learn from an outcome what it means for the rest of the batch."""
        if isinstance(outcome, Success):
            drive.failed_in_a_row = drive.refused_alone = 0
        elif outcome.code == BudgetError.code:
            await self._narrow(drive, outcome)
        elif outcome.code == StorageError.code:
            pass  # put back when the disk took writes again, so it can go on
        elif stays_queued(outcome):
            await self._pause(drive, outcome)
        elif outcome.code in _OUTAGE:
            drive.failed_in_a_row += 1
            if drive.failed_in_a_row >= self._outage_items:
                await self._pause(drive, outcome)

    async def _narrow(self, drive: _Drive, refusal: Failure) -> None:
        """Wait for what open calls hold to come back; pause when it does not."""
        is_alone, others = len(drive.tasks) == 1, self._active > len(drive.tasks)
        drive.refused_alone += is_alone and not others
        if not refusal.retryable or drive.refused_alone >= _REFUSALS_ALONE:
            await self._pause(drive, refusal)
        drive.most_at_once = max(1, len(drive.tasks) - 1)
        drive.is_broke = is_alone and others

    async def _pause(self, drive: _Drive, why: Failure) -> None:
        await self._client.writer.run(
            partial(self._store.pause, batch_id=drive.batch_id, code=why.code, reason=why.detail)
        )
        self.look()
