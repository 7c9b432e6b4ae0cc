"""What follows from a request and the catalogue alone: parameters, request key, quote."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from random import getrandbits

from core.catalog import ModelCard
from core.catalog.parameters import FittedParameters, fit_parameters
from core.catalog.rules import ImageRule, rule_to_json
from core.engines.base import Engine
from core.engines.openai import EMBEDDED_ENGINE
from core.engines.wire import TEXT_LAYER_LINE
from core.quote import Quote, expect_output_tokens, quote_request
from core.request_key import KeyParts, canonical_json, request_key
from core.store.calls import CallRecord, CallStatus, PlannedCall
from core.tasks import TASKS
from core.terms import Terms
from core.tokens import ImageTokensError, Size, TokenRange, sent_size
from core.types import AnalysisRequest, Detail, PreparedImage, Sampling, Success

TOKENIZED_AS = "gpt-4o"
"""The model whose tokens stand for all; no other encoding is published."""


def _new_name() -> str:
    """Return a name that no other request has; it is no secret, so the system is not asked."""
    return f"{getrandbits(128):032x}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A request made ready: what will be sent and under which key its answer is kept.

    `is_free` says that the engine inside Tessera answers. `request_id` is new for each request and
    groups its attempts in the ledger.
    """

    request: AnalysisRequest
    terms: Terms
    engine: str
    is_free: bool
    card: ModelCard
    fitted: FittedParameters
    parts: KeyParts
    key: str
    request_id: str = field(default_factory=_new_name)

    @property
    def picture(self) -> str:
        """Return what names the original and its page, whatever is asked about it."""
        return f"{self.parts.source_digest}/{self.parts.page or 0}"

    @property
    def kind(self) -> tuple[str, str, int]:
        """Return what requests share that take about as long to answer."""
        limit_tokens = self.fitted.sampling.max_output_tokens
        return self.request.model, self.request.task, limit_tokens

    def call(self, quote: Quote | None) -> PlannedCall:
        """Return what the ledger keeps about the call; without a quote nothing is estimated."""
        tokens = quote.input_tokens if quote else None
        usd = quote.realtime if quote else None
        return PlannedCall(
            front_end=self.terms.front_end,
            task=self.request.task,
            model=self.request.model,
            engine=self.engine,
            detail=self.fitted.detail.value,
            request_key=self.key,
            estimated_input_tokens=tokens.expected if tokens else None,
            estimated_output_tokens=quote.output_tokens.expected if quote else None,
            estimated_usd=usd.expected if usd else None,
            batch=self.terms.batch,
            item=self.terms.item,
            request_id=self.request_id,
            source_digest=self.parts.source_digest,
        )

    def unpaid_record(self, answer: Success) -> CallRecord:
        """Return the ledger's row for an answer from the cache or from another caller's call."""
        return CallRecord(
            planned=self.call(None),
            status=CallStatus.SUCCEEDED,
            cached=True,
            usage=answer.usage,
            cost=answer.cost,
            saved_usd=answer.saved_usd,
            attempts=0,
        )


def plan_request(request: AnalysisRequest, terms: Terms, card: ModelCard, engine: Engine) -> Plan:
    """Return the plan of a request for the model on `card`; nothing is decoded for it."""
    fitted = fit_parameters(card, request.sampling, request.schema, request.detail)
    schema = request.schema
    parts = KeyParts(
        tenant=request.tenant,
        source_digest=request.source.digest,
        page=request.source.page,
        preparation=_preparation(card.image_rule, fitted.detail, request.max_size),
        prompt=request.prompt,
        system=request.system,
        schema=canonical_json([schema.name, schema.schema]) if schema else None,
        model=request.model,
        endpoint=engine.origin,
        sampling=_sampling(fitted.sampling),
    )
    return Plan(
        request=request,
        terms=terms,
        engine=engine.name,
        is_free=engine.name == EMBEDDED_ENGINE,
        card=card,
        fitted=fitted,
        parts=parts,
        key=request_key(parts),
    )


@lru_cache(64)
def _preparation(rule: ImageRule, detail: Detail, max_size: tuple[int, int] | None) -> str:
    return canonical_json([rule_to_json(rule), detail, max_size])


def _sampling(sampling: Sampling) -> str:
    return canonical_json({name: getattr(sampling, name) for name in Sampling.__slots__})


def quote_plan(
    plan: Plan, width_px: int, height_px: int, layer_tokens: int, output_history: Sequence[int]
) -> Quote:
    """Return what the call will use and cost.

    Args:
        plan: The request.
        width_px: Of its picture, as it came in or as it will be sent: both cost the same.
        height_px: Likewise.
        layer_tokens: From `layer_tokens`; 0 for what is no PDF page.
        output_history: Output tokens of earlier answers to the same task.

    Raises:
        ImageTokensError: If the model cannot take a picture of this size.
    """
    # The tokenizer is slow to load, and nothing else here needs it.
    from core.text_tokens import request_text_tokens

    request, limit_tokens = plan.request, plan.fitted.sampling.max_output_tokens
    size = Size(width_px, height_px)
    if request.max_size:
        rule, detail = plan.card.image_rule, plan.fitted.detail
        size = sent_size(width_px, height_px, rule, detail, request.max_size)
    task = TASKS.get(request.task)
    typical_tokens = task.typical_output_tokens if task else limit_tokens // 2
    output = expect_output_tokens(output_history, typical_tokens, limit_tokens)
    text = request_text_tokens(request.prompt, request.system, plan.fitted.schema, request.model)
    return _quote_of_size(plan, size, text.tokens + layer_tokens, output)


def _quote_of_size(plan: Plan, size: Size, text_tokens: int, output: TokenRange) -> Quote:
    return quote_request(
        plan.card,
        size.width_px,
        size.height_px,
        plan.fitted.detail,
        text_tokens,
        max_output_tokens=output.high,
        expected_output_tokens=output.expected,
        low_output_tokens=output.low,
    )


def saved_by_resizing_usd(plan: Plan, image: PreparedImage, quote: Quote) -> Decimal | None:
    """Return what the person's own limit on the size saves, in USD; None where that is not known.

    Shrinking to what the model sees saves bytes, no money.
    """
    if quote.realtime is None:
        return None
    if plan.request.max_size is None:
        return Decimal(0)
    size = Size(image.original_width_px, image.original_height_px)
    try:
        original = _quote_of_size(plan, size, quote.text_tokens, quote.output_tokens)
    except ImageTokensError:  # the model would not have taken it
        return None
    return original.realtime.expected - quote.realtime.expected if original.realtime else None


def layer_tokens(text_layer: str | None, model: str) -> int:
    """Return the tokens of a PDF page's own text as it is sent beside the picture."""
    from core.text_tokens import text_tokens

    if text_layer is None:
        return 0
    return text_tokens(f"{TEXT_LAYER_LINE}\n{text_layer}", model).tokens
