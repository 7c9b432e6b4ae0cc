"""What the endpoint can do: key, models, an answer, pictures, the Batch API.

The first and the last are free of charge. A question costs as any other does: it keeps the budget
and has its row in the ledger.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Final, Protocol, runtime_checkable
from uuid import uuid4

from core.catalog import ModelCard
from core.checks import Check, CheckState, Finding, not_reached, run_check, skipped
from core.client import VisionClient
from core.course import FREE, UNKNOWN_COST
from core.engines.base import EngineAnswer, EngineCall
from core.engines.jobs import BatchLane
from core.engines.openai import EMBEDDED_ENGINE
from core.errors import (
    AuthenticationError,
    EngineError,
    ModelUnavailableError,
    PermissionDeniedError,
    RequestRejectedError,
    VisionError,
)
from core.phrases import N_, Phrase
from core.pricing import UnpricedTierError, request_cost_usd
from core.settings import Settings
from core.store.calls import CallRecord, CallStatus, PlannedCall
from core.tasks import prompt_for, task
from core.types import (
    AnalysisRequest,
    Cost,
    CostBasis,
    Detail,
    Failure,
    ImageSource,
    Sampling,
    TokenUsage,
)

AUTHENTICATION: Final = "authentication", N_("Key")
MODELS: Final = "models", N_("List of models")
COMPLETION: Final = "completion", N_("Short answer")
IMAGES: Final = "images", N_("Picture input")
BATCHES: Final = "batches", N_("Batch API")

ENDPOINT_LAYERS: Final = (AUTHENTICATION, MODELS, BATCHES, COMPLETION, IMAGES)

_RED_PICTURE: Final = Path(__file__).resolve().parent.parent / "assets" / "red.png"
_RED: Final = ("red", "红")
_WORD_WITHIN_S: Final = 60.0
_WORD_USAGE: Final = TokenUsage(input_tokens=30, output_tokens=16)
"""More than the shortest question and answer take; a model that reasons refuses a limit of 1."""


@runtime_checkable
class Endpoint(Protocol):
    """An engine that can say what its endpoint offers."""

    async def model_names(self) -> tuple[str, ...]:
        """Return the models that the endpoint lists."""
        ...

    async def batch_lane(self) -> BatchLane:
        """Return the way to the Batch API; whether there is one, its `check` tells."""
        ...


@dataclass(frozen=True, slots=True)
class PaidChecks:
    """Whether to ask the model, which costs, and who asks (for the ledger)."""

    wanted: bool
    front_end: str


async def check_endpoint(
    endpoint: Endpoint, client: VisionClient, settings: Settings, paid: PaidChecks
) -> AsyncIterator[Check]:
    """Yield what the endpoint can do, check by check."""
    listing = await check_listing(endpoint, settings)
    for check in listing:
        yield check
    is_open = all(check.state is not CheckState.FAIL for check in listing)
    if not is_open:
        for skipped_check in (BATCHES, COMPLETION, IMAGES):
            yield not_reached(*skipped_check)
        return
    yield await check_batches(endpoint)
    if settings.embedded or paid.wanted:
        completion = await check_completion(client, settings.model, paid.front_end)
        yield completion
        if completion.state is CheckState.FAIL:
            yield not_reached(*IMAGES)
        else:
            yield await check_images(client, settings.model, paid.front_end)
    else:
        why = paid_notice(await paid_checks_usd(client, settings.model))
        yield skipped(*COMPLETION, why)
        yield skipped(*IMAGES, why)


async def check_listing(endpoint: Endpoint, settings: Settings) -> list[Check]:
    """Ask for the list of models, which costs nothing and shows whether the key is accepted."""
    listing = await run_check(*MODELS, lambda: _find_model(endpoint, settings.model))
    if listing.code in {AuthenticationError.code, PermissionDeniedError.code}:
        key = replace(listing, name=AUTHENTICATION[0], title=AUTHENTICATION[1])
        return [key, not_reached(*MODELS)]
    return [_judge_key(listing, settings), listing]


def _judge_key(listing: Check, settings: Settings) -> Check:
    if settings.embedded:
        return skipped(*AUTHENTICATION, Phrase("The engine inside Tessera needs no key."))
    if listing.code is not None:
        return not_reached(*AUTHENTICATION)
    if listing.state is CheckState.SKIP:
        said = Phrase("Only a question can tell whether the key is accepted.")
        return skipped(*AUTHENTICATION, said)
    if settings.openai_api_key is None:
        said = Phrase("No key is set, and the server does not ask for one.")
    else:
        said = Phrase("The server accepts the key.")
    return Check(*AUTHENTICATION, CheckState.OK, said, latency_s=listing.latency_s)


async def _find_model(endpoint: Endpoint, model: str) -> Finding:
    try:
        listed = await endpoint.model_names()
    except (ModelUnavailableError, RequestRejectedError):  # 404, 405: some servers have no list
        said = Phrase("The server answers but does not list its models.")
        return Finding(said, CheckState.SKIP)
    if model in listed:
        return Finding(Phrase("The server answers and offers {model}.", {"model": model}))
    said = Phrase(
        "The server lists {count} models, and {model} is not among them.",
        {"count": len(listed), "model": model},
    )
    return Finding(said, CheckState.WARN)


async def check_batches(endpoint: Endpoint) -> Check:
    """Ask for one batch: half the price for what is not urgent, where the server has that."""

    async def ask() -> Finding:
        try:
            await (await endpoint.batch_lane()).check()
        except (ModelUnavailableError, RequestRejectedError):
            said = Phrase("This server has no Batch API: batches take the realtime lane.")
            return Finding(said, CheckState.SKIP)
        return Finding(Phrase("The server takes batches."))

    return await run_check(*BATCHES, ask)


async def check_completion(client: VisionClient, model: str, front_end: str) -> Check:
    """Ask for one word, without a picture."""
    if client.engine.name == EMBEDDED_ENGINE:
        why = Phrase("Does not apply: the engine inside Tessera answers only about pictures.")
        return skipped(*COMPLETION, why)

    async def ask() -> Finding:
        answer = await _ask_for_a_word(client, model, front_end)
        return Finding(Phrase("{model} answered.", {"model": answer.model or model}))

    return await run_check(*COMPLETION, ask)


async def check_images(client: VisionClient, model: str, front_end: str) -> Check:
    """Ask for the colour of a red picture, past the cache, the whole way of every answer.

    A server that drops pictures silently answers, too, but cannot know the colour.
    """
    outcome = await client.analyze(_colour_question(model), front_end=front_end)
    if isinstance(outcome, Failure):
        return Check(*IMAGES, CheckState.FAIL, outcome.detail, outcome.code, outcome.latency_s)
    if any(word in outcome.text.lower() for word in _RED):
        said = Phrase("{model} saw that the picture is red.", {"model": outcome.model})
        return Check(*IMAGES, CheckState.OK, said, latency_s=outcome.latency_s)
    said = Phrase(
        "{model} answered, but did not see that the picture is red: it may not get the picture.",
        {"model": outcome.model},
    )
    return Check(*IMAGES, CheckState.WARN, said, latency_s=outcome.latency_s)


async def paid_checks_usd(client: VisionClient, model: str) -> Decimal | None:
    """Return what the two questions are expected to cost; None where that is not known."""
    word_usd = _word_usd(client.catalog.card(model))
    try:
        quote = await client.quote(_colour_question(model))
    except VisionError:
        return None
    if word_usd is None or quote.realtime is None:
        return None
    return word_usd + quote.realtime.expected


def paid_notice(usd: Decimal | None) -> Phrase:
    """Return why the model was not asked."""
    if usd is None:
        return Phrase("Not asked: it costs money, and how much is not known.")
    return Phrase("Not asked: both questions together cost about ${usd}.", {"usd": f"{usd:.5f}"})


def red_picture() -> ImageSource:
    """Return a small picture that is red all over."""
    return ImageSource(_RED_PICTURE.name, _RED_PICTURE.read_bytes())


def _colour_question(model: str) -> AnalysisRequest:
    custom = task("custom")
    system, prompt = prompt_for(custom, custom_prompt="Which colour has this picture? One word.")
    return AnalysisRequest(
        source=red_picture(),
        task=custom.name,
        prompt=prompt,
        system=system,
        model=model,
        detail=Detail.LOW,
        sampling=Sampling(max_output_tokens=2000),  # a model that reasons needs room
        use_cache=False,
    )


async def _ask_for_a_word(client: VisionClient, model: str, front_end: str) -> EngineAnswer:
    """Ask the engine, with money set aside before and a row in the ledger after it.

    Raises:
        VisionError: Whatever went wrong.
    """
    card, reservation = client.catalog.card(model), uuid4().hex
    usd = _word_usd(card)
    planned = PlannedCall(
        front_end=front_end,
        task="custom",
        model=model,
        engine=client.engine.name,
        detail=Detail.LOW.value,
        request_key="",
        estimated_usd=usd,
    )
    await asyncio.to_thread(client.budget.reserve, reservation, planned, usd)
    status, code, cost, usage = CallStatus.FAILED, None, UNKNOWN_COST, None
    started_s = time.monotonic()
    try:
        answer = await client.engine.send(_word_call(card))
        status, cost, usage = CallStatus.SUCCEEDED, _billed(card, answer), answer.usage
    except EngineError as error:
        code, cost = error.code, UNKNOWN_COST if error.maybe_billed else FREE
        raise
    finally:
        latency_s = time.monotonic() - started_s
        record = CallRecord(planned, status, cost, code, usage=usage, latency_s=latency_s)
        await asyncio.to_thread(client.ledger.record, record, reservation)
    return answer


def _word_call(card: ModelCard) -> EngineCall:
    limit_tokens = 1 if card.reasoning_efforts == () else _WORD_USAGE.output_tokens
    return EngineCall(
        model=card.name,
        system="Answer with one word.",
        prompt="Say: ok",
        image=None,
        detail=Detail.LOW,
        sampling=Sampling(max_output_tokens=limit_tokens),
        schema=None,
        timeout_s=_WORD_WITHIN_S,
    )


def _word_usd(card: ModelCard) -> Decimal | None:
    return None if card.price is None else request_cost_usd(_WORD_USAGE, card.price)


def _billed(card: ModelCard, answer: EngineAnswer) -> Cost:
    if card.price is None or answer.usage is None:
        return UNKNOWN_COST
    try:
        usd = request_cost_usd(answer.usage, card.price, answer.service_tier)
    except UnpricedTierError:
        return UNKNOWN_COST
    return Cost(usd, CostBasis.MEASURED)
