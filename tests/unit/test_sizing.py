"""Sizes just below each price step."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.catalog import load_catalog
from core.sizing import SizeStep, best_size
from core.tokens import UnsupportedDetailError, image_tokens, seen_size
from core.types import Detail

CATALOG = load_catalog()


def test_the_steps_of_a_full_hd_picture():
    steps = best_size(1920, 1080, CATALOG.card("gpt-4o"), Detail.HIGH, max_loss=1)
    assert [(s.width_px, s.height_px, s.image_tokens, s.saved_tokens) for s in steps] == [
        (1024, 576, 765, 340),
        (910, 512, 425, 680),
        (512, 288, 255, 850),
    ]
    assert steps[1].loss == pytest.approx(1 / 3, abs=1e-4)


@pytest.mark.parametrize(("max_loss", "count"), [(0.0, 0), (0.24, 0), (0.25, 1), (0.34, 2), (1, 3)])
def test_no_more_is_given_up_than_was_allowed(max_loss, count):
    steps = best_size(1920, 1080, CATALOG.card("gpt-4o"), Detail.HIGH, max_loss)
    assert len(steps) == count


@pytest.mark.parametrize(
    ("model", "detail"),
    [
        ("gpt-4o", Detail.LOW),  # one price for every size
        ("local-vision-1", Detail.HIGH),  # free
        ("relay-9", Detail.HIGH),  # not known
    ],
)
def test_no_steps_where_a_smaller_picture_saves_nothing(model, detail):
    assert best_size(1920, 1080, CATALOG.card(model), detail, 1) == []


def test_a_picture_of_one_tile_has_no_steps():
    assert best_size(512, 512, CATALOG.card("gpt-4o"), Detail.HIGH, 1) == []
    assert best_size(513, 512, CATALOG.card("gpt-4o"), Detail.HIGH, 1) == [
        SizeStep(512, 511, 255, 170, pytest.approx(1 / 513, abs=1e-9))
    ]


def test_an_unpublished_rule_uses_the_likeliest():
    assert best_size(2000, 2000, CATALOG.card("gpt-6-sol"), Detail.HIGH, 0.1) == best_size(
        2000, 2000, CATALOG.card("gpt-5.6-sol"), Detail.HIGH, 0.1
    )


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5.4", "gpt-4.1-mini"])
@settings(deadline=None, max_examples=40)
@given(width=st.integers(1, 4000), height=st.integers(1, 4000), max_loss=st.floats(0, 1))
def test_each_step_is_smaller_cheaper_and_costs_what_it_says(model, width, height, max_loss):
    card = CATALOG.card(model)
    seen = seen_size(width, height, card.image_rule, Detail.HIGH)
    tokens = image_tokens(width, height, card.image_rule, Detail.HIGH)
    for step in best_size(width, height, card, Detail.HIGH, max_loss):
        assert step.width_px <= seen.width_px
        assert step.height_px <= seen.height_px
        assert step.image_tokens < tokens
        assert 0 <= step.loss <= max_loss
        tokens = image_tokens(step.width_px, step.height_px, card.image_rule, Detail.HIGH)
        assert tokens == step.image_tokens


@settings(deadline=None, max_examples=40)
@given(width=st.integers(600, 2000), height=st.integers(600, 2000))
def test_no_size_between_two_steps_is_cheaper_than_the_upper_one(width, height):
    card = CATALOG.card("gpt-4o")
    steps = best_size(width, height, card, Detail.HIGH, 1)
    for upper, lower in itertools.pairwise(steps):
        wider = lower.width_px + 2  # the next size of this shape, past the rounding of a side
        taller = -(-wider * upper.height_px // upper.width_px)
        if wider <= upper.width_px:
            assert image_tokens(wider, taller, card.image_rule, Detail.HIGH) >= lower.image_tokens


def test_bad_questions_are_refused():
    card = CATALOG.card("gpt-4o")
    with pytest.raises(ValueError, match="between 0 and 1"):
        best_size(100, 100, card, Detail.HIGH, 1.5)
    with pytest.raises(ValueError, match="cannot be"):
        best_size(0, 100, card, Detail.HIGH, 0.5)
    with pytest.raises(UnsupportedDetailError):
        best_size(100, 100, card, Detail.ORIGINAL, 0.5)
