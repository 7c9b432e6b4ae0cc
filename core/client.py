"""The one way to every answer: cache, single flight, budget, pace, retry, engine, validation."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import ParamSpec, TypeVar

from sqlalchemy import Engine as Database

from core.answer import validate_answer
from core.backoff import RetryPolicy, next_wait_s
from core.budget import Budget
from core.cache import Explanation, ResultCache, as_cached
from core.catalog import Catalog, load_catalog
from core.course import FREE, Course
from core.engines.base import Engine, EngineAnswer, EngineCall, TextSink
from core.engines.openai import OpenAIEngine
from core.errors import (
    EngineError,
    ImageError,
    ImageRefusal,
    StoppedError,
    StorageError,
    TimeoutExceededError,
    VisionError,
)
from core.flights import Flight, SingleFlights
from core.images.decoder import Decoder
from core.pacing import Pacer
from core.phrases import Phrase
from core.plan import Plan, layer_tokens, plan_request, quote_plan
from core.prepared import PreparedImages, Preparer
from core.quote import Quote
from core.settings import Settings
from core.store.calls import CallRecord, CallStatus
from core.store.database import open_database
from core.store.ledger import Ledger
from core.tokens import ImageTokensError
from core.types import AnalysisRequest, Outcome, PreparedImage, Success

_log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

_PREPARED_BYTES = 64 * 2**20
_DEADLINE_IN_TIMEOUTS = 3
_NOT_RECORDED = Phrase("This call is missing in the ledger: the data directory takes no more.")


@dataclass(frozen=True, slots=True)
class Timing:
    """Time as the client sees it; tests put their own in.

    `deadline_s` bounds a request from its first attempt on, waits between attempts included;
    `call_timeout_s` bounds each attempt. `clock` is monotonic, in seconds.
    """

    call_timeout_s: float
    deadline_s: float
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random


class VisionClient:
    """Answers requests; share one in a process. Its coroutines belong to one event loop.

    `catalog`, `cache`, `ledger`, `budget` and `engine` may be read from anywhere.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        preparer: Preparer,
        catalog: Catalog,
        cache: ResultCache,
        ledger: Ledger,
        budget: Budget,
        pacer: Pacer,
        timing: Timing,
    ) -> None:
        self.engine = engine
        self.catalog = catalog
        self.cache = cache
        self.ledger = ledger
        self.budget = budget
        self._pacer = pacer
        self._timing = timing
        self._images = PreparedImages(preparer, _PREPARED_BYTES)
        self._flights: SingleFlights[Outcome] = SingleFlights()
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="tessera-disk")
        self._repeats = 0

    async def analyze(
        self,
        request: AnalysisRequest,
        on_text: TextSink | None = None,
        *,
        front_end: str = "page",
    ) -> Outcome:
        """Answer one request; what went wrong is a `Failure`, never a VisionError.

        A cancelled call (Stop) is settled and recorded before CancelledError goes on. With
        `use_cache=False` the cache is not asked, but the fresh answer replaces the kept one.

        Args:
            request: The question and its picture.
            on_text: Gets each piece of the answer; a cached answer arrives as one piece. After a
                retry no pieces are sent any more: show `Success.text`.
            front_end: Who asks, for the ledger: "page", "cli", "rest", "batch".
        """
        plan = self._plan(request, front_end)
        flight_key = plan.key
        if request.use_cache:
            if answer := await self._on_disk(self._look_up, plan):
                if on_text is not None:
                    on_text(answer.text)
                return answer
        else:
            self._repeats += 1
            flight_key = f"{plan.key}/{self._repeats}"  # asked again on purpose: never shared
        landed = await self._flights.join(
            flight_key, lambda flight: self._fly(plan, flight), on_text
        )
        if landed.is_first or not isinstance(landed.value, Success):
            return landed.value
        shared = as_cached(landed.value)
        await self._on_disk(self._append, plan.unpaid_record(shared))
        return shared

    async def prepare(self, request: AnalysisRequest) -> PreparedImage:
        """Return the picture exactly as it will be sent; the call itself reuses it.

        Raises:
            VisionError: If the source cannot be used.
        """
        return await self._prepare(self._plan(request))

    async def quote(self, request: AnalysisRequest) -> Quote:
        """Return what the request will use and cost, from the picture as it will be sent.

        Raises:
            VisionError: If the source cannot be used.
        """
        plan = self._plan(request)
        return await self._quote(plan, await self._prepare(plan))

    async def answers_cached(self, requests: Sequence[AnalysisRequest]) -> tuple[bool, ...]:
        """Say for each request whether its answer is in the cache, without counting a hit."""
        keys = [self._plan(request).key for request in requests]
        return await self._on_disk(lambda: tuple(map(self.cache.contains, keys)))

    async def explain(self, request: AnalysisRequest) -> Explanation:
        """Say in which parts the most similar kept answer differs from this request."""
        return await self._on_disk(self.cache.explain, self._plan(request).parts)

    async def close(self) -> None:
        """Stop what runs, release connections and files."""
        await self._flights.close()
        await self._images.close()
        await self.engine.close()
        await self._on_disk(self.cache.close)
        self._disk.shutdown()
        self.ledger.close()

    # The steps of a request that the cache did not answer, in their order.

    async def _fly(self, plan: Plan, flight: Flight) -> Outcome:
        """Take one request to its outcome, and leave nothing reserved or unrecorded."""
        course = Course(plan, flight)
        outcome: Outcome
        try:
            course.image = await self._prepare(plan)
            await self._reserve(course)
            outcome = await self._retry(course)
            if not flight.text:
                flight.emit(outcome.text)
        except VisionError as error:
            outcome = course.failure(error)
        except asyncio.CancelledError:
            stopped = course.cut_off(CallStatus.STOPPED, StoppedError.code)
            await self._on_disk(self._append, stopped, course.reservation_id)
            raise
        except BaseException:  # a bug: its money may be gone all the same
            failed = course.cut_off(CallStatus.FAILED, VisionError.code)
            await self._on_disk(self._append, failed, course.reservation_id)
            raise
        return await self._on_disk(self._land, course, outcome)

    async def _reserve(self, course: Course) -> None:
        """Quote the call and set its money aside; the embedded engine costs nothing."""
        if course.plan.is_free or course.image is None:
            return
        course.quote = course.quote or await self._quote(course.plan, course.image)
        await self._on_disk(
            self.budget.reserve,
            course.reservation_id,
            course.plan.call(course.quote),
            course.quote.reserve_usd,
        )

    async def _retry(self, course: Course) -> Success:
        """Try until there is an answer, or no attempt is worth its wait."""
        while True:
            course.attempts += 1
            try:
                return await self._attempt(course)
            except EngineError as error:
                wait_s = self._wait_s(course, error)
                if wait_s is None:
                    raise
                if error.retry_after_s:
                    self._pacer.hold(course.plan.request.model, error.retry_after_s)
                await self._settle_attempt(course, error)
            await self._timing.sleep(wait_s)

    async def _settle_attempt(self, course: Course, error: EngineError) -> None:
        """Record a failed attempt that may have cost, and set money aside for the next one."""
        retried = course.retried(error)
        course.begin_again()
        if retried.cost != FREE:
            await self._on_disk(self._append, retried, course.reservation_id)
            await self._reserve(course)

    async def _attempt(self, course: Course) -> Success:
        """Wait for a slot, send the call once and judge its answer."""
        plan = course.plan
        async with self._pacer.slot(plan.request.model, _tokens(course)):
            course.answer = await self._send(course)
        self._pacer.learn(plan.request.model, course.answer.limits)
        return course.success(validate_answer(course.answer, plan.request.schema))

    async def _send(self, course: Course) -> EngineAnswer:
        started_s = self._timing.clock()
        if course.deadline_s is None:
            course.deadline_s = started_s + self._timing.deadline_s
        timeout_s = min(self._timing.call_timeout_s, course.deadline_s - started_s)
        if timeout_s <= 0:
            raise TimeoutExceededError(Phrase("The time for this request was used up by waiting."))
        course.is_sent = True
        # Once pieces were shown, a repeated call is not streamed: it would begin again.
        streams = course.flight.streaming and not course.flight.text
        try:
            return await self.engine.send(
                _engine_call(course, timeout_s), course.flight.emit if streams else None
            )
        finally:
            course.latency_s = self._timing.clock() - started_s

    def _wait_s(self, course: Course, error: EngineError) -> float | None:
        remaining_s = self._timing.deadline_s
        if course.deadline_s is not None:
            remaining_s = course.deadline_s - self._timing.clock()
        timing = self._timing
        return next_wait_s(error, course.attempts, timing.policy, timing.jitter, remaining_s)

    # What the steps stand on.

    def _plan(self, request: AnalysisRequest, front_end: str = "page") -> Plan:
        return plan_request(request, front_end, self.catalog.card(request.model), self.engine)

    async def _prepare(self, plan: Plan) -> PreparedImage:
        source, parts = plan.request.source, plan.parts
        with _size_errors():
            return await self._images.get(
                source,
                parts.source_digest,
                plan.card.image_rule,
                parts.preparation,
                plan.fitted.detail,
                plan.request.max_size,
            )

    async def _quote(self, plan: Plan, image: PreparedImage) -> Quote:
        return await asyncio.to_thread(self._quote_now, plan, image)  # counting text takes a while

    def _quote_now(self, plan: Plan, image: PreparedImage) -> Quote:
        history = self.ledger.output_tokens_history(plan.request.task, plan.request.model)
        with _size_errors():
            layer = layer_tokens(image.text_layer, plan.request.model)
            return quote_plan(plan, image.width_px, image.height_px, layer, history)

    def _look_up(self, plan: Plan) -> Success | None:
        answer = self.cache.get(plan.key)
        if answer is not None:
            self._append(plan.unpaid_record(answer))
        return answer

    def _land(self, course: Course, outcome: Outcome) -> Outcome:
        """Record the outcome, free what was reserved, and keep a good answer."""
        recorded = self._append(course.record(outcome), course.reservation_id)
        if isinstance(outcome, Success):
            self.cache.store(course.plan.parts, outcome)
        return outcome if recorded else replace(outcome, notes=(*outcome.notes, _NOT_RECORDED))

    def _append(self, record: CallRecord, settles: str | None = None) -> bool:
        """Write a row; a full disk must not cost the answer that was paid for."""
        try:
            self.ledger.record(record, settles)
        except StorageError:
            _log.exception("call_not_recorded")
            return False
        return True

    async def _on_disk(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking work in the disk thread; a cancelled caller waits for its end first."""
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._disk, partial(work, *args, **kwargs))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait({future})
            raise


def open_client(
    settings: Settings, *, database: Database | None = None, decoder: Preparer | None = None
) -> VisionClient:
    """Build the client with its engine, cache and ledger from the settings.

    Whoever brings a database or a decoder may go on using it until the client is closed.

    Raises:
        StorageError: If the data directory cannot be used.
        ConfigurationError: If a file of the catalogue is not usable.
    """
    directory, ttl_h = settings.tessera_data_dir, settings.tessera_cache_ttl_h
    ttl_s = None if ttl_h is None else ttl_h * 3600
    ledger = Ledger(database or open_database(directory))
    cap = settings.tessera_budget_usd
    paced = not settings.embedded  # only its own speed limits the engine inside
    return VisionClient(
        engine=OpenAIEngine(settings),
        preparer=decoder or Decoder(),
        catalog=load_catalog(),
        cache=ResultCache(directory / "cache", settings.tessera_cache_max_mb * 2**20, ttl_s),
        ledger=ledger,
        budget=Budget(ledger, None if cap is None else Decimal(str(cap))),
        pacer=Pacer(
            settings.rate_limit_rpm if paced else None,
            settings.rate_limit_tpm if paced else None,
            settings.max_concurrent_requests,
        ),
        timing=Timing(settings.default_timeout, _DEADLINE_IN_TIMEOUTS * settings.default_timeout),
    )


def _engine_call(course: Course, timeout_s: float) -> EngineCall:
    request, fitted, image = course.plan.request, course.plan.fitted, course.image
    assert image is not None  # noqa: S101 - prepared before anything is sent
    return EngineCall(
        model=request.model,
        system=request.system,
        prompt=request.prompt,
        image=image,
        detail=fitted.detail,
        sampling=fitted.sampling,
        schema=fitted.schema,
        timeout_s=timeout_s,
    )


def _tokens(course: Course) -> int:
    """Return what the server will count against the tokens of its minute."""
    quote = course.quote
    input_tokens = quote.input_tokens.high if quote and quote.input_tokens else 0
    return input_tokens + course.plan.fitted.sampling.max_output_tokens


@contextmanager
def _size_errors() -> Iterator[None]:
    """A picture that the model cannot count is one that it cannot take."""
    try:
        yield
    except ImageTokensError as error:
        raise ImageError(ImageRefusal.TOO_MANY_PIXELS, error.phrase) from error
