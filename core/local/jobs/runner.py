"""The work on batches, behind the realtime answers: a few lines at once, on disk as they end."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

from core.local.answer import Answer
from core.local.completion import completion
from core.local.jobs.batches import Batch, BatchStore, Counts, Problem, State
from core.local.jobs.files import FileStore
from core.local.jobs.lines import Line, Result, Results, check_input, read_lines
from core.local.ocr import WORKERS
from core.local.problems import RequestError, invalid_value
from core.local.reader import PageReader
from core.local.request import read_request
from core.phrases import Phrase

LINES_AT_ONCE: Final = max(1, WORKERS // 2)
"""Of all batches together; the other workers stay free for who waits for an answer."""

AnswerLine = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Answers the body of one line; raises RequestError."""
Sleep = Callable[[float], Awaitable[None]]

_log = logging.getLogger(__name__)


class Runner:
    """Works on unfinished batches; belongs to one event loop.

    Of several processes that share the batches, one works on each; another goes on with it when
    that one has ended and somebody asks for the batch.
    """

    def __init__(
        self,
        batches: BatchStore,
        files: FileStore,
        answer: AnswerLine,
        clock: Callable[[], float],
    ) -> None:
        self._batches = batches
        self._files = files
        self._answer = answer
        self._clock = clock
        self._turns = asyncio.Semaphore(LINES_AT_ONCE)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def wake(self, batch_id: str) -> None:
        """Work on a batch unless somebody does already."""
        if batch_id not in self._tasks:
            task = asyncio.create_task(self._work(batch_id))
            self._tasks[batch_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(batch_id))

    async def close(self) -> None:
        """Stop; what is not answered yet will be when a process wakes the batch again."""
        for task in self._tasks.values():
            task.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    async def _work(self, batch_id: str) -> None:
        try:
            with self._batches.lock(batch_id) as is_mine:
                if is_mine:
                    await self._finish(batch_id)
        except* OSError:  # a full disk, say: the next who asks for the batch wakes it again
            _log.exception("local_batch_stopped", extra={"batch_id": batch_id})

    async def _finish(self, batch_id: str) -> None:
        batch = self._batches.get(batch_id)
        while batch is not None and not batch.state.is_final:
            batch = await self._step(batch)
            self._batches.save(batch)
            if batch.state.is_final:
                self._batches.tidy(batch_id)
            batch = self._batches.get(batch_id)

    async def _step(self, batch: Batch) -> Batch:
        if batch.ending is not None:
            return self._publish(batch, batch.ending)
        if State.IN_PROGRESS not in batch.reached:
            if batch.state is State.CANCELLING:
                return batch.moved(State.CANCELLED, self._clock())
            return await self._validate(batch)
        return await self._answer_lines(batch)

    async def _validate(self, batch: Batch) -> Batch:
        path = self._batches.path(batch.id, ".input")
        if not path.exists():
            return replace(batch, problems=(_NO_FILE,)).moved(State.FAILED, self._clock())
        checked = await asyncio.to_thread(check_input, path)
        if checked.problems:
            return replace(batch, problems=checked.problems).moved(State.FAILED, self._clock())
        batch = replace(batch, counts=Counts(checked.total))
        return batch.moved(State.IN_PROGRESS, self._clock())

    async def _answer_lines(self, batch: Batch) -> Batch:
        """Answer what is left, until all is done, time is up or somebody wants it to end."""
        with await asyncio.to_thread(self._results, batch) as results:
            await self._answer_left(batch, results)
            asked_at = self._batches.cancelling_at(batch.id)
            ending = State.COMPLETED if asked_at is None else State.CANCELLED
            if len(results.done) < batch.counts.total:
                ending = State.EXPIRED if asked_at is None else State.CANCELLED
                await asyncio.to_thread(self._give_up, batch, results, _UNSENT[ending])
        batch = replace(batch, counts=results.counts, ending=ending)
        if asked_at is not None:
            return batch.moved(State.CANCELLING, asked_at)
        return batch.moved(State.FINALIZING, self._clock())

    async def _answer_left(self, batch: Batch, results: Results) -> None:
        async with asyncio.TaskGroup() as group, aclosing(self._left(batch, results)) as lines:
            async for line in lines:
                await self._turns.acquire()
                if self._must_end(batch):
                    self._turns.release()
                    return
                group.create_task(self._answer_line(line, batch, results))

    def _results(self, batch: Batch) -> Results:
        output, errors = (self._batches.path(batch.id, name) for name in _PARTS)
        return Results(output, errors, batch.id, batch.counts.total)

    async def _left(self, batch: Batch, results: Results) -> AsyncGenerator[Line]:
        """Yield the lines that have no result yet, without holding the loop up over a long file."""
        lines = read_lines(self._batches.path(batch.id, ".input"))
        while line := await asyncio.to_thread(next, lines, None):
            if line.custom_id not in results.done:
                yield line

    def _must_end(self, batch: Batch) -> bool:
        """Say whether no further line may begin."""
        is_late = self._clock() >= batch.expires_at
        return is_late or self._batches.cancelling_at(batch.id) is not None

    async def _answer_line(self, line: Line, batch: Batch, results: Results) -> None:
        try:
            results.add(await self._result(line))
        finally:
            self._turns.release()
        self._batches.save(replace(batch, counts=results.counts))

    async def _result(self, line: Line) -> Result:
        try:
            return Result(line.custom_id, 200, await self._answer(line.body))
        except RequestError as error:
            return Result(line.custom_id, error.status, error.body)
        except Exception:  # noqa: BLE001 - a bug costs this line, as it would cost one call
            _log.exception("local_batch_line_failed")
            bug = RequestError(500, "server_error", Phrase("The local engine failed."))
            return Result(line.custom_id, bug.status, bug.body)

    def _give_up(self, batch: Batch, results: Results, why: Problem) -> None:
        """Say of each line that has no result why there will be none."""
        for line in read_lines(self._batches.path(batch.id, ".input")):
            if line.custom_id not in results.done:
                results.add(Result(line.custom_id, unsent=why))

    def _publish(self, batch: Batch, ending: State) -> Batch:
        """Turn the results into files; after a crash the same again."""
        has_output, has_errors = (
            self._publish_part(batch, suffix, file_id)
            for suffix, file_id in zip(_PARTS, (batch.output_id, batch.error_id), strict=True)
        )
        batch = replace(batch, has_output=has_output, has_errors=has_errors)
        return batch.moved(ending, self._clock())

    def _publish_part(self, batch: Batch, suffix: str, file_id: str) -> bool:
        """Say whether there is a file: none is made of nothing."""
        part = self._batches.path(batch.id, suffix)
        if part.exists() and not part.stat().st_size:
            return False
        name = f"{batch.id}{suffix.replace('.', '_')}.jsonl"
        self._files.adopt(file_id, part, name, "batch_output", batch.order.kept_s)
        return True


_NO_FILE: Final = Problem(
    "file_not_found", str(Phrase("There is no such file.")), param="input_file_id"
)
_PARTS: Final = (".output", ".errors")
_UNSENT: Final = {
    State.EXPIRED: Problem(
        "batch_expired",
        str(Phrase("This request was not answered within the completion window.")),
    ),
    State.CANCELLED: Problem(
        "batch_cancelled",
        str(Phrase("The batch was cancelled before this request was answered.")),
    ),
}


def answer_with(reader: PageReader, sleep: Sleep = asyncio.sleep) -> AnswerLine:
    """Return how one line is answered: as a realtime request is, only later."""

    async def answer(body: Mapping[str, Any]) -> Mapping[str, Any]:
        chat = read_request(body)
        if chat.stream:
            raise invalid_value("stream", Phrase("A batch cannot stream its answers."))
        while True:
            try:
                prepared = Answer(chat, reader)
                await prepared.prepare()
                return await completion(chat, prepared)
            except RequestError as error:
                if error.status != 429:
                    raise
                await sleep(error.retry_after_s or 1)  # others are being answered first

    return answer
