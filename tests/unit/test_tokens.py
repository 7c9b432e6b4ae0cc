"""Image tokens by the vendor's rules: printed values, live bills, and both sides of each step."""

import json
import subprocess
import sys
from fractions import Fraction
from math import ceil, floor, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.catalog import load_catalog
from core.catalog.rules import PatchRule, PatchView, TileRule, UnpublishedRule, details_of
from core.tokens import (
    Size,
    TokenRange,
    TooManyPatchesError,
    UnknownRuleError,
    UnsupportedDetailError,
    image_tokens,
    image_tokens_range,
    seen_size,
    sent_size,
)
from core.tokens_many import REJECTED, image_tokens_many
from core.types import Detail

CATALOG = load_catalog()
VALUES = json.loads((Path(__file__).parent / "data" / "image_tokens.json").read_text())
EXACT_RULES = [
    pytest.param(rule, id=name)
    for name, rule in CATALOG.rules.items()
    if isinstance(rule, TileRule | PatchRule)
]
RULES_AND_DETAILS = [
    pytest.param(rule, detail, id=f"{name}-{detail}")
    for name, rule in CATALOG.rules.items()
    for detail in details_of(rule)
    if not isinstance(rule, UnpublishedRule)
]
SIDES = st.one_of(st.integers(1, 9000), st.integers(1, 70_000))


def rule_of(model):
    return CATALOG.card(model).image_rule


@pytest.mark.parametrize(
    "row", VALUES, ids=lambda r: f"{r['model']}-{r['width']}x{r['height']}-{r['detail']}"
)
def test_printed_and_billed_values_are_met(row):
    size = (row["width"], row["height"], rule_of(row["model"]), Detail(row["detail"]))
    if row["tokens"] is None:
        with pytest.raises(TooManyPatchesError):
            image_tokens(*size)
    else:
        assert image_tokens(*size) == row["tokens"]


@pytest.mark.parametrize(
    ("model", "low", "high"),
    # Live bills of a 128x64 picture, without the text; patch models may be billed one less.
    [
        ("gpt-4o", 85, 255),
        ("gpt-4.1", 85, 255),
        ("gpt-4-turbo", 85, 255),
        ("gpt-4o-mini", 2833, 8500),
        ("o3", 75, 225),
        ("gpt-4.1-mini", 13, 13),
        ("o4-mini", 14, 14),
        ("gpt-4.1-nano", 20, 20),
    ],
)
def test_a_small_picture_is_not_enlarged_before_it_is_counted(model, low, high):
    rule = rule_of(model)
    assert image_tokens(128, 64, rule, Detail.LOW) == low
    assert image_tokens(128, 64, rule, Detail.HIGH) == high


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [
        (1, 1, 255),
        (512, 512, 255),
        (513, 512, 425),
        (512, 513, 425),
        (513, 513, 765),
        (1024, 512, 425),
        (1025, 512, 595),
        (768, 768, 765),  # the short side does not exceed 768 yet
        (769, 769, 765),
        (1024, 768, 765),
        (1024, 767, 765),
        (1025, 768, 1105),
        (1025, 769, 765),  # brought to 768: 1023 px wide, rounded down
        (2048, 512, 765),
        (2049, 512, 765),
        (2049, 513, 1445),  # half up: 512.75 becomes 513
        (2050, 513, 765),  # half up: 512.4997 becomes 512
        (2048, 768, 1445),
        (2048, 769, 1105 + 340),
        (4096, 4096, 765),
        (20_000, 1, 85 + 4 * 170),
    ],
)
def test_tile_boundaries(width, height, tokens):
    rule = rule_of("gpt-4o")
    assert image_tokens(width, height, rule, Detail.HIGH) == tokens
    assert image_tokens(height, width, rule, Detail.HIGH) == tokens
    assert image_tokens(width, height, rule, Detail.AUTO) == tokens


@pytest.mark.parametrize(
    ("width", "height", "detail", "patches"),
    [
        (1, 1, Detail.HIGH, 1),
        (32, 32, Detail.HIGH, 1),
        (33, 32, Detail.HIGH, 2),
        (33, 33, Detail.HIGH, 4),
        (1600, 1600, Detail.HIGH, 2500),  # exactly the budget
        (1601, 1600, Detail.HIGH, 49 * 49),  # over it: whole patches of both sides, so fewer
        (1632, 1600, Detail.HIGH, 50 * 49),
        (2048, 1248, Detail.HIGH, 64 * 39),
        (2048, 1249, Detail.HIGH, 64 * 39),
        (2048, 3072, Detail.LOW, 43 * 64),
        (2048, 2048, Detail.LOW, 64 * 64),
        (3200, 3200, Detail.ORIGINAL, 10_000),
        (3201, 3200, Detail.ORIGINAL, 99 * 99),
        (6001, 32, Detail.ORIGINAL, 188),
    ],
)
def test_patch_boundaries(width, height, detail, patches):
    tokens = -(-patches * 6 // 5)
    assert image_tokens(width, height, rule_of("gpt-5.4"), detail) == tokens


@pytest.mark.parametrize(
    ("side", "tokens"), [(512, 308), (513, 308), (480, 270), (481, 308), (4000, 308)]
)
def test_low_detail_of_newer_models_fits_512(side, tokens):
    assert image_tokens(side, side, rule_of("gpt-5.6-sol"), Detail.LOW) == tokens


def test_30000_patches_pass_and_one_column_more_is_rejected():
    rule = rule_of("gpt-5.6-sol")
    assert image_tokens(200 * 32, 150 * 32, rule, Detail.ORIGINAL) == 36_000
    with pytest.raises(TooManyPatchesError) as caught:
        image_tokens(200 * 32 + 1, 150 * 32, rule, Detail.ORIGINAL)
    assert "30,150 patches" in str(caught.value)


def test_auto_means_what_it_means_for_the_model():
    photo = (4000, 3000)
    for model, meaning in [
        ("gpt-4o", Detail.HIGH),
        ("gpt-5.4", Detail.HIGH),
        ("gpt-5.5", Detail.ORIGINAL),
        ("gpt-6-astra", Detail.ORIGINAL),
    ]:
        rule = rule_of(model)
        assert image_tokens(*photo, rule, Detail.AUTO) == image_tokens(*photo, rule, meaning)


def test_low_can_cost_more_than_high_with_gpt_5_4():
    rule = rule_of("gpt-5.4")
    low, high = (image_tokens(2048, 2048, rule, each) for each in (Detail.LOW, Detail.HIGH))
    assert (low, high) == (4916, 3000)


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5.2", "gpt-4.1-mini", "o3"])
def test_original_is_refused_where_the_model_has_none(model):
    for count in (image_tokens, seen_size, image_tokens_range):
        with pytest.raises(UnsupportedDetailError, match="original"):
            count(100, 100, rule_of(model), Detail.ORIGINAL)
    with pytest.raises(UnsupportedDetailError):
        image_tokens_many([100], [100], rule_of(model), Detail.ORIGINAL)


@pytest.mark.parametrize(("width", "height"), [(0, 10), (10, 0), (-1, 5)])
def test_impossible_sizes_are_refused(width, height):
    for count in (image_tokens, seen_size):
        with pytest.raises(ValueError, match="cannot be"):
            count(width, height, rule_of("gpt-4o"), Detail.HIGH)
    with pytest.raises(ValueError, match="smaller than 1x1"):
        image_tokens_many([width], [height], rule_of("gpt-4o"), Detail.HIGH)


@pytest.mark.parametrize(
    ("model", "detail", "original", "seen"),
    [
        ("gpt-4o", Detail.HIGH, (1920, 1080), (1365, 768)),
        ("gpt-4o", Detail.HIGH, (1080, 1920), (768, 1365)),
        ("gpt-4o", Detail.LOW, (1920, 1080), (512, 288)),
        ("gpt-4o", Detail.HIGH, (640, 480), (640, 480)),
        ("gpt-5.4", Detail.HIGH, (4000, 3000), (1824, 1368)),
        ("gpt-5.6-sol", Detail.ORIGINAL, (4000, 3000), (4000, 3000)),
        ("local-vision-1", Detail.HIGH, (5120, 2560), (2560, 1280)),
    ],
)
def test_seen_size(model, detail, original, seen):
    assert seen_size(*original, rule_of(model), detail) == Size(*seen)


@pytest.mark.parametrize(("rule", "detail"), RULES_AND_DETAILS)
@settings(deadline=None)
@given(width=SIDES, height=SIDES)
def test_a_picture_of_the_seen_size_costs_the_same_and_is_not_larger(rule, detail, width, height):
    seen = seen_size(width, height, rule, detail)
    assert 1 <= seen.width_px <= width
    assert 1 <= seen.height_px <= height
    assert seen_size(seen.width_px, seen.height_px, rule, detail) == seen
    tokens = image_tokens(seen.width_px, seen.height_px, rule, detail)
    try:
        assert tokens == image_tokens(width, height, rule, detail)
    except TooManyPatchesError:  # the documented exception: sent smaller instead of rejected
        assert tokens <= 36_000


@pytest.mark.parametrize("rule", EXACT_RULES)
@settings(deadline=None)
@given(width=SIDES, height=SIDES)
def test_turning_a_picture_does_not_change_its_tokens(rule, width, height):
    upright = image_tokens(width, height, rule, Detail.HIGH)
    assert upright == image_tokens(height, width, rule, Detail.HIGH)


@pytest.mark.parametrize("rule", EXACT_RULES)
@settings(deadline=None)
@given(width=st.integers(1, 768), height=st.integers(1, 768), more=st.integers(0, 200))
def test_below_every_limit_more_pixels_never_cost_less(rule, width, height, more):
    smaller = image_tokens(width, height, rule, Detail.HIGH)
    wider = min(width + more, 768)
    assert image_tokens(wider, height, rule, Detail.HIGH) >= smaller


@pytest.mark.parametrize("rule", EXACT_RULES)
@settings(deadline=None)
@given(width=SIDES, height=SIDES)
def test_low_costs_at_most_high_where_the_rule_says_so(rule, width, height):
    low, high = (image_tokens(width, height, rule, d) for d in (Detail.LOW, Detail.HIGH))
    if rule != rule_of("gpt-5.4"):  # the documented exception: low has the larger budget there
        assert low <= high


@settings(deadline=None)
@given(width=st.integers(32, 6000), height=st.integers(32, 6000))
def test_the_budget_follows_the_published_formula(width, height):
    """The formula as printed, in floating point; rounding noise may move a side by one pixel."""
    budget = 2500
    rule = PatchRule(100, PatchView(512), PatchView(None, budget), Detail.HIGH)
    if ceil(width / 32) * ceil(height / 32) <= budget:
        expected = (width, height)
    else:
        shrink = sqrt(32**2 * budget / (width * height))
        across, down = width * shrink / 32, height * shrink / 32
        scale = shrink * min(floor(across) / across, floor(down) / down)
        expected = (floor(width * scale), floor(height * scale))
        near_whole = [abs(x - round(x)) < 1e-9 for x in (across, down)]
        if any(near_whole):
            return  # the printed formula itself depends on the floating-point library here
    seen = seen_size(width, height, rule, Detail.HIGH)
    assert abs(seen.width_px - expected[0]) <= 1
    assert abs(seen.height_px - expected[1]) <= 1


def test_an_extreme_strip_keeps_at_least_one_pixel():
    rule = PatchRule(100, PatchView(512), PatchView(None, 4), Detail.HIGH)
    assert seen_size(70_000, 1, rule, Detail.HIGH) == Size(128, 1)
    assert image_tokens(70_000, 1, rule, Detail.HIGH) == 4
    assert image_tokens_many([70_000, 1], [1, 70_000], rule, Detail.HIGH).tolist() == [4, 4]


def test_an_unpublished_rule_gives_a_range_and_loses_no_detail():
    rule = rule_of("gpt-6-sol")
    found = image_tokens_range(4000, 3000, rule, Detail.AUTO)
    assert found == TokenRange(2942, 14_100, 14_100)
    assert seen_size(4000, 3000, rule, Detail.AUTO) == Size(4000, 3000)
    assert image_tokens(4000, 3000, rule, Detail.AUTO) == 14_100


def test_an_exact_rule_allows_for_the_documented_rounding_of_patch_models():
    assert image_tokens_range(512, 512, rule_of("gpt-6-luna"), Detail.HIGH) == TokenRange(
        307, 308, 308
    )
    assert image_tokens_range(512, 512, rule_of("gpt-4o"), Detail.HIGH) == TokenRange(255, 255, 255)


def test_nothing_is_invented_for_an_unknown_model():
    rule = UnpublishedRule()
    with pytest.raises(UnknownRuleError):
        image_tokens(100, 100, rule, Detail.HIGH)
    with pytest.raises(UnknownRuleError):
        image_tokens_many([100], [100], rule, Detail.HIGH)
    assert seen_size(4096, 2048, rule, Detail.HIGH) == Size(2048, 1024)
    assert seen_size(4096, 2048, rule, Detail.ORIGINAL) == Size(4096, 2048)


def test_the_embedded_engine_bills_no_tokens():
    assert image_tokens(4000, 3000, rule_of("local-vision-1"), Detail.HIGH) == 0


@pytest.mark.parametrize(("rule", "detail"), RULES_AND_DETAILS)
def test_many_sizes_at_once_equal_one_by_one(rule, detail):
    numbers = np.random.default_rng(seed=7)
    widths = np.concatenate([numbers.integers(1, 9000, 400), numbers.integers(1, 70_000, 100)])
    heights = np.concatenate([numbers.integers(1, 9000, 400), numbers.integers(1, 80, 100)])

    def one(width, height):
        try:
            return image_tokens(width, height, rule, detail)
        except TooManyPatchesError:
            return REJECTED

    one_by_one = [one(w, h) for w, h in zip(widths.tolist(), heights.tolist(), strict=True)]
    assert image_tokens_many(widths, heights, rule, detail).tolist() == one_by_one


def test_many_sizes_of_an_unpublished_rule_use_the_likeliest():
    rule = rule_of("gpt-6-sol")
    assert image_tokens_many([4000], [3000], rule, Detail.AUTO).tolist() == [14_100]
    assert image_tokens_many([], [], rule, Detail.AUTO).tolist() == []


@settings(deadline=None)
@given(whole=st.integers(0, 10**12))
def test_whole_square_roots_are_exact(whole):
    from core.tokens_many import _isqrt

    root = int(_isqrt(np.array([whole]))[0])
    assert Fraction(root) ** 2 <= whole < Fraction(root + 1) ** 2


def test_decoder_processes_can_import_the_rules_without_heavy_libraries():
    code = (
        "import sys, core.tokens;"
        "print([m for m in ('pydantic', 'tiktoken', 'numpy', 'openai') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("max_size", "sent"),
    [
        (None, Size(1365, 768)),
        ((4000, 4000), Size(1365, 768)),
        ((910, 512), Size(910, 512)),
        ((1024, 576), Size(1024, 576)),
        ((1, 1), Size(1, 1)),
    ],
)
def test_a_chosen_size_is_an_upper_bound(max_size, sent):
    rule = CATALOG.card("gpt-4o").image_rule
    assert sent_size(1920, 1080, rule, Detail.HIGH, max_size) == sent
