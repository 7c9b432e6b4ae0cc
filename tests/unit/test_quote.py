"""Quotes: the tokens of what is sent, the money on each lane, and what is not known."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.catalog import ModelCard, load_catalog
from core.pricing import ModelPrice, Rates, request_cost_usd
from core.quote import (
    MESSAGE_TOKENS,
    Lane,
    SelectionImage,
    UsdRange,
    expect_output_tokens,
    quote_request,
    quote_selection,
)
from core.tokens import Size, TokenRange, UnsupportedDetailError
from core.types import Detail, TokenUsage

CATALOG = load_catalog()
GPT_4O = CATALOG.card("gpt-4o")


def quote(card=GPT_4O, width=1920, height=1080, detail=Detail.HIGH, text=100, **changes):
    limits = {"max_output_tokens": 1000, "expected_output_tokens": 400, **changes}
    return quote_request(card, width, height, detail, text, **limits)


def test_a_quote_to_the_last_digit():
    found = quote()
    assert found.sent == Size(1365, 768)
    assert found.image_tokens == TokenRange(1105, 1105, 1105)
    assert found.input_tokens == TokenRange(1213, 1216, 1219)
    assert found.output_tokens == TokenRange(200, 400, 1000)
    assert found.realtime == UsdRange(
        Decimal("0.0050325"), Decimal("0.00704"), Decimal("0.0130475")
    )
    assert found.batch == found.realtime * Decimal("0.5")
    assert found.flex is None, "gpt-4o has no flex tier"
    assert found.reserve_usd == Decimal("0.0130475")
    assert found.notes == ()
    assert [found.usd(lane) for lane in Lane] == [found.realtime, found.batch, None]


PRICED = [
    pytest.param(card, detail, id=f"{card.name}-{detail}")
    for card in CATALOG.cards()
    for detail in Detail
]


@pytest.mark.parametrize(("card", "detail"), PRICED)
def test_every_model_is_priced_for_every_detail_or_says_why_not(card, detail):
    if detail not in card.details:
        with pytest.raises(UnsupportedDetailError):
            quote(card, detail=detail)
        return
    found = quote(card, 8000, 8000, detail)
    if found.image_tokens is None:
        assert found.realtime is found.reserve_usd is None
        assert any("not known how" in str(note) for note in found.notes)
    else:
        assert 0 <= found.realtime.low <= found.realtime.expected <= found.realtime.high
        assert (found.realtime.high > 0) is (card.provider != "embedded")


@settings(deadline=None)
@given(
    model=st.sampled_from(["gpt-4o", "gpt-5.4", "gpt-5.6-luna", "gpt-6-sol"]),
    width=st.integers(1, 9000),
    height=st.integers(1, 9000),
    text=st.integers(0, 5000),
    limit=st.integers(1, 20_000),
    expected=st.integers(0, 20_000),
    cached=st.floats(0, 1),
    correction=st.floats(-0.5, 0.5),
)
def test_low_expected_and_high_are_in_order_and_bound_the_bill(
    model, width, height, text, limit, expected, cached, correction
):
    card = CATALOG.card(model)
    found = quote_request(
        card,
        width,
        height,
        Detail.AUTO,
        text,
        max_output_tokens=limit,
        expected_output_tokens=expected,
        cached_share=cached,
        correction=correction,
    )
    for lane in Lane:
        if usd := found.usd(lane):
            assert usd.low <= usd.expected <= usd.high
    tokens = found.input_tokens
    assert tokens.low <= tokens.expected <= tokens.high
    worst = TokenUsage(tokens.high, limit, cache_write_tokens=tokens.high)
    assert request_cost_usd(worst, card.price) <= found.reserve_usd


def test_the_resize_before_sending_is_in_the_number():
    original, resized = quote(width=4000, height=3000), quote(width=1024, height=768)
    assert original.sent == resized.sent
    assert original.realtime == resized.realtime


def test_a_picture_that_would_be_rejected_is_quoted_as_it_will_be_sent():
    found = quote(CATALOG.card("gpt-5.6-sol"), 6048, 6048, Detail.ORIGINAL)
    assert found.sent == Size(5536, 5536)
    assert found.image_tokens.high == 35_915
    assert "would reject 6048×6048" in str(found.notes[0])


def test_an_unknown_model_costs_an_unknown_amount():
    found = quote(CATALOG.card("relay-9"))
    assert found.image_tokens is found.input_tokens is found.realtime is found.reserve_usd is None
    assert [str(note) for note in found.notes] == [
        "The price of relay-9 is not known.",
        "It is not known how relay-9 counts images.",
    ]


def test_a_price_without_an_image_rule_is_no_price_of_the_request():
    card = ModelCard("relay", price=ModelPrice(Rates(Decimal(1), Decimal(1))))
    assert quote(card).reserve_usd is None


def test_an_image_rule_without_a_price_still_gives_tokens():
    found = quote(ModelCard("relay", image_rule=GPT_4O.image_rule))
    assert found.image_tokens == TokenRange(1105, 1105, 1105)
    assert found.realtime is None


@pytest.mark.parametrize(
    ("model", "words"), [("gpt-6-luna", "measured bills"), ("gpt-6-sol", "relatives")]
)
def test_how_sure_the_tokens_are_is_said(model, words):
    assert words in str(quote(CATALOG.card(model)).notes[-1])


def test_the_embedded_engine_is_free_whatever_it_reads():
    found = quote(CATALOG.card("local-vision-1"), text=90_000)
    assert found.realtime == UsdRange(Decimal(0), Decimal(0), Decimal(0))
    assert found.reserve_usd == 0


def test_cached_input_lowers_the_likely_price_but_not_the_reserve():
    plain, cached = quote(), quote(cached_share=0.5)
    assert cached.realtime.expected == plain.realtime.expected - 608 * Decimal("1.25") / 1_000_000
    assert cached.reserve_usd == plain.reserve_usd


@pytest.mark.parametrize(("text", "writes"), [(704, 0), (705, 1024)])
def test_writing_the_vendors_cache_is_expected_from_1024_tokens_on(text, writes):
    card = CATALOG.card("gpt-5.6-luna")
    found = quote(card, 512, 512, text=text)
    tokens = found.input_tokens.expected
    assert tokens == 308 + 11 + text
    usage = TokenUsage(tokens, 400, cache_write_tokens=writes)
    assert found.realtime.expected == request_cost_usd(usage, card.price)


@pytest.mark.parametrize(
    ("correction", "tokens"),
    [(0.0, (1213, 1216, 1219)), (0.1, (1213, 1338, 1341)), (-0.1, (1091, 1094, 1219))],
)
def test_a_measured_drift_moves_the_input(correction, tokens):
    assert quote(correction=correction).input_tokens == TokenRange(*tokens)


@pytest.mark.parametrize(
    "changes",
    [
        {"text": -1},
        {"cached_share": 1.1},
        {"cached_share": -0.1},
        {"correction": -1.0},
        {"max_output_tokens": 0},
        {"expected_output_tokens": -1},
        {"low_output_tokens": -1},
    ],
)
def test_impossible_questions_are_refused(changes):
    with pytest.raises(ValueError, match="impossible"):
        quote(**changes)


@pytest.mark.parametrize(
    ("history", "tokens"),
    [
        ([], (150, 300, 1000)),
        ([10, 10, 10, 10], (150, 300, 1000)),  # too few to learn from
        ([10, 20, 30, 40, 50], (10, 30, 1000)),
        (list(range(1, 101)), (11, 51, 1000)),
        ([5000] * 5, (1000, 1000, 1000)),
    ],
)
def test_expected_output_is_learned_from_earlier_answers(history, tokens):
    assert expect_output_tokens(history, 300, 1000) == TokenRange(*tokens)


def test_a_default_over_the_limit_is_the_limit():
    assert expect_output_tokens([], 3000, 1000) == TokenRange(500, 1000, 1000)
    assert quote(expected_output_tokens=9999).output_tokens.expected == 1000


def test_a_known_low_output_is_used():
    assert quote(low_output_tokens=50).output_tokens == TokenRange(50, 400, 1000)


# --- Selections -----------------------------------------------------------------------------------


def ONE(width, height, layer_tokens=0):  # noqa: N802 - one constant quote for a size
    return quote(GPT_4O, width, height)


def test_a_selection_pays_each_distinct_unanswered_picture_once():
    pictures = [
        SelectionImage("a", 1920, 1080),
        SelectionImage("b", 640, 480),
        SelectionImage("a", 1920, 1080),  # identical
        SelectionImage("c", 640, 480),  # answered
        SelectionImage("c", 640, 480),  # identical to an answered one: answered
    ]
    found = quote_selection(pictures, {"c"}, ONE)
    assert (found.total, found.answered, found.identical, found.to_pay) == (5, 2, 1, 2)
    assert found.realtime == ONE(1920, 1080).realtime + ONE(640, 480).realtime
    assert found.saved == ONE(1920, 1080).realtime + ONE(640, 480).realtime * 2
    assert found.input_tokens == ONE(1920, 1080).input_tokens + ONE(640, 480).input_tokens
    assert found.output_tokens == TokenRange(400, 800, 2000)
    assert found.batch == found.realtime * Decimal("0.5")
    assert found.flex is None


def test_the_counts_of_a_selection_as_a_sentence():
    pictures = [SelectionImage(str(number % 3024), 800, 600) for number in range(3120)]
    found = quote_selection(pictures, {str(number) for number in range(96, 508)}, ONE)
    assert str(found.summary) == ("3,120 images: 412 already answered, 96 identical, 2,612 to ask")


def test_one_unknown_price_makes_the_sum_unknown():
    def one(width, height, layer_tokens):
        return quote(GPT_4O if width > 1 else ModelCard("relay"), width, height)

    pictures = [SelectionImage("a", 10, 10), SelectionImage("b", 1, 10)]
    found = quote_selection(pictures, set(), one)
    assert found.realtime is found.batch is found.input_tokens is None
    assert found.to_pay == 2
    assert found.saved == UsdRange(Decimal(0), Decimal(0), Decimal(0))


def test_each_size_is_quoted_once_and_each_note_said_once():
    sizes = []

    def one(width, height, layer_tokens):
        sizes.append((width, height))
        return quote(CATALOG.card("gpt-6-sol"), width, height)

    pictures = [SelectionImage(str(n), 100 + n % 3, 100) for n in range(1000)]
    found = quote_selection(pictures, set(), one)
    assert sorted(sizes) == [(100, 100), (101, 100), (102, 100)]
    assert len(found.notes) == 1


def test_an_empty_selection_costs_nothing():
    found = quote_selection([], set(), ONE)
    assert (found.total, found.realtime.high) == (0, 0)


def test_message_tokens_are_those_measured():
    assert TokenRange(8, 11, 14) == MESSAGE_TOKENS
