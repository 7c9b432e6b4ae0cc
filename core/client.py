"""The one way to every answer: cache, single flight, budget, pace, retry, engine, validation."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from math import inf
from typing import ParamSpec, TypeVar

from sqlalchemy import Engine as Database

from core.answer import validate_answer
from core.backoff import RetryPolicy, next_wait_s
from core.budget import Budget
from core.cache import ResultCache, as_cached
from core.catalog import USER_MODELS, Catalog, load_catalog
from core.course import FREE, Course
from core.engines.base import Engine, EngineAnswer, EngineCall, TextSink
from core.engines.openai import OpenAIEngine
from core.errors import (
    AnswerError,
    EngineError,
    ImageError,
    ImageRefusal,
    RateLimitError,
    StoppedError,
    StorageError,
    TimeoutExceededError,
    UnavailableError,
    VisionError,
)
from core.fixes import Mend, smaller_size
from core.flights import Flight, SingleFlights
from core.images.decoder import Decoder
from core.latency import Latencies
from core.pacing import Pacer, PaceUse, Urgency
from core.phrases import Phrase
from core.plan import Plan, layer_tokens, plan_request, quote_plan
from core.prepared import PreparedImages, Preparer
from core.quote import Quote
from core.recorder import Recorder
from core.review import REPEATED, accept, hold
from core.settings import Settings
from core.store.calls import CallRecord, CallStatus
from core.store.database import open_database
from core.store.ledger import Ledger
from core.store.review import accept_key
from core.store.writer import GroupWriter
from core.terms import Terms
from core.tokens import ImageTokensError
from core.types import AnalysisRequest, Outcome, PreparedImage, Success

_log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

_PREPARED_BYTES = 64 * 2**20
_DEADLINE_IN_TIMEOUTS = 3
_QUOTE_KEPT_S = 5.0
_QUOTES_KEPT = 200
"""Items of a batch are mostly alike: their quotes are made once and follow the history soon."""
_USUAL_TERMS = Terms()


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

    `catalog`, `cache`, `ledger`, `budget` and `engine` may be read from anywhere; `writer` shares
    its transactions with whoever writes beside it.
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
        self.writer = GroupWriter(ledger.database)
        self._recorder = Recorder(ledger, self.writer, timing.sleep)
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="tessera-disk")
        self._latencies = Latencies()
        self._repeats = 0
        self._quotes: dict[object, tuple[float, Quote]] = {}

    async def analyze(
        self,
        request: AnalysisRequest,
        on_text: TextSink | None = None,
        *,
        front_end: str = "page",
        terms: Terms | None = None,
    ) -> Outcome:
        """Answer one request; what went wrong is a `Failure`, never a VisionError.

        A cancelled call (Stop) is settled and recorded before CancelledError goes on. With
        `use_cache=False` the cache is not asked, but the fresh answer replaces the kept one.

        Args:
            request: The question and its picture.
            on_text: Gets each piece of the answer; a cached answer arrives as one piece. After a
                retry no pieces are sent any more: show `Success.text`.
            front_end: Who asks, for the ledger: "page", "cli", "rest", "batch".
            terms: Everything about who asks, in place of `front_end`.
        """
        plan = self._plan(request, terms or Terms(front_end))
        flight_key = plan.key
        if request.use_cache:
            if answer := await self._on_disk(self.cache.get, plan.key):
                if on_text is not None:
                    on_text(answer.text)
                return await self._record(plan, answer, plan.unpaid_record(answer))
        else:
            self._repeats += 1
            flight_key = f"{plan.key}/{self._repeats}"  # asked again on purpose: never shared
        landed = await self._flights.join(
            flight_key, lambda flight: self._fly(plan, flight), on_text
        )
        if landed.is_first:
            return landed.value
        return await self._share(plan, landed.value)

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

    # For lanes that send requests another way

    def plan(self, request: AnalysisRequest, terms: Terms) -> Plan:
        """Return what follows from a request; nothing is decoded for it."""
        return self._plan(request, terms)

    async def kept_answer(self, plan: Plan) -> Success | None:
        """Return the answer from the cache, if it has one."""
        return await self._on_disk(self.cache.get, plan.key)

    async def make_ready(self, plan: Plan) -> Course:
        """Return a request with its picture as it is sent and, where it costs, its quote.

        Raises:
            VisionError: If the source cannot be used.
        """
        image = await self._prepare(plan)
        quote = None if plan.is_free else await self._quote(plan, image)
        return Course(plan, Flight(streaming=False), image, quote)

    async def land(
        self, plan: Plan, outcome: Outcome, row: CallRecord | None, settles: str | None = None
    ) -> Outcome:
        """Record an outcome that came another way, and keep a good answer for later requests."""
        outcome = await self._record(plan, outcome, row, settles)
        if isinstance(outcome, Success) and not outcome.cached:
            await self._on_disk(self.cache.store, plan.parts, outcome)
        return outcome

    def pace(self, model: str) -> PaceUse:
        """Return how much of a model's limits the last minute used."""
        return self._pacer.use(model)

    def in_flight(self) -> int:
        """Return how many calls of this process are on the wire now."""
        return self._pacer.in_flight()

    async def close(self) -> None:
        """Stop what runs, release connections and files."""
        await self._flights.close()
        await self.writer.close()
        await self._images.close()
        await self.engine.close()
        await self._on_disk(self.cache.close)
        self._disk.shutdown()
        self.ledger.close()

    async def _share(self, plan: Plan, outcome: Outcome) -> Outcome:
        """Return the outcome of somebody else's call as this request's: it paid nothing."""
        if isinstance(outcome, Success):
            answer = as_cached(outcome)
            return await self._record(plan, answer, plan.unpaid_record(answer))
        return await self._record(plan, replace(outcome, cost=FREE, usage=None, attempts=0), None)

    # The steps of a request that the cache did not answer, in their order.

    async def _fly(self, plan: Plan, flight: Flight) -> Outcome:
        """Take one request to its outcome, and leave nothing reserved or unrecorded."""
        course = Course(plan, flight)
        try:
            course.image = await self._prepare(plan)
            await self._reserve(course)
            outcome = await self._retry(course)
        except VisionError as error:
            return await self._land(course, course.failure(error))
        except asyncio.CancelledError:
            await self._cut_off(course, CallStatus.STOPPED, StoppedError.code)
            raise
        except BaseException:  # a bug: its money may be gone all the same
            await self._cut_off(course, CallStatus.FAILED, VisionError.code)
            raise
        if isinstance(outcome, Success):
            await self._on_disk(self.cache.store, plan.parts, outcome)
        return outcome

    async def _reserve(self, course: Course) -> None:
        """Quote the call and set its money aside; the embedded engine costs nothing."""
        if course.plan.is_free or course.image is None:
            return
        course.quote = course.quote or await self._quote(course.plan, course.image)
        planned, most_usd = course.plan.call(course.quote), course.quote.reserve_usd
        terms = course.plan.terms
        try:
            await self.writer.run(
                lambda connection: self.budget.reserve_in(
                    connection, course.reservation_id, planned, most_usd, terms.budget_usd
                )
            )
        except StorageError:
            if self.budget.is_limited or terms.keep is not None:
                raise  # a budget that cannot be written cannot be kept, nor can an outcome
            _log.warning("call_not_reserved", exc_info=True)

    async def _retry(self, course: Course) -> Outcome:
        """Try until there is an answer, or no attempt is worth its wait; wait without a place."""
        while True:
            course.attempts += 1
            try:
                return await self._attempt(course)
            except EngineError as error:
                wait_s = await self._mend(course, error)
                if wait_s is None:
                    raise
                await self._settle_attempt(course, error)
            await self._timing.sleep(wait_s)

    async def _mend(self, course: Course, error: EngineError) -> float | None:
        """Do what can be done about a failed attempt; return the wait before the next, or None."""
        image = course.image
        smaller = image and smaller_size(error, (image.width_px, image.height_px))
        if smaller and not any(mend.size_px for mend in course.mends):
            request = replace(course.plan.request, max_size=smaller)
            course.image = await self._prepare(self._plan(request))
            course.mends.append(Mend(error.code, size_px=smaller))
            return 0.0
        wait_s = self._wait_s(course, error)
        if wait_s is not None:
            course.will_repeat(error, wait_s, self._timing.call_timeout_s)
        return wait_s

    async def _settle_attempt(self, course: Course, error: EngineError) -> None:
        """Record a failed attempt that may have cost, and set money aside for the next one."""
        retried = course.retried(error)
        course.begin_again()
        if retried.cost != FREE:
            await self._recorder.append(retried, course.reservation_id)
            await self._reserve(course)

    async def _attempt(self, course: Course) -> Outcome:
        """Wait for a place, send the call once, judge its answer and record what it came to.

        The place is free only when the outcome is on disk: a crash loses no more than is out.
        """
        plan, model = course.plan, course.plan.request.model
        repeats = course.attempts > 1 and plan.terms.urgency is Urgency.BATCH
        urgency = Urgency.REPEAT if repeats else plan.terms.urgency
        async with self._pacer.slot(model, _tokens(course), urgency) as ticket:
            try:
                course.answer = await self._send(course)
            except EngineError as error:
                self._notice(model, error)
                raise
            self._latencies.note(plan.kind, course.latency_s)
            self._pacer.served(model)
            self._pacer.learn(model, course.answer.limits, ticket)
            try:
                success = course.success(validate_answer(course.answer, plan.request.schema))
            except AnswerError as error:
                return await self._land(course, course.failure(error))
            if not course.flight.text:
                course.flight.emit(success.text)
            return await self._land(course, success)

    def _notice(self, model: str, error: EngineError) -> None:
        """Let everybody profit from what one call met."""
        if isinstance(error, RateLimitError | UnavailableError):
            self._pacer.refused(model)
        if error.retryable and error.retry_after_s:
            self._pacer.hold(model, error.retry_after_s)

    async def _send(self, course: Course) -> EngineAnswer:
        started_s = self._timing.clock()
        if course.deadline_s is None:
            course.deadline_s = started_s + self._deadline_s(course)
        timeout_s = min(self._patience_s(course), course.deadline_s - started_s)
        if timeout_s <= 0:
            raise TimeoutExceededError(Phrase("The time for this request was used up by waiting."))
        course.go_out()
        # Once pieces were shown, a repeated call is not streamed: it would begin again.
        streams = course.flight.streaming and not course.flight.text
        try:
            return await self.engine.send(
                engine_call(course, timeout_s), course.flight.emit if streams else None
            )
        finally:
            course.latency_s = self._timing.clock() - started_s

    def _patience_s(self, course: Course) -> float:
        """Return how long an attempt may take; less for a last one, once, than is configured.

        It may be paid twice then, so that is only done where everybody waits for it.
        """
        usual_s = course.timeout_s(self._timing.call_timeout_s)
        if course.plan.terms.wire.is_last and course.attempts == 1:
            return min(usual_s, self._latencies.patience_s(course.plan.kind))
        return usual_s

    def _wait_s(self, course: Course, error: EngineError) -> float | None:
        remaining_s = self._deadline_s(course)
        if course.deadline_s is not None:
            remaining_s = course.deadline_s - self._timing.clock()
        policy = course.plan.terms.policy or self._timing.policy
        return next_wait_s(error, course.attempts, policy, self._timing.jitter, remaining_s)

    def _deadline_s(self, course: Course) -> float:
        return course.plan.terms.deadline_s or self._timing.deadline_s

    # What the steps stand on.

    def _plan(self, request: AnalysisRequest, terms: Terms = _USUAL_TERMS) -> Plan:
        return plan_request(request, terms, self.catalog.card(request.model), self.engine)

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
        if plan.terms.urgency is not Urgency.BATCH:
            return await asyncio.to_thread(self._quote_now, plan, image)  # counting takes a while
        alike = (replace(plan.parts, source_digest="", page=None), plan.request.max_size)
        key = (alike, plan.request.task, image.width_px, image.height_px, image.text_layer)
        made_at_s, quote = self._quotes.get(key, (-inf, None))
        if quote is None or self._timing.clock() - made_at_s > _QUOTE_KEPT_S:
            quote = await asyncio.to_thread(self._quote_now, plan, image)
            if len(self._quotes) >= _QUOTES_KEPT:
                self._quotes.clear()
            self._quotes[key] = (self._timing.clock(), quote)
        return quote

    def _quote_now(self, plan: Plan, image: PreparedImage) -> Quote:
        history = self.ledger.output_tokens_history(plan.request.task, plan.request.model)
        with _size_errors():
            layer = layer_tokens(image.text_layer, plan.request.model)
            return quote_plan(plan, image.width_px, image.height_px, layer, history)

    async def _land(self, course: Course, outcome: Outcome) -> Outcome:
        """Record the outcome and free what was reserved."""
        course.is_landed = True
        return await self._record(
            course.plan,
            outcome,
            course.record(outcome),
            course.reservation_id,
            {mend.code for mend in course.mends},
        )

    async def _record(
        self,
        plan: Plan,
        outcome: Outcome,
        row: CallRecord | None,
        settles: str | None = None,
        met: Collection[str] = (),
    ) -> Outcome:
        """Write an outcome down and return it as recorded; what is held now is so in the cache."""
        judged = await self._recorder.record(plan, outcome, row, settles, met)
        was_held = isinstance(outcome, Success) and outcome.held
        is_held = isinstance(judged.outcome, Success) and judged.outcome.held
        for key in (*judged.also_held, *([plan.key] if is_held and not was_held else [])):
            await self._on_disk(self.cache.revise, key, lambda answer: hold(answer, REPEATED))
        return judged.outcome

    async def accept(self, request_key: str) -> None:
        """Serve a held answer from now on as any other: a person has looked at it.

        Raises:
            StorageError: If the disk does not take it.
        """
        await self.writer.run(lambda connection: accept_key(connection, request_key))
        await self._on_disk(self.cache.revise, request_key, accept)

    async def forget(self, request_key: str) -> None:
        """Serve a kept answer no more."""
        await self._on_disk(self.cache.forget, request_key)

    async def _cut_off(self, course: Course, status: CallStatus, code: str) -> None:
        """Record a call that ended without an outcome."""
        if not course.is_landed:
            await self._recorder.append(course.cut_off(status, code), course.reservation_id)

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
        catalog=load_catalog(directory / USER_MODELS),
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


def engine_call(course: Course, timeout_s: float) -> EngineCall:
    """Return a request that is ready as the engine takes it."""
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
