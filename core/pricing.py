"""What a request costs, from the tokens that were billed. Pure and exact: Decimal, unrounded.

Rates are data (core/catalog/models.toml). Source of the rules:
https://developers.openai.com/api/docs/pricing, read 2026-11-23.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from core.types import TokenUsage


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens of one service tier.

    None means that the vendor has no separate rate: cached reads and cache writes are then
    billed like any other input.
    """

    input_usd: Decimal
    output_usd: Decimal
    cached_input_usd: Decimal | None = None
    cache_write_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LongContext:
    """The surcharge on a whole request whose input passes `above_input_tokens`."""

    above_input_tokens: int
    input_factor: Decimal
    output_factor: Decimal


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """All rates of one model; None where the tier is not offered or its rate is not known."""

    standard: Rates
    batch: Rates | None = None
    flex: Rates | None = None
    priority: Rates | None = None
    long_context: LongContext | None = None


class UnpricedTierError(ValueError):
    """The server billed a service tier whose rates are not known."""


def request_cost_usd(usage: TokenUsage, price: ModelPrice, tier: str | None = "default") -> Decimal:
    """Return the cost of one request in USD, unrounded.

    `tier` is the response's own `service_tier` (None when the server does not say), or `batch`.
    Cached reads and cache writes are part of the input, reasoning is part of the output.

    Raises:
        ValueError: If the usage is impossible (negative, or a part larger than its whole).
        UnpricedTierError: If the model has no known rates in this tier; also a ValueError.
    """
    _require_possible(usage)
    rates = _with_surcharge(rates_of(price, tier), price.long_context, usage.input_tokens)
    cached_usd = rates.input_usd if rates.cached_input_usd is None else rates.cached_input_usd
    write_usd = rates.input_usd if rates.cache_write_usd is None else rates.cache_write_usd
    plain_tokens = usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens
    per_million = (
        plain_tokens * rates.input_usd
        + usage.cache_read_tokens * cached_usd
        + usage.cache_write_tokens * write_usd
        + usage.output_tokens * rates.output_usd
    )
    return per_million / 1_000_000


def rates_of(price: ModelPrice, tier: str | None) -> Rates:
    """Return the rates of a service tier by the name that a response gives it.

    Raises:
        UnpricedTierError: If the model has no known rates in this tier.
    """
    rates = {
        None: price.standard,
        "default": price.standard,
        "auto": price.standard,  # some compatible servers repeat the request instead of deciding
        "batch": price.batch,
        "flex": price.flex,
        "priority": price.priority,
        "fast": price.priority,  # the newer name of the same tier
    }.get(tier)
    if rates is None:
        raise UnpricedTierError(f"no rates are known for the service tier {tier!r}")
    return rates


def _with_surcharge(rates: Rates, long: LongContext | None, input_tokens: int) -> Rates:
    if long is None or input_tokens <= long.above_input_tokens:
        return rates
    return replace(
        rates,
        input_usd=rates.input_usd * long.input_factor,
        output_usd=rates.output_usd * long.output_factor,
        cached_input_usd=_times(rates.cached_input_usd, long.input_factor),
        cache_write_usd=_times(rates.cache_write_usd, long.input_factor),
    )


def _times(rate: Decimal | None, factor: Decimal) -> Decimal | None:
    return None if rate is None else rate * factor


def _require_possible(usage: TokenUsage) -> None:
    parts = (usage.cache_read_tokens, usage.cache_write_tokens, usage.reasoning_tokens)
    if min(usage.input_tokens, usage.output_tokens, *parts) < 0:
        raise ValueError("token counts cannot be negative")
    if usage.cache_read_tokens + usage.cache_write_tokens > usage.input_tokens:
        raise ValueError("more cached tokens than input tokens")
    if usage.reasoning_tokens > usage.output_tokens:
        raise ValueError("more reasoning tokens than output tokens")
