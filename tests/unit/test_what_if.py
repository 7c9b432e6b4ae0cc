"""Tests of core/what_if.py: the price of a month, what changes it, and what fits a budget."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from core.catalog import load_catalog
from core.quote import Lane
from core.scenarios import BATCH_EXAMPLES, Scenario, SizeShare, sizes_from_text
from core.tokens import Size
from core.types import Detail
from core.what_if import (
    Axis,
    comparable_models,
    guide_month,
    images_within,
    main_size_only,
    price_scenario,
    scenario_table,
    size_options,
    total_month,
    what_if,
    within,
)

TODAY = date(2026, 11, 23)
CATALOG = load_catalog()
GPT_4O = CATALOG.card("gpt-4o")


def sized(text, **changes):
    return Scenario(sizes=sizes_from_text(text), **changes)


def priced(scenario):
    return price_scenario(scenario, CATALOG.card(scenario.model))


def test_a_month_is_images_times_one_request():
    # 765 image + 11 message + 200 prompt tokens in at 2.50, 500 tokens out at 10.00
    found = priced(Scenario())
    assert found.image_tokens.expected == 765
    assert found.request.expected == Decimal("0.00744")
    assert found.month.expected == Decimal("7.44")
    assert found.month.low < found.month.expected < found.month.high


def test_the_longest_answer_bounds_the_month():
    shorter = priced(Scenario(output_limit_tokens=500))
    assert shorter.month.high < priced(Scenario(output_limit_tokens=1000)).month.high
    below = priced(Scenario(output_tokens=500, output_limit_tokens=10))
    assert below.month == shorter.month


@pytest.mark.parametrize(("percent", "usd"), [(0, "7.44"), (25, "5.58"), (100, "0")])
def test_answers_from_the_cache_are_free(percent, usd):
    found = priced(Scenario(cached_percent=percent))
    assert found.month.expected == Decimal(usd)
    assert found.request.expected == Decimal("0.00744")


def test_batch_is_half_and_a_lane_that_is_not_offered_is_unknown():
    found = priced(Scenario())
    assert found.month_on(Lane.BATCH).expected == Decimal("3.72")
    assert found.month_on(Lane.FLEX) is None


def test_a_mix_is_weighed_by_its_counts():
    low, high = priced(sized("512x512")), priced(sized("1024x1024"))
    mix = priced(sized("512x512*3, 1024x1024"))
    assert mix.month.expected == (3 * low.month.expected + high.month.expected) / 4
    assert mix.image_tokens.expected == round((3 * 255 + 765) / 4)


def test_an_unknown_price_stays_unknown():
    unknown = priced(Scenario(model="somebody-elses-model"))
    assert unknown.month is None
    assert unknown.image_tokens is None
    assert unknown.request is None
    assert total_month([priced(Scenario()), unknown]) is None
    assert images_within(unknown, Decimal(10)) is None
    assert unknown.notes


def test_a_detail_that_the_model_does_not_take_is_a_problem():
    found = priced(Scenario(detail=Detail.ORIGINAL))
    assert found.problem
    assert found.month is None
    assert size_options(found, 0.5) == []


def test_the_drift_of_bills_moves_the_price():
    plain = priced(Scenario())
    corrected = price_scenario(Scenario(), GPT_4O, correction=0.1)
    assert corrected.month.expected == plain.month.expected + Decimal("0.0000025") * 98 * 1000


def test_the_months_of_several_scenarios_are_added():
    total = total_month([priced(Scenario()), priced(Scenario(images=2000))])
    assert total.expected == Decimal("22.32")


@pytest.mark.parametrize("example", BATCH_EXAMPLES)
def test_the_guides_calculator_can_be_put_beside(example):
    scenario = example.scenario
    assert guide_month(scenario) == example.printed_usd
    assert guide_month(replace(scenario, lane=Lane.BATCH)) == example.printed_batch_usd


def test_the_guide_knows_no_other_model():
    assert guide_month(Scenario(model="gpt-5.4")) is None


def test_models_are_compared_cheapest_first_and_unknown_last():
    rows = what_if(Scenario(), Axis.MODEL, CATALOG, TODAY)
    known = [row.month.expected for row in rows if row.month]
    assert known == sorted(known)
    assert [row.month is None for row in rows] == sorted(row.month is None for row in rows)
    names = [row.scenario.model for row in rows]
    assert len(names) == len(set(names))
    assert set(names) == set(comparable_models(CATALOG, TODAY))
    assert "local-vision-1" not in names
    assert "o1" not in names  # shut down


def test_a_model_of_ones_own_is_compared_too():
    rows = what_if(Scenario(model="mine"), Axis.MODEL, CATALOG, TODAY)
    assert rows[-1].month is None
    assert "mine" in [row.scenario.model for row in rows]


@pytest.mark.parametrize(
    ("axis", "field", "own"),
    [
        (Axis.DETAIL, "detail", Detail.HIGH),
        (Axis.SIZE, "sizes", (SizeShare(Size(77, 55)),)),
        (Axis.IMAGES, "images", 12_345),
        (Axis.OUTPUT, "output_tokens", 321),
        (Axis.CACHE, "cached_percent", 33),
        (Axis.LANE, "lane", Lane.REALTIME),
    ],
)
def test_one_thing_changes_and_the_own_value_is_among_the_rows(axis, field, own):
    base = Scenario(sizes=(SizeShare(Size(77, 55)),), images=12_345, output_tokens=321)
    base = replace(base, cached_percent=33)
    rows = what_if(base, axis, CATALOG, TODAY)
    assert [getattr(row.scenario, field) for row in rows].count(own) == 1
    for row in rows:
        assert replace(row.scenario, **{field: own}) == replace(base, **{field: own})


def test_a_mix_of_sizes_stands_before_single_sizes():
    mix = sized("512x512*3, 1024x1024")
    rows = what_if(mix, Axis.SIZE, CATALOG, TODAY)
    assert rows[0].scenario == mix
    assert len(rows) > 1


def test_a_model_that_does_not_take_the_detail_is_compared_at_high():
    base = Scenario(model="gpt-5.4", detail=Detail.ORIGINAL)
    details = {
        row.scenario.model: row.scenario.detail for row in what_if(base, Axis.MODEL, CATALOG, TODAY)
    }
    assert details["gpt-4o"] is Detail.HIGH
    assert details["gpt-5.5"] is Detail.ORIGINAL


@pytest.mark.parametrize(
    ("model", "is_range"),
    [("gpt-4o", False), ("gpt-6-luna", False), ("gpt-6.1-sol", True), ("chat-latest", False)],
)
def test_an_unpublished_rule_makes_a_range_and_an_unknown_one_nothing(model, is_range):
    assert priced(Scenario(model=model)).is_range is is_range


def test_a_mix_can_be_reduced_to_its_main_size():
    mixed = priced(sized("512x512*3, 1024x1024"))
    assert main_size_only(mixed).month == priced(sized("512x512")).month
    plain = priced(Scenario())
    assert main_size_only(plain) is plain


def test_the_cheapest_within_a_budget():
    rows = what_if(Scenario(), Axis.MODEL, CATALOG, TODAY)
    fitting = within(rows, Decimal(1))
    assert fitting[0].scenario.model == rows[0].scenario.model
    assert all(row.month.expected <= 1 for row in fitting)
    assert within(rows, Decimal("7.44"))[-1].scenario.model == "gpt-4o"  # the edge fits
    assert "gpt-4o" not in {r.scenario.model for r in within(rows, Decimal("7.4399"))}
    assert within(rows, Decimal(0)) == []


def test_how_many_pictures_a_budget_buys():
    assert images_within(priced(Scenario()), Decimal("14.88")) == 2000
    assert images_within(priced(Scenario(cached_percent=50)), Decimal("14.88")) == 4000
    assert images_within(priced(Scenario(cached_percent=100)), Decimal(1)) is None  # any number


def test_a_resize_saves_what_the_rule_says():
    options = size_options(priced(sized("1920x1080")), max_loss=0.5)
    assert [(o.size, o.image_tokens) for o in options] == [
        (Size(1024, 576), 765),
        (Size(910, 512), 425),
    ]
    assert options[1].priced.month.expected < options[0].priced.month.expected


def test_options_are_spread_over_the_prices():
    many = size_options(priced(sized("4000x3000", model="gpt-5.4")), max_loss=0.9, most=4)
    assert len(many) == 4
    tokens = [option.image_tokens for option in many]
    assert tokens == sorted(tokens, reverse=True)
    assert size_options(priced(sized("100x100")), max_loss=0.5) == []


def test_a_table_for_files():
    rows = [priced(Scenario(name="a")), priced(Scenario(model="mine"))]
    table = scenario_table(rows, TODAY, str)
    first, second = (
        dict(zip([c.name for c in table.columns], row, strict=True)) for row in table.rows
    )
    assert first["month_usd"] == Decimal("7.44")
    assert first["shutdown_date"] == date(2027, 1, 14)
    assert "month_cny" not in first
    assert second["month_usd"] is None
    with_cny = scenario_table(rows, TODAY, str, Decimal("7.1"))
    position = [c.name for c in with_cny.columns].index("month_cny")
    assert [row[position] for row in with_cny.rows] == [Decimal("52.824"), None]
