"""Tests of core/token_steps.py: where prices jump, and the reason for each."""

import pytest

from core.catalog import load_catalog
from core.token_steps import explain_tokens, token_steps
from core.tokens import Size, UnsupportedDetailError, image_tokens
from core.types import Detail

CATALOG = load_catalog()


def rule(model):
    return CATALOG.card(model).image_rule


def test_the_steps_of_a_wide_picture_on_tiles():
    steps = token_steps(1920, 1080, rule("gpt-4o"), Detail.HIGH, 4096)
    assert [(step.largest, step.tokens) for step in steps] == [
        (Size(512, 288), 255),
        (Size(911, 512), 425),
        (Size(1024, 576), 765),
        (Size(4096, 2304), 1105),
    ]


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1-mini", "gpt-5.4", "gpt-6.1-sol"])
@pytest.mark.parametrize(("width", "height"), [(1024, 1024), (3, 2), (9, 16)])
def test_both_ends_of_a_step_cost_what_it_says_and_the_next_pixel_does_not(model, width, height):
    steps = token_steps(width, height, rule(model), Detail.HIGH, 3000)
    for before, step in zip((None, *steps), steps, strict=False):
        for size in (step.smallest, step.largest):
            found = image_tokens(size.width_px, size.height_px, rule(model), Detail.HIGH)
            assert found == step.tokens
        assert step.low_tokens <= step.tokens <= step.high_tokens
        assert before is None or (before.tokens, before.high_tokens, before.low_tokens) != (
            step.tokens,
            step.high_tokens,
            step.low_tokens,
        )
        assert str(step.tokens) in str(step.reason).replace(",", "")


def test_sizes_that_the_server_rejects_have_no_step():
    steps = token_steps(1, 1, rule("gpt-6-astra"), Detail.ORIGINAL, 6400)
    assert steps[-1].largest.width_px < 5600
    assert max(step.tokens for step in steps) <= 36_000


def test_an_unknown_rule_has_no_steps_and_a_detail_that_is_not_taken_is_refused():
    assert token_steps(1, 1, CATALOG.card("nobody").image_rule, Detail.HIGH, 100) == ()
    with pytest.raises(UnsupportedDetailError):
        token_steps(1, 1, rule("gpt-4o"), Detail.ORIGINAL, 100)


@pytest.mark.parametrize(
    ("model", "detail", "reason"),
    [
        (
            "gpt-4o",
            Detail.HIGH,
            "Seen as 1365×768: 3 × 2 tiles of 512 px, 85 + 6 × 170 = 1,105 tokens",
        ),
        ("gpt-4o", Detail.LOW, "At detail low every picture costs 85 tokens."),
        (
            "gpt-5.4",
            Detail.HIGH,
            "Seen as 1920×1080: 60 × 34 patches of 32 px × 1.2 = 2,448 tokens",
        ),
        (
            "gpt-6.1-sol",
            Detail.HIGH,
            "Seen as 1920×1080: 60 × 34 patches of 32 px × 1.2 = 2,448 tokens",
        ),
        (
            "local-vision-1",
            Detail.HIGH,
            "This engine reads the pixels themselves; pictures cost no tokens.",
        ),
        ("nobody", Detail.HIGH, "It is not known how this model counts images."),
    ],
)
def test_the_reason_for_a_price(model, detail, reason):
    assert str(explain_tokens(1920, 1080, CATALOG.card(model).image_rule, detail)) == reason


def test_a_rejected_size_says_so():
    reason = explain_tokens(10_000, 10_000, rule("gpt-6-astra"), Detail.ORIGINAL)
    assert "30,000" in str(reason)
