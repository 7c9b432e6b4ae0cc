"""The shipped models, what dates mean, and rules as data."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from core.catalog import (
    ModelCard,
    Origin,
    RuleBasis,
    load_catalog,
)
from core.catalog.freshness import MAX_PRICE_AGE_DAYS, date_notes, price_age_days
from core.catalog.rules import (
    UNKNOWN_RULE,
    PatchRule,
    PatchView,
    PixelsRule,
    TileRule,
    UnpublishedRule,
    rule_from_json,
    rule_to_json,
)
from core.pricing import Rates
from core.settings import EMBEDDED_MODEL, Settings
from core.types import Detail

CATALOG = load_catalog()
OPENAI_CARDS = [card for card in CATALOG.cards() if card.provider == "openai"]
TODAY = date(2026, 11, 23)


def by_name(cards):
    return [pytest.param(card, id=card.name) for card in cards]


@pytest.mark.parametrize("card", by_name(OPENAI_CARDS))
def test_no_shipped_price_is_older_than_120_days(card):
    age_days = price_age_days(card, datetime.now(UTC).date())
    assert age_days is not None
    assert age_days <= MAX_PRICE_AGE_DAYS, f"read the price of {card.name} again"


@pytest.mark.parametrize("card", by_name(OPENAI_CARDS))
def test_every_shipped_price_is_plausible(card):
    price = card.price
    assert 0 < price.standard.input_usd < price.standard.output_usd
    for rates in (price.standard, price.batch, price.flex, price.priority):
        if rates is not None and rates.cached_input_usd is not None:
            assert 0 < rates.cached_input_usd < rates.input_usd
    for cheaper in (price.batch, price.flex):
        if cheaper is not None:
            assert cheaper.input_usd * 2 == price.standard.input_usd
            assert cheaper.output_usd * 2 == price.standard.output_usd


@pytest.mark.parametrize("card", by_name(OPENAI_CARDS))
def test_every_shipped_card_says_where_it_is_from(card):
    assert card.origin is Origin.VENDOR
    assert card.source_url.startswith("https://developers.openai.com/")
    assert card.context_tokens > card.max_output_tokens > 0
    assert card.successor is None or card.successor in CATALOG.names()
    if card.default_reasoning_effort is not None:
        assert card.default_reasoning_effort in card.reasoning_efforts
    assert card.rule_basis is not RuleBasis.PUBLISHED or card.image_rule != UNKNOWN_RULE


def test_the_default_model_and_what_follows_it():
    card = CATALOG.card(Settings.model_fields["openai_model"].default)
    assert (card.shutdown_date, card.successor) == (date(2027, 1, 14), "gpt-6-luna")
    assert [str(note) for note in date_notes(card, TODAY)] == [
        (
            "gpt-4o will be shut down on 2027-01-14 (days left: 52); its vendor names gpt-6-luna "
            "as the successor."
        )
    ]


def test_the_embedded_model_costs_nothing_by_design():
    card = CATALOG.card(EMBEDDED_MODEL)
    assert card.provider == "embedded"
    assert card.price.standard == Rates(Decimal(0), Decimal(0))
    assert isinstance(card.image_rule, PixelsRule)
    assert date_notes(card, TODAY.replace(year=2030)) == ()


@pytest.mark.parametrize(
    ("name", "input_usd"),
    [
        ("gpt-4o-2024-11-20", "2.50"),
        ("gpt-4o-2024-08-06", "2.50"),
        ("gpt-4o-2024-05-13", "5.00"),  # a snapshot with an entry of its own
        ("gpt-5.6", "4.00"),
        ("gpt-5.4-mini-2026-03-17", "0.75"),
    ],
)
def test_snapshots_and_aliases_are_found(name, input_usd):
    card = CATALOG.card(name)
    assert card.name == name
    assert card.price.standard.input_usd == Decimal(input_usd)


@pytest.mark.parametrize(
    "name", ["gpt-9", "openai/gpt-4o", "gpt-4o-2024", "", "my-model-2026-01-01"]
)
def test_an_unknown_model_has_a_card_of_unknowns(name):
    card = CATALOG.card(name)
    assert card == ModelCard(name)
    assert card.price is None
    assert card.origin is Origin.UNKNOWN
    assert card.supports_temperature is None
    assert card.details == tuple(Detail)


def test_live_cards_leave_out_what_was_shut_down():
    card = CATALOG.card("gpt-4o")
    names = {card.name for card in CATALOG.live_cards(TODAY)}
    assert {"gpt-4o", "gpt-6-luna", EMBEDDED_MODEL} <= names
    assert not names & {"o1", "gpt-4.1-nano", "gpt-4-turbo"}
    assert not card.is_shut_down(date(2027, 1, 13))
    assert card.is_shut_down(date(2027, 1, 14))


def test_details_and_temperature_of_a_card():
    assert CATALOG.card("gpt-4o").details == (Detail.AUTO, Detail.LOW, Detail.HIGH)
    assert Detail.ORIGINAL in CATALOG.card("gpt-5.5").details
    assert CATALOG.card("gpt-4o").supports_temperature is True
    assert CATALOG.card("o3").supports_temperature is False


@pytest.mark.parametrize(
    ("card", "today", "note"),
    [
        (ModelCard("m", shutdown_date=TODAY), TODAY, "m was shut down on 2026-11-23."),
        (
            ModelCard("m", shutdown_date=TODAY, successor="n"),
            TODAY,
            "m was shut down on 2026-11-23; its vendor names n as the successor.",
        ),
        (
            ModelCard("m", shutdown_date=TODAY),
            date(2026, 11, 22),
            "m will be shut down on 2026-11-23 (days left: 1).",
        ),
        (
            ModelCard("m", price_until=date(2026, 11, 22)),
            TODAY,
            (
                "The price of m is a promotion that was announced until 2026-11-22; the bill may "
                "be higher."
            ),
        ),
        (ModelCard("m", origin=Origin.USER), TODAY, "Your models.toml describes m."),
    ],
)
def test_date_notes(card, today, note):
    assert [str(each) for each in date_notes(card, today)] == [note]


@pytest.mark.parametrize(("age_days", "told"), [(120, False), (121, True)])
def test_a_price_is_called_old_after_120_days(age_days, told):
    card = CATALOG.card("gpt-5.4")
    today = date.fromordinal(card.read_date.toordinal() + age_days)
    assert price_age_days(card, today) == age_days
    assert bool(date_notes(card, today)) is told


def test_a_running_promotion_and_an_unread_price_are_no_warning():
    assert date_notes(ModelCard("m", price_until=TODAY), TODAY) == ()
    assert price_age_days(ModelCard("m"), TODAY) is None


# --- Rules as data --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule",
    [
        *[pytest.param(rule, id=name) for name, rule in CATALOG.rules.items()],
        UNKNOWN_RULE,
        PatchRule(100, PatchView(), PatchView(None, 5), Detail.LOW, patch_px=28),
        UnpublishedRule((TileRule(1, 2),), max_side_px=99),
    ],
)
def test_rules_survive_json(rule):
    assert rule_from_json(rule_to_json(rule)) == rule


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({}, "kind"),
        ({"kind": "tile", "base_tokens": 1}, "tile_tokens: missing"),
        ({"kind": "tile", "base_tokens": 1, "tile_tokens": 0}, "tile_tokens"),
        ({"kind": "tile", "base_tokens": 1, "tile_tokens": 1, "fit_px": True}, "fit_px"),
        ({"kind": "tile", "base_tokens": 1, "tile_tokens": 1, "fit": 3}, "fit: unknown"),
        ({"kind": "pixels"}, "max_side_px: missing"),
        ({"kind": "patch", "multiplier_percent": 100}, "low, high and auto"),
        (
            {"kind": "patch", "multiplier_percent": 100, "low": {}, "high": {}, "auto": "original"},
            "auto: the rule has no original",
        ),
        (
            {"kind": "patch", "multiplier_percent": 100, "low": 3, "high": {}, "auto": "low"},
            "low: a table",
        ),
        ({"kind": "patch", "low": {}, "high": {}, "auto": "low"}, "multiplier_percent: missing"),
        ({"kind": "unpublished", "candidates": [{"kind": "pixels", "max_side_px": 1}]}, "stand in"),
    ],
)
def test_bad_rules_are_refused_by_their_part(data, names):
    with pytest.raises(ValueError, match=names):
        rule_from_json(data)


def test_the_shipped_file_reads_in_the_order_of_families():
    names = CATALOG.names()
    assert names[0] == "gpt-4o"
    assert names[-1] == EMBEDDED_MODEL
