"""One request on its way: what was planned, what happened so far, and what it comes to."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from core.answer import ValidAnswer
from core.engines.base import EngineAnswer, EngineCall
from core.errors import EngineError, TimeoutExceededError, VisionError
from core.fixes import LONGER, Mend, mend_notes, wait_notes
from core.flights import Flight
from core.phrases import Phrase
from core.plan import Plan, saved_by_resizing_usd
from core.pricing import UnpricedTierError, request_cost_usd
from core.quote import Quote
from core.review import hold, near_empty
from core.store.calls import CallRecord, CallStatus
from core.types import (
    Cost,
    CostBasis,
    Failure,
    Outcome,
    PreparedImage,
    Success,
)

FREE = Cost(Decimal(0), CostBasis.MEASURED)
UNKNOWN_COST = Cost(None, CostBasis.UNKNOWN)


@dataclass
class Course:
    """The state of one request between its plan and its outcome.

    `answer` and `latency_s` are those of the last attempt, `is_sent` says that it reached the
    wire. `deadline_s` is on the monotonic clock and set when the first attempt starts.
    `is_landed` says that its outcome is being recorded: what happens now changes it no more.
    `mends` is what was done about failed attempts, `held_s` the seconds that it waited for a limit
    which another request had met.
    """

    plan: Plan
    flight: Flight
    image: PreparedImage | None = None
    quote: Quote | None = None
    attempts: int = 0
    is_sent: bool = False
    deadline_s: float | None = None
    answer: EngineAnswer | None = None
    latency_s: float = 0.0
    is_landed: bool = False
    mends: list[Mend] = field(default_factory=list)
    held_s: float = 0.0

    @property
    def reservation_id(self) -> str:
        """Return under which name the request's money is held."""
        return self.plan.request_id

    @property
    def most_tokens(self) -> int:
        """Return what the server will count against the tokens of its minute."""
        quote = self.quote
        input_tokens = quote.input_tokens.high if quote and quote.input_tokens else 0
        return input_tokens + self.plan.fitted.sampling.max_output_tokens

    def call(self, timeout_s: float) -> EngineCall:
        """Return the request, which is ready, as the engine takes it."""
        request, fitted, image = self.plan.request, self.plan.fitted, self.image
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

    def go_out(self) -> None:
        """Say that an attempt is on the wire from now on."""
        self.is_sent = self.plan.terms.wire.is_out = True

    def begin_again(self) -> None:
        """Forget the last attempt: what it cost is not the next one's."""
        self.answer, self.is_sent = None, False
        self.plan.terms.wire.is_out = False

    def success(self, valid: ValidAnswer) -> Success:
        """Return the outcome of a valid answer, held if it says too little."""
        answer, image = self.answer, self.image
        assert answer is not None and image is not None  # noqa: S101, PT018 - for the types
        success = Success(
            text=valid.text,
            data=valid.data,
            model=answer.model or self.plan.request.model,
            engine=self.plan.engine,
            finish_reason=answer.finish_reason or "",
            usage=answer.usage,
            cost=self._answer_cost(answer),
            latency_s=self.latency_s,
            attempts=self.attempts,
            request_key=self.plan.key,
            first_token_s=answer.first_token_s,
            notes=(*image.notes, *self._made_of(answer), *valid.notes),
        )
        doubt = near_empty(self.plan.request.task, success, image)
        return hold(success, doubt) if doubt else success

    def failure(self, error: VisionError) -> Failure:
        """Return the outcome of a call that brought no usable answer, with what it cost."""
        answer = self.answer
        return Failure(
            code=error.code,
            detail=error.detail,
            retryable=error.retryable,
            cost=self.error_cost(error),
            attempts=self.attempts,
            latency_s=self.latency_s,
            model=(answer.model if answer else "") or self.plan.request.model,
            engine=self.plan.engine,
            usage=answer.usage if answer else None,
            partial_text=answer.text if answer else self.flight.text,
            notes=self._made_of(answer),
        )

    def timeout_s(self, usual_s: float) -> float:
        """Return how long the next attempt may take: longer after one that timed out."""
        return usual_s * LONGER if any(mend.timeout_s for mend in self.mends) else usual_s

    def will_repeat(self, error: EngineError, wait_s: float, usual_timeout_s: float) -> None:
        """Note that the failed attempt is repeated after a wait."""
        timeout_s = usual_timeout_s * LONGER if isinstance(error, TimeoutExceededError) else None
        self.mends.append(Mend(error.code, wait_s, timeout_s))

    def _made_of(self, answer: EngineAnswer | None) -> tuple[Phrase, ...]:
        """Return the notes on what was left out, done and met on the way."""
        notes = answer.notes if answer else ()
        waited = wait_notes(self.held_s)
        return (*self.plan.fitted.notes, *mend_notes(self.mends), *waited, *notes)

    def error_cost(self, error: VisionError) -> Cost:
        """Return what a failed attempt cost: an answer was billed, an error only perhaps."""
        if self.answer is not None:
            return self._answer_cost(self.answer)
        if self.plan.is_free or not self.is_sent:
            return FREE
        maybe_billed = isinstance(error, EngineError) and error.maybe_billed
        return UNKNOWN_COST if maybe_billed or self.flight.text else FREE

    def stopped_cost(self) -> Cost:
        """Return what a call that was cut off on our side cost: its estimate, if it was sent."""
        return self._estimated_cost() if self.is_sent and not self.plan.is_free else FREE

    def record(self, outcome: Outcome) -> CallRecord:
        """Return the ledger's row for the outcome."""
        record = CallRecord(
            planned=self.plan.call(self.quote),
            status=CallStatus.SUCCEEDED,
            usage=outcome.usage,
            cost=outcome.cost,
            latency_s=outcome.latency_s,
            attempts=outcome.attempts,
            saved_by_resizing_usd=self._saved_by_resizing_usd() if outcome.cost.usd else None,
        )
        if isinstance(outcome, Success):
            return replace(record, first_token_s=outcome.first_token_s)
        return replace(record, status=CallStatus.FAILED, code=outcome.code)

    def cut_off(self, status: CallStatus, code: str) -> CallRecord | None:
        """Return the ledger's row for a call that ended without an outcome.

        None for an item of a batch that is put back before it was sent: it was no call.
        """
        if status is CallStatus.STOPPED and self.plan.terms.keep and not self.is_sent:
            return None
        return CallRecord(
            planned=self.plan.call(self.quote),
            status=status,
            code=code,
            cost=self.stopped_cost(),
            latency_s=self.latency_s,
            attempts=self.attempts,
        )

    def retried(self, error: VisionError) -> CallRecord:
        """Return the ledger's row for an attempt that is repeated though it may have cost."""
        return CallRecord(
            planned=self.plan.call(self.quote),
            status=CallStatus.RETRIED,
            code=error.code,
            usage=self.answer.usage if self.answer else None,
            cost=self.error_cost(error),
            latency_s=self.latency_s,
            attempts=self.attempts,
        )

    def _saved_by_resizing_usd(self) -> Decimal | None:
        if self.quote is None or self.image is None:
            return None
        return saved_by_resizing_usd(self.plan, self.image, self.quote)

    def _answer_cost(self, answer: EngineAnswer) -> Cost:
        """Return what the server billed; without its count, what was expected."""
        if self.plan.is_free:
            return FREE
        if answer.usage is None:
            return self._estimated_cost()
        if self.plan.card.price is None:
            return UNKNOWN_COST
        try:
            usd = request_cost_usd(answer.usage, self.plan.card.price, answer.service_tier)
        except UnpricedTierError:
            return UNKNOWN_COST
        return Cost(usd, CostBasis.MEASURED)

    def _estimated_cost(self) -> Cost:
        usd = self.quote.realtime if self.quote else None
        return Cost(usd.expected, CostBasis.ESTIMATED) if usd else UNKNOWN_COST
