"""Everything that can be done to batches, from a page, the command line or the API."""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Final

from sqlalchemy import Connection

from core.batch.batch_api import Operator
from core.batch.driving import Rhythm
from core.batch.lane_quotes import quote_lanes
from core.batch.lanes import realtime_per_minute
from core.batch.looking import BatchesSeen
from core.batch.planner import item_again
from core.batch.quoting import add_selections
from core.batch.reviewing import Reviewing
from core.batch.runner import Runner
from core.batch.taking_in import Found, TakingIn
from core.batch.types import (
    PRIORITIES,
    USUAL_PRIORITY,
    BatchId,
    BatchProgress,
    BatchState,
    JobLane,
    LaneQuotes,
    NewBatch,
    WaitingPicture,
)
from core.blobs import BlobStore
from core.client import VisionClient
from core.errors import InputNotUsableError, VisionError
from core.i18n import SOURCE_LANGUAGE, Language
from core.images.decoder import Decoder
from core.phrases import Phrase
from core.quote import SelectionQuote
from core.runs import Question, StoredSource
from core.store.batches import SqlBatchStore
from core.survey import SurveyedPicture, survey

_USUAL_LATENCY_S: Final = 10.0
"""Of a call about one picture; the lane AUTO has to count on something before the first."""
_USUAL_INPUT_TOKENS: Final = 1500


class Batches(BatchesSeen):
    """Batches of a data directory.

    What is `async` belongs to the client's event loop; the rest may be called from any thread.
    """

    def __init__(
        self,
        client: VisionClient,
        store: SqlBatchStore,
        decoder: Decoder,
        originals: BlobStore,
        max_concurrent: int,
        rhythm: Rhythm | None = None,
    ) -> None:
        super().__init__(client, store)
        self._taking_in = TakingIn(client.writer, store, decoder, originals)
        self._runner = Runner(client, store, max_concurrent)
        self._max_concurrent = max_concurrent
        directory = originals.root.parent / "jobs"
        self._operator = Operator(client, store, directory, self._runner.look, rhythm)
        self.review = Reviewing(client, store, self.start)

    async def create(
        self,
        name: str,
        items: Found,
        question: Question,
        *,
        budget_usd: Decimal | None = None,
        max_items: int | None = None,
        priority: int = USUAL_PRIORITY,
        lane: JobLane = JobLane.REALTIME,
        ready_by: datetime | None = None,
        language: Language = SOURCE_LANGUAGE,
    ) -> BatchId:
        """Take pictures in and return the batch, which waits for `start`.

        Originals go to the blob store one by one. What cannot be used becomes an item that failed;
        what was left out is remembered with the reason.

        Args:
            name: For people.
            items: From `Intake`; closed by whoever made it.
            question: About every picture, unless a manifest says otherwise.
            budget_usd: The most that the batch may cost; None for no limit of its own.
            max_items: The most items that may be asked; None for all.
            priority: 1 (can wait) to 5 (urgent).
            lane: How it is served.
            ready_by: When every answer should be there, for the lane AUTO; None for no hurry.
            language: Of the prompts that a manifest's tasks bring.

        Raises:
            InputNotUsableError: If a limit makes no sense, or the time to be ready by has passed.
            StorageError: If the disk does not take it; the batch is cancelled then.
        """
        _check(budget_usd, max_items, priority)
        if self._has_passed(ready_by):
            raise InputNotUsableError(Phrase("The time to be ready by has passed."))
        new = NewBatch(
            secrets.token_hex(16),
            name,
            question,
            lane,
            budget_usd,
            max_items,
            priority,
            ready_by=ready_by,
        )
        await self._add(new)
        try:
            filling = self._taking_in.fill(new, items, language)
            await asyncio.gather(filling, self._warm_up())
        except BaseException:
            await self._client.writer.run(partial(self._store.cancel, batch_id=new.id))
            raise
        return new.id

    async def _warm_up(self) -> None:
        """Have the engine ready at the start; what is wrong with it, the first call will say."""
        with suppress(VisionError):
            await self._client.engine.open()

    async def quote(self, batch_id: BatchId) -> SelectionQuote:
        """Return what the items that are queued will cost, the answered and identical ones free.

        Raises:
            InputNotUsableError: If there is no such batch.
        """
        self._known(batch_id)
        return await asyncio.to_thread(self._quote_now, batch_id)

    async def start(self, batch_id: BatchId) -> bool:
        """Begin or go on; False if another living process works on it already.

        Raises:
            InputNotUsableError: If there is no such batch, or it cannot be started.
        """
        progress = self._known(batch_id)
        if progress.state is BatchState.CANCELLED:
            raise InputNotUsableError(Phrase("This batch was cancelled, so it cannot be started."))
        if not progress.is_intake_complete:
            raise InputNotUsableError(Phrase("The pictures of this batch are still coming in."))
        if progress.lane is JobLane.BATCH and (refusal := await self.batch_lane_refusal()):
            raise InputNotUsableError(refusal)
        await self._client.writer.run(partial(self._store.begin, batch_id=batch_id))
        return await self._drive(progress)

    async def pause(self, batch_id: BatchId, reason: Phrase | None = None) -> None:
        """Begin no more items; those under way come to their end.

        `reason` is for whoever finds the batch paused.
        """
        self._known(batch_id)
        pause = partial(self._store.pause, batch_id=batch_id, reason=reason)
        await self._client.writer.run(pause)
        self._runner.look()
        self._operator.wake(batch_id)

    async def resume(self, batch_id: BatchId) -> bool:
        """Go on; False if another living process does."""
        return await self.start(batch_id)

    async def cancel(self, batch_id: BatchId) -> None:
        """End it; results are kept, what is under way comes to its end."""
        progress = self._known(batch_id)
        if not progress.state.is_final:
            await self._client.writer.run(partial(self._store.cancel, batch_id=batch_id))
            self._runner.look()
            await self._see_to_jobs(batch_id)

    async def set_limits(
        self, batch_id: BatchId, *, budget_usd: Decimal | None, max_items: int | None
    ) -> None:
        """Replace both limits of a batch, raised or lowered; None for no limit.

        What runs keeps to them from its next call on. A batch that is paused stays so: `resume` it.

        Raises:
            InputNotUsableError: If there is no such batch, a limit makes no sense, or the budget is
                less than what is spent or set aside for open calls.
        """
        self._known(batch_id)
        _check_limits(budget_usd, max_items)

        limit = partial(
            self._store.limit, batch_id=batch_id, budget_usd=budget_usd, max_items=max_items
        )
        await self._client.writer.run(limit)
        self._runner.limit(batch_id, budget_usd)

    async def retry(self, batch_id: BatchId, code: str | None = None) -> int:
        """Try failed items again, all or those with one code; return how many there are.

        Raises:
            InputNotUsableError: If there is no such batch, or it was cancelled.
        """
        progress = self._known(batch_id)
        if progress.state is BatchState.CANCELLED:
            raise InputNotUsableError(
                Phrase("A cancelled batch is not tried again. Run a new one.")
            )
        count = await self._client.writer.run(
            partial(self._store.try_again, batch_id=batch_id, code=code)
        )
        if count:
            await self.start(batch_id)
        return count

    async def rerun(
        self, batch_id: BatchId, model: str, budget_usd: Decimal | None = None
    ) -> BatchId:
        """Ask the same about the same pictures with another model: a new batch, not started.

        Raises:
            InputNotUsableError: If there is no such batch, or the budget makes no sense.
        """
        old = self._known(batch_id)
        _check(budget_usd, old.max_items, old.priority)
        question = replace(await asyncio.to_thread(self._store.question, batch_id), model=model)
        new = NewBatch(
            secrets.token_hex(16),
            f"{old.name} · {model}",
            question,
            old.lane,
            budget_usd,
            old.max_items,
            old.priority,
            rerun_of=batch_id,
            ready_by=None if self._has_passed(old.ready_by) else old.ready_by,
        )
        await self._add(new)
        await self._client.writer.run(
            lambda connection: self._store.add_items(
                connection,
                new.id,
                (item_again(item, question) for item in self._store.every(batch_id)),
            )
        )
        await self._client.writer.run(partial(self._store.complete_intake, batch_id=new.id))
        return new.id

    async def resume_unfinished(self) -> list[BatchId]:
        """Go on with every batch that was running when its process ended; return which.

        Call it once when the process starts, before anybody looks.
        """
        await self._client.writer.run(self._store.abandon_intakes)
        unfinished = await asyncio.to_thread(self._store.unfinished)
        driven = [each for each in unfinished if await self._drive(self._known(each))]
        for each in await asyncio.to_thread(self._jobs.batches_to_see_to):
            await self._see_to_jobs(each)
        return driven

    async def wait(self) -> None:
        """Wait until this process has nothing left to do."""
        await self._operator.idle()
        await self._runner.idle()
        await self._operator.idle()

    async def close(self) -> None:
        """Take nothing new, and within ten seconds leave every item finished or queued."""
        await self._operator.close()
        await self._runner.close()

    async def set_priority(self, batch_id: BatchId, priority: int) -> None:
        """Make a batch more or less urgent; on the lane AUTO, raising it moves what waits.

        What is not submitted yet goes to the realtime lane then.

        Raises:
            InputNotUsableError: If there is no such batch or priority.
        """
        known = self._known(batch_id)
        _check_priority(priority)
        change = partial(self._jobs.set_priority, batch_id=batch_id, priority=priority)
        await self._client.writer.run(change)
        self._runner.weigh(batch_id, priority)
        if known.lane is JobLane.AUTO and priority > known.priority:
            await self._operator.hurry(batch_id)

    async def fetch_now(self, batch_id: BatchId) -> None:
        """Look at every job of a batch at once instead of at the next usual moment.

        Raises:
            InputNotUsableError: If there is no such batch.
        """
        self._known(batch_id)
        await self._see_to_jobs(batch_id)

    async def batch_lane_refusal(self) -> Phrase | None:
        """Return why the endpoint's batch lane cannot be used, or None if it can."""
        return await self._operator.refusal()

    async def lane_quotes(self, batch_id: BatchId, ready_by: datetime | None = None) -> LaneQuotes:
        """Return what the items that are queued will cost on each lane, and by when.

        Raises:
            InputNotUsableError: If there is no such batch.
        """
        quote, refusal = await self.quote(batch_id), await self.batch_lane_refusal()
        typical = partial(self._jobs.typical_s, self._client.engine.origin)
        return quote_lanes(
            quote,
            refusal,
            self._operator.clock(),
            ready_by.timestamp() if ready_by else None,
            await self._per_minute(batch_id),
            await asyncio.to_thread(typical),
        )

    # Steps

    async def _drive(self, progress: BatchProgress) -> bool:
        """Work on a batch in this process; False if another living one does."""
        is_ours = await self._runner.drive(progress)
        if is_ours and progress.lane is not JobLane.REALTIME:
            await self._see_to_jobs(progress.id)
        return is_ours

    async def _see_to_jobs(self, batch_id: BatchId) -> None:
        """Look at the jobs of a batch, unless another living process does."""
        progress = self._known(batch_id)
        if progress.lane is not JobLane.REALTIME:
            per_minute = await self._per_minute(batch_id)
            self._operator.drive(batch_id, progress.budget_usd, per_minute)

    async def _per_minute(self, batch_id: BatchId) -> float:
        """Return how many items of a batch the realtime lane answers in a minute."""
        question = await asyncio.to_thread(self._store.question, batch_id)
        use = self._client.pace(question.model)
        return realtime_per_minute(
            self._max_concurrent,
            _USUAL_LATENCY_S,
            use.requests_per_minute,
            use.tokens_per_minute,
            _USUAL_INPUT_TOKENS + question.sampling.max_output_tokens,
        )

    def _has_passed(self, ready_by: datetime | None) -> bool:
        return ready_by is not None and ready_by.timestamp() < self._operator.clock()

    async def _add(self, new: NewBatch) -> None:
        def write(connection: Connection) -> None:
            self._store.add(connection, new)
            self._client.ledger.open_purse(connection, new.id, new.budget_usd)

        await self._client.writer.run(write)

    def _quote_now(self, batch_id: BatchId) -> SelectionQuote:
        by_question: dict[int, list[WaitingPicture]] = {}
        for each in self._store.waiting(batch_id):
            by_question.setdefault(id(each.question), []).append(each)
        surveys = (
            survey(self._client, alike[0].question, [_surveyed(each) for each in alike])
            for alike in by_question.values()
        )
        return add_selections([each.selection for each in surveys])


def _surveyed(picture: WaitingPicture) -> SurveyedPicture:
    source = StoredSource("", picture.digest, picture.page)
    return SurveyedPicture(source, picture.width_px, picture.height_px, picture.layer_tokens)


def _check(budget_usd: Decimal | None, max_items: int | None, priority: int) -> None:
    _check_limits(budget_usd, max_items)
    _check_priority(priority)


def _check_priority(priority: int) -> None:
    if priority not in PRIORITIES:
        raise InputNotUsableError(Phrase("A priority is 1 (can wait) to 5 (urgent)."))


def _check_limits(budget_usd: Decimal | None, max_items: int | None) -> None:
    if budget_usd is not None and not (budget_usd.is_finite() and budget_usd >= 0):
        raise InputNotUsableError(Phrase("A budget is an amount in USD, 0 or more."))
    if max_items is not None and max_items < 1:
        raise InputNotUsableError(Phrase("The limit on items is 1 or more."))
