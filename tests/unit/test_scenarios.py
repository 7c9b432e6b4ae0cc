"""Tests of core/scenarios.py: what can be asked, read back from a link; the guide's examples."""

from dataclasses import replace
from decimal import Decimal

import pytest

from core.errors import InputNotUsableError
from core.guide_estimate import guide_estimate
from core.quote import Lane
from core.scenarios import (
    BATCH_EXAMPLES,
    MONTH_EXAMPLES,
    MOST_SIZES,
    RUN_EXAMPLES,
    Scenario,
    SizeShare,
    checked,
    scenario_from_text,
    scenario_to_text,
    sizes_from_text,
    sizes_of_images,
    sizes_to_text,
)
from core.tokens import Size
from core.types import Detail

DEFAULT_TEXT = "gpt-4o~high~1024x1024~1000~200~500~1000~0~0~realtime~"


def shares(*each):
    return tuple(SizeShare(Size(w, h), count) for w, h, count in each)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1024x768", shares((1024, 768, 1))),
        (" 1024 × 768 ", shares((1024, 768, 1))),
        ("1024X768*3, 800x600", shares((1024, 768, 3), (800, 600, 1))),
        ("800x600, 800x600*2", shares((800, 600, 3))),
        ("65535x1", shares((65_535, 1, 1))),
    ],
)
def test_sizes_are_read(text, expected):
    assert sizes_from_text(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", ",", "1024", "1024*768", "0x5", "65536x1", "1e3x5", "-1x5", "5x5*0", "5x5 6x6", "=1+1"],
)
def test_what_is_no_size_is_refused(text):
    with pytest.raises(InputNotUsableError):
        sizes_from_text(text)


def test_too_many_sizes_are_refused_and_not_cut():
    fits = ", ".join(f"{n}x10" for n in range(1, MOST_SIZES + 1))
    assert len(sizes_from_text(fits)) == MOST_SIZES
    with pytest.raises(InputNotUsableError, match="101"):
        sizes_from_text(fits + ", 7000x7000")


def test_real_pictures_become_a_mix():
    mix = sizes_of_images([Size(10, 20), Size(5, 5), Size(10, 20)])
    assert sizes_to_text(mix) == "10x20*2, 5x5"
    assert replace(Scenario(), sizes=mix).main_size == Size(10, 20)


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario(),
        Scenario(model="my/vision~model 1", name="Läden ~ 商品 & more", lane=Lane.BATCH),
        Scenario(
            detail=Detail.ORIGINAL,
            sizes=shares((1, 2, 3), (4, 5, 1)),
            images=7,
            cached_percent=100,
            prompt_cached_percent=50,
            lane=Lane.FLEX,
        ),
    ],
)
def test_a_link_brings_the_scenario_back(scenario):
    text = scenario_to_text(scenario)
    assert scenario_from_text(text) == scenario
    assert " " not in text


def test_the_form_of_a_link_stays_as_it_is():
    assert scenario_to_text(Scenario()) == DEFAULT_TEXT


@pytest.mark.parametrize(
    ("change", "to"),
    [
        ("gpt-4o", ""),
        ("gpt-4o", "x" * 81),
        ("high", "higher"),
        ("1024x1024", "big"),
        ("~1000~200", "~0~200"),
        ("~1000~200", "~-1~200"),
        ("~1000~200", "~1000000001~200"),
        ("~1000~200", "~1.5~200"),
        ("~1000~200", "~٣~200"),
        ("~500~", "~0~"),
        ("~0~0~", "~101~0~"),
        ("realtime", "priority"),
        ("realtime", "realtime~more"),
    ],
)
def test_a_broken_link_is_refused_with_a_reason(change, to):
    with pytest.raises(InputNotUsableError):
        scenario_from_text(DEFAULT_TEXT.replace(change, to, 1))


def test_a_name_is_tidied_and_bounded():
    assert checked(Scenario(name="  a \n b  ")).name == "a b"
    assert len(checked(Scenario(name="n" * 500)).name) == 80


def test_cached_images_are_not_paid():
    assert Scenario(images=999, cached_percent=25).paid_images == Decimal("749.25")


@pytest.mark.parametrize("example", MONTH_EXAMPLES)
def test_the_guides_months_are_single_cost_times_thirty_days(example):
    assert example.printed_single_usd * example.scenario.images == example.printed_usd


@pytest.mark.parametrize("example", RUN_EXAMPLES)
def test_the_guides_runs_are_near_its_calculator(example):
    scenario = example.scenario
    one = guide_estimate("gpt-4o", 1024, 1024, scenario.prompt_tokens, scenario.output_tokens)
    rounded_usd = one.usd * scenario.images - example.printed_usd
    assert 0 <= rounded_usd <= example.printed_usd * Decimal("0.02")


@pytest.mark.parametrize("example", BATCH_EXAMPLES)
def test_the_guides_batches_follow_from_its_calculator(example):
    scenario = example.scenario
    one = guide_estimate("gpt-4o", 1024, 1024, scenario.prompt_tokens, scenario.output_tokens)
    assert one.usd * scenario.images == example.printed_usd
    assert one.batch_usd(scenario.images) == example.printed_batch_usd
