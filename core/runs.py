"""What the Analyze page asked for: a run of pictures that goes on without the page.

Each item is kept on disk when it starts and when it ends, so a page switch, a reload or a
restart of the browser shows the same results.
"""

import asyncio
import logging
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from core.answer import failure_without_call
from core.blobs import BlobStore
from core.engines.base import TextSink
from core.errors import ImageError, StoppedError, StorageError, VisionError
from core.export import Estimate
from core.phrases import Phrase
from core.review import accept, hold_the_same
from core.settings import EMBEDDED_MODEL
from core.types import (
    AnalysisRequest,
    AnswerSchema,
    Cost,
    CostBasis,
    Detail,
    Failure,
    ImageSource,
    Outcome,
    PreparedImage,
    Sampling,
    Success,
)

_log = logging.getLogger(__name__)

NO_ESTIMATE = Estimate()


class RunState(StrEnum):
    """How far one picture is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Say whether nothing more will happen."""
        return self in {RunState.SUCCEEDED, RunState.FAILED}


@dataclass(frozen=True, slots=True)
class StoredSource:
    """A picture in the blob store: its label, the digest of the original and the page of a PDF."""

    name: str
    digest: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class SentImage:
    """The picture as the model gets it: its digest in the store of sent pictures, and its size."""

    digest: str
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture to ask about, and what that was expected to cost."""

    source: StoredSource
    estimate: Estimate = NO_ESTIMATE


@dataclass(frozen=True, slots=True)
class Question:
    """Everything about a request but the picture."""

    task: str
    prompt: str
    system: str
    model: str
    detail: Detail
    sampling: Sampling
    schema: AnswerSchema | None = None
    max_size: tuple[int, int] | None = None

    def about(self, source: ImageSource, *, use_cache: bool = True) -> AnalysisRequest:
        """Return the request that asks this about `source`."""
        return AnalysisRequest(
            source=source,
            task=self.task,
            prompt=self.prompt,
            system=self.system,
            model=self.model,
            detail=self.detail,
            sampling=self.sampling,
            schema=self.schema,
            max_size=self.max_size,
            use_cache=use_cache,
        )


@dataclass(frozen=True, slots=True)
class RunItem:
    """One picture of a run as it stands.

    `corrected` is what the person made of the answer; `asked` counts how often it was asked.
    """

    position: int
    source: StoredSource
    question: Question
    estimate: Estimate = NO_ESTIMATE
    state: RunState = RunState.QUEUED
    sent: SentImage | None = None
    outcome: Outcome | None = None
    corrected: Any = None
    asked: int = 1


class AnalysisClient(Protocol):
    """What a run needs of the client."""

    async def analyze(self, request: AnalysisRequest, on_text: TextSink | None = None) -> Outcome:
        """Answer one request."""
        ...

    async def prepare(self, request: AnalysisRequest) -> PreparedImage:
        """Return the picture as it will be sent."""
        ...

    async def accept(self, request_key: str) -> None:
        """Serve a held answer from now on as any other."""
        ...


class RunStore(Protocol):
    """Where runs are kept."""

    def save(self, run_id: str, items: Iterable[RunItem]) -> None:
        """Write items, replacing what was there under the same position."""
        ...

    def load(self, run_id: str) -> list[RunItem]:
        """Return the items in order; an unknown run has none."""
        ...


@dataclass(slots=True)
class _LiveRun:
    """A run that works; `is_kept` says that the store has everything of it."""

    items: list[RunItem]
    is_kept: bool = True
    text: dict[int, list[str]] = field(default_factory=dict)
    tasks: dict[int, "asyncio.Task[None]"] = field(default_factory=dict)


class Runs:
    """All runs of the process; its coroutines run on the runtime's loop, `items` anywhere."""

    def __init__(
        self,
        client: AnalysisClient,
        originals: BlobStore,
        sent: BlobStore,
        store: RunStore,
        concurrency: int,
    ) -> None:
        self._client = client
        self._originals = originals
        self._sent = sent
        self._store = store
        self._concurrency = concurrency
        self._slots: asyncio.Semaphore | None = None
        self._live: dict[str, _LiveRun] = {}

    async def start(self, wanted: Iterable[Wanted], question: Question) -> str:
        """Write the run down, begin it, and return its unguessable id."""
        run_id = secrets.token_hex(16)
        items = [RunItem(i, w.source, question, w.estimate) for i, w in enumerate(wanted)]
        await asyncio.to_thread(self._store.save, run_id, items)
        run = self._live[run_id] = _LiveRun(items)
        for position in range(len(items)):
            self._begin(run_id, run, position, use_cache=True)
        return run_id

    async def again(self, run_id: str, position: int, prompt: str | None = None) -> None:
        """Ask once more about one finished picture, past the cache; in other words if given."""
        if run_id not in self._live:
            self._live[run_id] = _LiveRun(self.items(run_id))
        run = self._live[run_id]
        old = run.items[position]
        if not old.state.is_final:
            return
        question = replace(old.question, prompt=prompt) if prompt else old.question
        run.items[position] = RunItem(
            position, old.source, question, old.estimate, sent=old.sent, asked=old.asked + 1
        )
        self._begin(run_id, run, position, use_cache=False)

    async def stop(self, run_id: str) -> None:
        """End what is not finished; what has arrived stays to be seen."""
        run = self._live.get(run_id)
        tasks = list(run.tasks.values()) if run else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def correct(self, run_id: str, position: int, data: Any) -> None:
        """Keep the person's version of an answer beside the model's."""
        await self._change(run_id, position, corrected=data)

    async def accept(self, run_id: str, position: int) -> None:
        """Free a held answer: a person has looked at it."""
        outcome = self.items(run_id)[position].outcome
        if isinstance(outcome, Success) and outcome.held:
            await self._client.accept(outcome.request_key)
            await self._change(run_id, position, outcome=accept(outcome))

    def items(self, run_id: str) -> list[RunItem]:
        """Return every item as it stands now; an unknown run has none."""
        run = self._live.get(run_id)
        if run is not None:
            return list(run.items)
        return [_after_restart(item) for item in self._store.load(run_id)]

    def text_so_far(self, run_id: str, position: int) -> str:
        """Return what has streamed in for one item."""
        run = self._live.get(run_id)
        return "".join(run.text.get(position, ())) if run else ""

    def _begin(self, run_id: str, run: _LiveRun, position: int, *, use_cache: bool) -> None:
        run.text[position] = []
        task = asyncio.create_task(self._work(run_id, run, position, use_cache))
        run.tasks[position] = task
        task.add_done_callback(lambda done: self._end(run_id, run, position, done))

    def _end(self, run_id: str, run: _LiveRun, position: int, done: "asyncio.Task[None]") -> None:
        """Leave a finished run to the store, unless the store did not take all of it."""
        if run.tasks.get(position) is done:  # else it is asked again already
            del run.tasks[position]
        if not run.tasks and run.is_kept:
            self._live.pop(run_id, None)

    async def _work(self, run_id: str, run: _LiveRun, position: int, use_cache: bool) -> None:
        """Take one item from queued to its end, whatever happens."""
        self._slots = self._slots or asyncio.Semaphore(self._concurrency)
        try:
            async with self._slots:
                outcome = await self._ask(run_id, run, position, use_cache)
        except asyncio.CancelledError:
            reason = StoppedError(Phrase("Stopped before the answer was complete."))
            outcome = _stopped(run.items[position], reason, "".join(run.text[position]))
        except VisionError as error:
            outcome = failure_without_call(error)
        except Exception:  # noqa: BLE001 - a bug must not leave the item looking busy for ever
            _log.exception("run_item_crashed", extra={"run": run_id, "position": position})
            fault = VisionError(Phrase("This is a fault in Tessera. It was logged."))
            outcome = failure_without_call(fault)
        state = RunState.SUCCEEDED if isinstance(outcome, Success) else RunState.FAILED
        await self._change(run_id, position, state=state, outcome=outcome)
        await self._hold_the_same(run_id, run)

    async def _hold_the_same(self, run_id: str, run: _LiveRun) -> None:
        """Hold the first of equal answers as the later ones are; nobody sees it free meanwhile."""
        outcomes = {item.position: item.outcome for item in run.items if item.outcome}
        held = [
            replace(run.items[at], outcome=each) for at, each in hold_the_same(outcomes).items()
        ]
        for item in held:
            run.items[item.position] = item
        await self._save(run_id, run, held)

    async def _ask(self, run_id: str, run: _LiveRun, position: int, use_cache: bool) -> Outcome:
        item = run.items[position]
        request = item.question.about(await self._open(item.source), use_cache=use_cache)
        try:
            sent = await self._keep(await self._client.prepare(request))
        except ImageError as error:
            return failure_without_call(error)
        await self._change(run_id, position, state=RunState.RUNNING, sent=sent)
        return await self._client.analyze(request, run.text[position].append)

    async def _open(self, stored: StoredSource) -> ImageSource:
        data = await asyncio.to_thread(self._originals.get, stored.digest)
        if data is None:
            raise StorageError(Phrase("The uploaded file is no longer there; drop it in again."))
        return ImageSource(stored.name, data, stored.page)

    async def _keep(self, prepared: PreparedImage) -> SentImage:
        digest = await asyncio.to_thread(self._sent.put, prepared.data)
        return SentImage(digest, prepared.width_px, prepared.height_px)

    async def _change(self, run_id: str, position: int, **changes: Any) -> None:
        run = self._live.get(run_id)
        items = run.items if run else self.items(run_id)
        changed = replace(items[position], **changes)
        await self._save(run_id, run, [changed])
        items[position] = changed

    async def _save(self, run_id: str, run: _LiveRun | None, items: list[RunItem]) -> None:
        if not items:
            return
        try:
            await asyncio.to_thread(self._store.save, run_id, items)
        except StorageError:  # the page can still show what the disk does not take
            for item in items:
                where = {"run": run_id, "position": item.position}
                _log.exception("run_item_not_kept", extra=where)
            if run:
                run.is_kept = False


def _stopped(item: RunItem, reason: StoppedError, partial_text: str = "") -> Failure:
    """Return the outcome of a stopped item; one under way may have been billed."""
    failure = failure_without_call(reason, partial_text)
    if item.state is RunState.RUNNING and item.question.model != EMBEDDED_MODEL:
        return replace(failure, cost=Cost(None, CostBasis.UNKNOWN))
    return failure


def _after_restart(item: RunItem) -> RunItem:
    """Tell the truth about an item whose process is gone."""
    if item.state.is_final:
        return item
    reason = StoppedError(Phrase("Tessera was restarted before this answer came. Run it again."))
    return replace(item, state=RunState.FAILED, outcome=_stopped(item, reason))
