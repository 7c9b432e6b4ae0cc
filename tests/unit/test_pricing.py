"""Costs from billed usage, to the last digit."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.catalog import load_catalog
from core.pricing import ModelPrice, Rates, UnpricedTierError, request_cost_usd
from core.types import TokenUsage

CATALOG = load_catalog()


def price_of(model):
    return CATALOG.card(model).price


@pytest.mark.parametrize(
    ("model", "usage", "tier", "usd"),
    [
        ("gpt-4o", TokenUsage(765, 0), "default", "0.0019125"),
        ("gpt-4o", TokenUsage(1000, 500), "default", "0.0075"),
        ("gpt-4o", TokenUsage(1000, 500), None, "0.0075"),
        ("gpt-4o", TokenUsage(1000, 500), "auto", "0.0075"),
        ("gpt-4o", TokenUsage(1000, 500), "batch", "0.00375"),
        ("gpt-4o", TokenUsage(1000, 500), "priority", "0.01275"),
        ("gpt-4o", TokenUsage(1000, 500), "fast", "0.01275"),
        ("gpt-4o", TokenUsage(2000, 0, cache_read_tokens=1024), "default", "0.00372"),
        # No cached rate in the batch tier of gpt-4o: cached tokens cost what others cost.
        ("gpt-4o", TokenUsage(2000, 0, cache_read_tokens=1024), "batch", "0.0025"),
        ("gpt-4o-mini", TokenUsage(25_501, 0), "default", "0.00382515"),
        # Reasoning is part of the output and not billed twice.
        ("o3", TokenUsage(0, 1000, reasoning_tokens=900), "default", "0.008"),
        # Cache writes cost 1.25 times the input since GPT-5.6.
        ("gpt-5.6-luna", TokenUsage(2000, 0, 500, 1000), "default", "0.00036"),
        ("gpt-5.4", TokenUsage(1000, 100), "flex", "0.002"),
        ("local-vision-1", TokenUsage(5000, 5000), "default", "0"),
        ("gpt-4o", TokenUsage(0, 0), "default", "0"),
    ],
)
def test_cost_of_billed_usage(model, usage, tier, usd):
    assert request_cost_usd(usage, price_of(model), tier) == Decimal(usd)


@pytest.mark.parametrize(
    ("input_tokens", "usd"),
    [(272_000, "0.545"), (272_001, "1.089504")],  # 2.00 and 10.00, then 4.00 and 15.00 a million
)
def test_long_input_is_surcharged_as_a_whole_over_272000(input_tokens, usd):
    usage = TokenUsage(input_tokens, 100)
    assert request_cost_usd(usage, price_of("gpt-6-sol")) == Decimal(usd)


def test_the_surcharge_holds_for_cached_tokens_too():
    usage = TokenUsage(300_000, 0, cache_read_tokens=300_000)
    assert request_cost_usd(usage, price_of("gpt-6-sol")) == Decimal("0.12")


def test_models_without_a_surcharge_have_one_rate():
    usage = TokenUsage(500_000, 0)
    assert request_cost_usd(usage, price_of("gpt-4.1")) == Decimal(1)


@pytest.mark.parametrize(
    "usage",
    [
        TokenUsage(-1, 0),
        TokenUsage(0, -1),
        TokenUsage(10, 0, cache_read_tokens=11),
        TokenUsage(10, 0, cache_read_tokens=6, cache_write_tokens=5),
        TokenUsage(10, 0, cache_read_tokens=-1),
        TokenUsage(10, 10, reasoning_tokens=11),
    ],
)
def test_impossible_usage_is_refused(usage):
    with pytest.raises(ValueError, match="token"):
        request_cost_usd(usage, price_of("gpt-4o"))


@pytest.mark.parametrize(
    ("model", "tier"), [("gpt-4o", "flex"), ("gpt-5.4-nano", "priority"), ("gpt-4o", "scale")]
)
def test_a_tier_without_known_rates_is_not_priced(model, tier):
    with pytest.raises(UnpricedTierError, match=tier):
        request_cost_usd(TokenUsage(1, 1), price_of(model), tier)


@settings(deadline=None)
@given(
    usage=st.builds(
        lambda plain, read, write, output: TokenUsage(plain + read + write, output, read, write),
        *[st.integers(0, 10**6)] * 4,
    )
)
def test_adding_up_parts_never_loses_a_fraction(usage):
    rates = Rates(Decimal("0.05"), Decimal("0.4"), Decimal("0.005"), Decimal("0.0625"))
    plain = usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens
    expected = (
        plain * Decimal("0.05")
        + usage.cache_read_tokens * Decimal("0.005")
        + usage.cache_write_tokens * Decimal("0.0625")
        + usage.output_tokens * Decimal("0.4")
    ).scaleb(-6)
    assert request_cost_usd(usage, ModelPrice(rates)) == expected
