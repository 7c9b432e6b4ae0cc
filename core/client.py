"""The one way to every answer: cache, single flight, budget, pace, retry, engine, validation."""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import replace

from core.answer import validate_answer
from core.backoff import next_wait_s
from core.budget import Budget
from core.cache import ResultCache, as_cached
from core.catalog import Catalog
from core.course import FREE, Course
from core.disk import DiskThread
from core.engines.base import Engine, EngineAnswer, TextSink
from core.errors import (
    AnswerError,
    EngineError,
    RateLimitError,
    StoppedError,
    StorageError,
    TimeoutExceededError,
    UnavailableError,
    VisionError,
)
from core.fixes import Mend, smaller_size
from core.flights import Flight, SingleFlights
from core.latency import Latencies
from core.pacing import Pacer, PaceUse, Urgency
from core.phrases import Phrase
from core.plan import Plan, plan_request
from core.prepared import PreparedImages, Preparer
from core.quote import Quote
from core.quoting import Quoter, size_errors
from core.recorder import Recorder
from core.review import REPEATED, accept, hold
from core.store.calls import CallRecord, CallStatus
from core.store.ledger import Ledger
from core.store.review import accept_key
from core.store.writer import GroupWriter
from core.terms import Terms
from core.timing import Timing
from core.types import AnalysisRequest, Outcome, PreparedImage, Success

_log = logging.getLogger(__name__)

_PREPARED_BYTES = 64 * 2**20
_USUAL_TERMS = Terms()


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
        self._disk = DiskThread()
        self._latencies = Latencies()
        self._repeats = 0
        self._quoter = Quoter(ledger, timing.clock)

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
            if answer := await self._disk.run(self.cache.get, plan.key):
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
        return await self._quoter.quote(plan, await self._prepare(plan))

    # For lanes that send requests another way

    def plan(self, request: AnalysisRequest, terms: Terms) -> Plan:
        """Return what follows from a request; nothing is decoded for it."""
        return self._plan(request, terms)

    async def kept_answer(self, plan: Plan) -> Success | None:
        """Return the answer from the cache, if it has one."""
        return await self._disk.run(self.cache.get, plan.key)

    async def make_ready(self, plan: Plan) -> Course:
        """Return a request with its picture as it is sent and, where it costs, its quote.

        Raises:
            VisionError: If the source cannot be used.
        """
        image = await self._prepare(plan)
        quote = None if plan.is_free else await self._quoter.quote(plan, image)
        return Course(plan, Flight(streaming=False), image, quote)

    async def land(
        self, plan: Plan, outcome: Outcome, row: CallRecord | None, settles: str | None = None
    ) -> Outcome:
        """Record an outcome that came another way, and keep a good answer for later requests."""
        outcome = await self._record(plan, outcome, row, settles)
        if isinstance(outcome, Success) and not outcome.cached:
            await self._disk.run(self.cache.store, plan.parts, outcome)
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
        await self._disk.run(self.cache.close)
        self._disk.close()
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
            await self._disk.run(self.cache.store, plan.parts, outcome)
        return outcome

    async def _reserve(self, course: Course) -> None:
        """Quote the call and set its money aside; the embedded engine costs nothing."""
        if course.plan.is_free or course.image is None:
            return
        course.quote = course.quote or await self._quoter.quote(course.plan, course.image)
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
        async with self._pacer.slot(model, course.most_tokens, urgency) as ticket:
            course.held_s += ticket.held_s
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
                course.call(timeout_s), course.flight.emit if streams else None
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
        with size_errors():
            return await self._images.get(
                source,
                parts.source_digest,
                plan.card.image_rule,
                parts.preparation,
                plan.fitted.detail,
                plan.request.max_size,
                keeps=plan.terms.batch is None,
            )

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
            await self._disk.run(self.cache.revise, key, lambda answer: hold(answer, REPEATED))
        return judged.outcome

    async def accept(self, request_key: str) -> None:
        """Serve a held answer from now on as any other: a person has looked at it.

        Raises:
            StorageError: If the disk does not take it.
        """
        await self.writer.run(lambda connection: accept_key(connection, request_key))
        await self._disk.run(self.cache.revise, request_key, accept)

    async def forget(self, request_key: str) -> None:
        """Serve a kept answer no more."""
        await self._disk.run(self.cache.forget, request_key)

    async def _cut_off(self, course: Course, status: CallStatus, code: str) -> None:
        """Record a call that ended without an outcome."""
        if not course.is_landed:
            await self._recorder.append(course.cut_off(status, code), course.reservation_id)
