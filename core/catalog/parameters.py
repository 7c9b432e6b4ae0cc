"""Leave out what a model does not take, and say so."""

from dataclasses import dataclass, replace

from core.catalog.models import ModelCard, TemperatureRule
from core.phrases import Phrase
from core.types import AnswerSchema, Detail, Sampling


@dataclass(frozen=True, slots=True)
class FittedParameters:
    """What can be sent to this model; `notes` names everything that was left out or changed."""

    sampling: Sampling
    schema: AnswerSchema | None
    detail: Detail
    notes: tuple[Phrase, ...] = ()


def fit_parameters(
    card: ModelCard, sampling: Sampling, schema: AnswerSchema | None, detail: Detail
) -> FittedParameters:
    """Return the parameters that `card` takes; what is not known about a model stays as it is.

    Source: https://developers.openai.com/api/docs/guides/reasoning, read 2026-11-23.
    """
    fitted = FittedParameters(sampling, schema, detail)
    for fit in (_fit_effort, _fit_temperature, _fit_output_limit, _fit_schema, _fit_detail):
        fitted = fit(card, fitted)
    return fitted


def _fit_effort(card: ModelCard, fitted: FittedParameters) -> FittedParameters:
    effort = fitted.sampling.reasoning_effort
    if effort is None or card.reasoning_efforts is None or effort in card.reasoning_efforts:
        return fitted
    if not card.reasoning_efforts:
        note = Phrase(
            "The reasoning effort was left out: {model} does not reason.", {"model": card.name}
        )
    else:
        note = Phrase(
            "The reasoning effort '{effort}' was left out: {model} takes {efforts}.",
            {"effort": effort, "model": card.name, "efforts": ", ".join(card.reasoning_efforts)},
        )
    sampling = replace(fitted.sampling, reasoning_effort=None)
    return replace(fitted, sampling=sampling, notes=(*fitted.notes, note))


def _fit_temperature(card: ModelCard, fitted: FittedParameters) -> FittedParameters:
    sampling = fitted.sampling
    if card.temperature in (None, TemperatureRule.ALWAYS):
        return fitted
    effort = sampling.reasoning_effort or card.default_reasoning_effort
    if card.temperature is TemperatureRule.WITHOUT_REASONING and effort == "none":
        return fitted
    without = replace(sampling, temperature=None, top_p=None)
    if without == sampling:
        return fitted
    if card.temperature is TemperatureRule.NEVER:
        note = Phrase(
            "Temperature and top_p were left out: {model} does not take them.",
            {"model": card.name},
        )
    else:
        note = Phrase(
            "Temperature and top_p were left out: {model} takes them only with the reasoning "
            "effort 'none'.",
            {"model": card.name},
        )
    return replace(fitted, sampling=without, notes=(*fitted.notes, note))


def _fit_output_limit(card: ModelCard, fitted: FittedParameters) -> FittedParameters:
    wanted, limit = fitted.sampling.max_output_tokens, card.max_output_tokens
    if limit is None or wanted <= limit:
        return fitted
    note = Phrase(
        "The output limit was lowered from {wanted:,} to {limit:,} tokens, the most that {model} "
        "writes.",
        {"wanted": wanted, "limit": limit, "model": card.name},
    )
    sampling = replace(fitted.sampling, max_output_tokens=limit)
    return replace(fitted, sampling=sampling, notes=(*fitted.notes, note))


def _fit_schema(card: ModelCard, fitted: FittedParameters) -> FittedParameters:
    if fitted.schema is None or card.structured_output is not False:
        return fitted
    note = Phrase(
        "The JSON Schema was not sent: {model} does not take one, so the form of the answer is "
        "only checked afterwards.",
        {"model": card.name},
    )
    return replace(fitted, schema=None, notes=(*fitted.notes, note))


def _fit_detail(card: ModelCard, fitted: FittedParameters) -> FittedParameters:
    if fitted.detail in card.details:
        return fitted
    note = Phrase(
        "The detail '{wanted}' was changed to 'high': {model} does not take it.",
        {"wanted": fitted.detail.value, "model": card.name},
    )
    return replace(fitted, detail=Detail.HIGH, notes=(*fitted.notes, note))
