"""The guide's tables, reproduced to the cent where its own arithmetic agrees with them."""

from decimal import Decimal

import pytest

from core.guide_estimate import guide_estimate, guide_formula_tokens, guide_image_tokens


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [
        (512, 512, 85),
        (513, 512, 86),  # 512 px over, 400 px a token
        (800, 600, 629),
        (1000, 1000, 1929),
        (1024, 1024, 2000),
        (1400, 2000, 2000),
        (2048, 2048, 2000),
        (1025, 1024, 2000),
        (100_000, 15, 85),  # no whole patch of 16 px: the guide's gap
    ],
)
def test_the_calculators_tokens(width, height, tokens):
    assert guide_image_tokens(width, height) == tokens


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [
        (10, 10, 85),
        (20, 20, 86),
        (512, 512, 740),
        (800, 600, 1285),
        (875, 875, 1999),
        (876, 875, 2000),
        (4096, 4096, 2000),
    ],
)
def test_the_one_line_formula(width, height, tokens):
    assert guide_formula_tokens(width, height) == tokens


def test_the_parts_of_the_guides_example():
    found = guide_estimate("gpt-4o", 1024, 1024, text_tokens=40, output_tokens=800)
    assert (found.text_usd, found.image_usd, found.output_usd) == (
        Decimal("0.0002"),
        Decimal("0.02"),
        Decimal("0.012"),
    )
    assert found.usd == Decimal("0.0322")


@pytest.mark.parametrize(
    ("images", "realtime", "batch"),
    [(1000, "28.50", "14.25"), (10_000, "285.00", "142.50"), (50_000, "1425.00", "712.50")],
)
def test_the_batch_table(images, realtime, batch):
    one = guide_estimate("gpt-4o", 1024, 1024, text_tokens=200)
    assert one.usd * images == Decimal(realtime)
    assert one.batch_usd(images) == Decimal(batch)


@pytest.mark.parametrize(
    ("single", "per_day", "monthly"),
    [("0.028", 1000, 840), ("0.045", 500, 675), ("0.022", 2000, 1320), ("0.088", 100, 264)],
)
def test_the_scenario_tables_months_follow_from_its_single_costs(single, per_day, monthly):
    assert Decimal(single) * per_day * 30 == monthly


def test_the_first_scenario_follows_from_the_calculator():
    one = guide_estimate("gpt-4o", 1024, 1024, text_tokens=60)
    assert one.usd.quantize(Decimal("0.001")) == Decimal("0.028")


@pytest.mark.parametrize(
    ("width", "height", "printed", "calculated"),
    [(1400, 2000, "0.045", "0.028"), (800, 600, "0.022", "0.014"), (2048, 2048, "0.088", "0.028")],
)
def test_the_other_scenarios_do_not_follow_from_it(width, height, printed, calculated):
    one = guide_estimate("gpt-4o", width, height, text_tokens=60)
    assert one.usd.quantize(Decimal("0.001")) == Decimal(calculated) != Decimal(printed)


def test_the_small_models_prices_are_the_guides_own():
    assert guide_estimate("gpt-4o-mini", 1024, 1024, 0, 500).usd == Decimal("0.0009")


def test_a_model_the_guide_does_not_price_is_refused():
    with pytest.raises(KeyError):
        guide_estimate("gpt-5.4", 100, 100, 0)
