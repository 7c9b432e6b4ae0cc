"""Where the price of a picture jumps while it grows, and why it costs what it costs."""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import numpy as np
from numpy.typing import NDArray

from core.catalog.rules import ImageRule, PatchRule, PixelsRule, TileRule, UnpublishedRule
from core.phrases import Phrase
from core.tokens import Size, TooManyPatchesError, UnknownRuleError, image_tokens, seen_size
from core.tokens_many import REJECTED, image_tokens_many
from core.types import Detail


@dataclass(frozen=True, slots=True)
class TokenStep:
    """A stretch of sizes of one shape that all cost the same tokens.

    `low_tokens` and `high_tokens` differ from `tokens` where the rule is not published.
    """

    smallest: Size
    largest: Size
    low_tokens: int
    tokens: int
    high_tokens: int
    reason: Phrase


@lru_cache(maxsize=128)
def token_steps(
    width_px: int, height_px: int, rule: ImageRule, detail: Detail, longest_px: int
) -> tuple[TokenStep, ...]:
    """Return the steps of pictures of this shape, from the smallest to `longest_px`.

    Sizes that the server rejects are left out; a rule that nobody knows has no steps.

    Raises:
        UnsupportedDetailError: If the model does not take `detail`.
    """
    sides = np.arange(1, longest_px + 1, dtype=np.int64)
    longer = max(width_px, height_px)
    widths = np.maximum(1, (2 * sides * width_px + longer) // (2 * longer))
    heights = np.maximum(1, (2 * sides * height_px + longer) // (2 * longer))
    try:
        rows = _counts(widths, heights, rule, detail)
    except UnknownRuleError:
        return ()
    jumps = np.flatnonzero(np.any(rows[:, 1:] != rows[:, :-1], axis=0)) + 1
    starts, ends = [0, *jumps.tolist()], [*(jumps - 1).tolist(), longest_px - 1]
    steps = []
    for start, end in zip(starts, ends, strict=True):
        low, likely, high = (int(row[start]) for row in rows)
        if likely != REJECTED:
            smallest = Size(int(widths[start]), int(heights[start]))
            largest = Size(int(widths[end]), int(heights[end]))
            reason = explain_tokens(largest.width_px, largest.height_px, rule, detail)
            steps.append(TokenStep(smallest, largest, low, likely, high, reason))
    return tuple(steps)


def _counts(
    widths: NDArray[np.int64], heights: NDArray[np.int64], rule: ImageRule, detail: Detail
) -> NDArray[np.int64]:
    """Return low, likely and high tokens as a (3, n) array."""
    if isinstance(rule, UnpublishedRule) and rule.candidates:
        each = [image_tokens_many(widths, heights, one, detail) for one in rule.candidates]
        return np.stack([np.min(each, axis=0), each[0], np.max(each, axis=0)])
    likely = image_tokens_many(widths, heights, rule, detail)
    return np.stack([likely, likely, likely])


def explain_tokens(width_px: int, height_px: int, rule: ImageRule, detail: Detail) -> Phrase:
    """Return why a picture of this size costs what it costs.

    Raises:
        UnsupportedDetailError: If the model does not take `detail`.
    """
    match rule:
        case TileRule():
            return _explain_tiles(width_px, height_px, rule, detail)
        case PatchRule():
            return _explain_patches(width_px, height_px, rule, detail)
        case PixelsRule():
            return Phrase("This engine reads the pixels themselves; pictures cost no tokens.")
        case UnpublishedRule(candidates=()):
            return Phrase("It is not known how this model counts images.")
        case UnpublishedRule(candidates=candidates):
            return explain_tokens(width_px, height_px, candidates[0], detail)


def _explain_tiles(width_px: int, height_px: int, rule: TileRule, detail: Detail) -> Phrase:
    tokens = image_tokens(width_px, height_px, rule, detail)
    if detail is Detail.LOW:
        return Phrase("At detail low every picture costs {tokens:,} tokens.", {"tokens": tokens})
    seen = seen_size(width_px, height_px, rule, detail)
    return Phrase(
        "Seen as {width}×{height}: {across} × {down} tiles of {tile} px, "
        "{base:,} + {count} × {each:,} = {tokens:,} tokens",
        {
            "width": seen.width_px,
            "height": seen.height_px,
            "across": ceil(seen.width_px / rule.tile_px),
            "down": ceil(seen.height_px / rule.tile_px),
            "tile": rule.tile_px,
            "base": rule.base_tokens,
            "count": (tokens - rule.base_tokens) // rule.tile_tokens,
            "each": rule.tile_tokens,
            "tokens": tokens,
        },
    )


def _explain_patches(width_px: int, height_px: int, rule: PatchRule, detail: Detail) -> Phrase:
    seen = seen_size(width_px, height_px, rule, detail)
    try:
        tokens = image_tokens(width_px, height_px, rule, detail)
    except TooManyPatchesError as error:
        return error.phrase
    return Phrase(
        "Seen as {width}×{height}: {across} × {down} patches of {patch} px × {factor} "
        "= {tokens:,} tokens",
        {
            "width": seen.width_px,
            "height": seen.height_px,
            "across": ceil(seen.width_px / rule.patch_px),
            "down": ceil(seen.height_px / rule.patch_px),
            "patch": rule.patch_px,
            "factor": f"{rule.multiplier_percent / 100:g}",
            "tokens": tokens,
        },
    )
