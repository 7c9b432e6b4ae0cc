"""The image tokens of many sizes at once, equal to core/tokens.py number by number.

Apart from it because decoder processes must not load numpy for a size.
"""

from typing import assert_never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.catalog.rules import ImageRule, PatchRule, PixelsRule, TileRule, UnpublishedRule
from core.tokens import image_tokens, patch_view
from core.types import Detail

Whole = NDArray[np.int64]

REJECTED = -1
"""Stands for a size that the server would reject for too many patches."""


def image_tokens_many(
    widths_px: ArrayLike, heights_px: ArrayLike, rule: ImageRule, detail: Detail
) -> Whole:
    """Return the tokens of each picture as an (n,) int64 array, with REJECTED where it is refused.

    Raises:
        UnsupportedDetailError: If the model does not take `detail`.
        UnknownRuleError: If nothing is known about the model.
        ValueError: If a size is below 1.
    """
    widths, heights = np.asarray(widths_px, np.int64), np.asarray(heights_px, np.int64)
    if widths.size and min(widths.min(), heights.min()) < 1:
        raise ValueError("a picture cannot be smaller than 1x1")
    smallest = image_tokens(1, 1, rule, detail)  # raises whatever holds for every size
    match rule:
        case TileRule() if detail is Detail.LOW:
            return np.full(widths.shape, smallest)
        case TileRule():
            return _tile_tokens(widths, heights, rule)
        case PatchRule():
            return _patch_tokens(widths, heights, rule, detail)
        case PixelsRule():
            return np.zeros(widths.shape, np.int64)
        case UnpublishedRule(candidates=candidates):
            return image_tokens_many(widths, heights, candidates[0], detail)
        case _:
            assert_never(rule)


def _tile_tokens(widths: Whole, heights: Whole, rule: TileRule) -> Whole:
    w, h = _fit(widths, heights, rule.fit_px)
    shorter = np.minimum(w, h)
    shrunk = shorter > rule.short_side_px
    # Dividing the shorter side by itself leaves exactly the short side, so one formula does both.
    w = np.where(shrunk, w * rule.short_side_px // shorter, w)
    h = np.where(shrunk, h * rule.short_side_px // shorter, h)
    return rule.base_tokens + rule.tile_tokens * _squares(w, h, rule.tile_px)


def _patch_tokens(widths: Whole, heights: Whole, rule: PatchRule, detail: Detail) -> Whole:
    view = patch_view(rule, detail)
    w, h = _fit(widths, heights, view.max_side_px)
    patches = _squares(w, h, rule.patch_px)
    if view.patch_budget:
        over = patches > view.patch_budget
        patches[over] = _patches_in_budget(w[over], h[over], view.patch_budget, rule.patch_px)
    tokens: Whole = -(-patches * rule.multiplier_percent // 100)
    tokens[patches > rule.max_patches] = REJECTED
    return tokens


def _patches_in_budget(w: Whole, h: Whole, budget: int, patch_px: int) -> Whole:
    columns = np.clip(_isqrt(budget * w // h), 1, budget)
    rows = np.clip(_isqrt(budget * h // w), 1, budget)
    wide_ends = columns * h <= rows * w
    other_rows = -(-np.maximum(1, columns * patch_px * h // w) // patch_px)
    other_columns = -(-np.maximum(1, rows * patch_px * w // h) // patch_px)
    patches: Whole = np.where(wide_ends, columns * other_rows, rows * other_columns)
    return patches


def _fit(widths: Whole, heights: Whole, side_px: int | None) -> tuple[Whole, Whole]:
    if side_px is None:
        return widths, heights
    longest = np.maximum(widths, heights)
    target = np.minimum(longest, side_px)
    return _scaled(widths, target, longest), _scaled(heights, target, longest)


def _scaled(lengths: Whole, numerators: Whole, denominators: Whole) -> Whole:
    rounded: Whole = (2 * lengths * numerators + denominators) // (2 * denominators)
    return np.maximum(1, rounded)


def _squares(w: Whole, h: Whole, side_px: int) -> Whole:
    return (-(-w // side_px)) * (-(-h // side_px))


def _isqrt(values: Whole) -> Whole:
    """Return exact whole square roots; the floating one can be off by one."""
    roots = np.sqrt(values).astype(np.int64)
    roots -= roots * roots > values
    roots += (roots + 1) * (roots + 1) <= values
    return roots
