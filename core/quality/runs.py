"""Puts suites to a model, past the cache, and keeps what came of it."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

from core.answer import failure_without_call
from core.client import VisionClient
from core.course import FREE
from core.errors import InputNotUsableError, VisionError
from core.images.intake import Accepted, Intake, Refused
from core.phrases import Phrase
from core.quality.judge import judge
from core.quality.types import Case, CaseResult, QualityRun, RunSummary, Suite, Verdict
from core.store.quality import SqlQualityStore
from core.tasks import prompt_for, task
from core.types import AnalysisRequest, Failure, ImageSource, Outcome, Success

_log = logging.getLogger(__name__)

_LONGEST_ANSWER = 20_000
HOPELESS = frozenset({"API001", "API003", "BGT001"})
"""No key, no money: the next case would meet the same, so it is not asked."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A suite on its way to a model: who asks, and who is told of each result."""

    suite: Suite
    model: str
    front_end: str
    on_result: Callable[[CaseResult], None] = lambda _: None


class QualityRuns:
    """Runs of the process. Its coroutines belong to one loop; reading may be done anywhere.

    Cases are asked past the cache, so that a latency is that of a call. With the engine inside
    Tessera `concurrency` is 1: cases that share its cores would slow each other down.
    """

    def __init__(
        self, client: VisionClient, intake: Intake, store: SqlQualityStore, concurrency: int
    ) -> None:
        self._client = client
        self._intake = intake
        self._store = store
        self._concurrency = concurrency
        self._live: dict[str, QualityRun] = {}
        self._tasks: dict[str, asyncio.Task[QualityRun]] = {}

    async def start(self, suite: Suite, model: str) -> str:
        """Begin a run that goes on without the page; return its id."""
        run = _new_run(suite, model)
        self._live[run.id] = run
        work = asyncio.create_task(self._run(run, Trial(suite, model, "page")))
        self._tasks[run.id] = work
        work.add_done_callback(lambda done: self._end(run.id, done))
        return run.id

    async def wait(self, run_id: str) -> None:
        """Return when a started run has ended, however it did."""
        if work := self._tasks.get(run_id):
            await asyncio.wait({work})

    async def stop(self, run_id: str) -> None:
        """End a run; nothing of it is kept but its calls in the ledger."""
        if work := self._tasks.get(run_id):
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def run(self, trial: Trial) -> QualityRun:
        """Trial a suite to a model, keep the run and return it.

        Raises:
            StorageError: If the disk does not take it.
        """
        return await self._run(_new_run(trial.suite, trial.model), trial)

    async def expected_usd(self, suite: Suite, model: str) -> Decimal | None:
        """Return what a run is expected to cost; None where a price is not known.

        What cannot be opened is not asked, and costs nothing.
        """
        total_usd = Decimal(0)
        for case in suite.cases:
            try:
                source = await self._open(case.image)
                quote = await self._client.quote(replace(_request(case, model), source=source))
            except VisionError:
                continue
            if quote.realtime is None:
                return None
            total_usd += quote.realtime.expected
        return total_usd

    def progress(self, run_id: str) -> QualityRun | None:
        """Return a run as it stands; None if there is none of this id."""
        return self._live.get(run_id) or self._store.load(run_id)

    def under_way(self) -> QualityRun | None:
        """Return the run that somebody started and that is not finished."""
        return next(iter(self._live.values()), None)

    def latest(self, limit: int, suite: str | None = None) -> list[RunSummary]:
        """Return the newest finished runs first."""
        return self._store.latest(limit, suite)

    async def close(self) -> None:
        """End what runs."""
        for run_id in list(self._tasks):
            await self.stop(run_id)

    async def _run(self, run: QualityRun, trial: Trial) -> QualityRun:
        slots, so_far = asyncio.Semaphore(self._concurrency), _SoFar()

        async def work(case: Case) -> None:
            async with slots:
                result = await self._try_case(case, trial, so_far)
            so_far.results[case.id] = result
            trial.on_result(result)
            if run.id in self._live:
                self._live[run.id] = replace(run, results=so_far.in_order(trial.suite))

        async with asyncio.TaskGroup() as group:
            for case in trial.suite.cases:
                group.create_task(work(case))
        done = replace(run, results=so_far.in_order(trial.suite), finished_at=datetime.now(UTC))
        await asyncio.to_thread(self._store.save, done)
        return done

    async def _try_case(self, case: Case, trial: Trial, so_far: "_SoFar") -> CaseResult:
        request, started_s = _request(case, trial.model), time.monotonic()
        outcome = so_far.hopeless or await self._ask(case, request, trial.front_end)
        latency_s = outcome.latency_s if outcome.attempts else time.monotonic() - started_s
        # In a thread: a pattern may take a second.
        verdicts = await asyncio.to_thread(judge, case.expectations, outcome, latency_s)
        result = _result(case, request, outcome, verdicts, latency_s)
        if result.code in HOPELESS and isinstance(outcome, Failure) and not result.passed:
            so_far.hopeless = replace(outcome, attempts=0, cost=FREE, usage=None, partial_text="")
        return result

    async def _ask(self, case: Case, request: AnalysisRequest, front_end: str) -> Outcome:
        try:
            source = await self._open(case.image)
        except VisionError as error:
            return failure_without_call(error)
        return await self._client.analyze(replace(request, source=source), front_end=front_end)

    async def _open(self, image: str) -> ImageSource:
        """Return the picture, or the first one of a document.

        Raises:
            VisionError: If there is none.
        """
        async for item in self._intake.open(image):
            match item:
                case Accepted(source=source):
                    return source
                case Refused(error=error):
                    raise error
        raise InputNotUsableError(Phrase("There is no picture to ask about."))

    def _end(self, run_id: str, done: "asyncio.Task[QualityRun]") -> None:
        self._live.pop(run_id, None)
        self._tasks.pop(run_id, None)
        if not done.cancelled() and (error := done.exception()):
            _log.error("quality_run_failed", exc_info=error, extra={"run": run_id})


@dataclass(slots=True)
class _SoFar:
    """What has come of a run; with `hopeless`, nothing more is asked."""

    results: dict[str, CaseResult] = field(default_factory=dict)
    hopeless: Failure | None = None

    def in_order(self, suite: Suite) -> tuple[CaseResult, ...]:
        return tuple(self.results[case.id] for case in suite.cases if case.id in self.results)


def _new_run(suite: Suite, model: str) -> QualityRun:
    return QualityRun(secrets.token_hex(6), suite.name, model, len(suite.cases), datetime.now(UTC))


def _request(case: Case, model: str) -> AnalysisRequest:
    """Return the question of a case, still without its picture."""
    chosen = task(case.task)
    system, prompt = prompt_for(chosen, custom_prompt=case.prompt)
    limit = case.max_output_tokens or chosen.sampling.max_output_tokens
    return AnalysisRequest(
        source=ImageSource("", b""),
        task=chosen.name,
        prompt=prompt,
        system=system,
        model=model,
        detail=case.detail or chosen.detail,
        sampling=replace(chosen.sampling, max_output_tokens=limit),
        schema=case.schema or chosen.schema,
        use_cache=False,
    )


def _result(
    case: Case,
    request: AnalysisRequest,
    outcome: Outcome,
    verdicts: tuple[Verdict, ...],
    latency_s: float,
) -> CaseResult:
    if isinstance(outcome, Success):
        answer, code = outcome.text, None
    else:
        answer, code = outcome.partial_text or str(outcome.detail), outcome.code
    return CaseResult(
        id=case.id,
        title=case.title,
        model=outcome.model or request.model,
        task=request.task,
        prompt=request.prompt,
        detail=request.detail.value,
        verdicts=verdicts,
        answer=answer[:_LONGEST_ANSWER],
        code=code,
        cost_usd=outcome.cost.usd,
        latency_s=latency_s,
    )
