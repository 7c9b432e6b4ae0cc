"""What a model sees of a picture, and the tokens it costs. Pure integer arithmetic.

Sources: https://developers.openai.com/api/docs/guides/images-vision (read 2026-11-23) and, where
that is silent about rounding, counts from live bills (docs/estimates.md).

Nothing heavy is imported here, because each decoder process imports it.
"""

from dataclasses import dataclass
from math import isqrt
from typing import assert_never

from core.catalog.rules import (
    ImageRule,
    PatchRule,
    PatchView,
    PixelsRule,
    TileRule,
    UnpublishedRule,
)
from core.phrases import Phrase
from core.types import Detail

LOW_DETAIL_PX = 512
"""Tile models look at a version that fits into 512x512 when the detail is low."""


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels."""

    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class TokenRange:
    """The fewest, the likeliest and the most tokens."""

    low: int
    expected: int
    high: int

    def __add__(self, other: "TokenRange") -> "TokenRange":
        return TokenRange(
            self.low + other.low, self.expected + other.expected, self.high + other.high
        )

    def __mul__(self, count: int) -> "TokenRange":
        return TokenRange(self.low * count, self.expected * count, self.high * count)


class ImageTokensError(ValueError):
    """This picture has no token count with this model and detail; `phrase` says why."""

    def __init__(self, phrase: Phrase) -> None:
        super().__init__(str(phrase))
        self.phrase = phrase


class UnsupportedDetailError(ImageTokensError):
    """The model does not take this detail."""


class TooManyPatchesError(ImageTokensError):
    """The server would reject a picture of this size."""


class UnknownRuleError(ImageTokensError):
    """Nobody knows how this model counts pictures."""


def seen_size(width_px: int, height_px: int, rule: ImageRule, detail: Detail) -> Size:
    """Return the largest size worth sending: what the model looks at, never enlarged.

    A picture of this size costs the same tokens as the original. One exception: a picture that
    the server would reject for too many patches is brought down to what it accepts. For an
    unpublished rule this is the largest size among the candidates, so that no detail is lost.

    Raises:
        UnsupportedDetailError: If the model does not take `detail`.
    """
    _require_positive(width_px, height_px)
    match rule:
        case TileRule():
            return _tile_size(width_px, height_px, rule, detail)
        case PatchRule():
            return _patch_size(width_px, height_px, rule, detail)
        case PixelsRule(max_side_px=side):
            return _fit(width_px, height_px, side)
        case UnpublishedRule(candidates=()):
            limit = None if detail is Detail.ORIGINAL else rule.max_side_px
            return _fit(width_px, height_px, limit)
        case UnpublishedRule(candidates=candidates):
            sizes = [seen_size(width_px, height_px, each, detail) for each in candidates]
            return max(sizes, key=lambda size: size.width_px * size.height_px)
        case _:
            assert_never(rule)


def sent_size(
    width_px: int, height_px: int, rule: ImageRule, detail: Detail, max_size: tuple[int, int] | None
) -> Size:
    """Return the size to send: what the model looks at, within what the person allowed.

    Args:
        width_px: Of the original.
        height_px: Likewise.
        rule: How the model looks at pictures.
        detail: One of those that the rule takes.
        max_size: A further (width, height) in pixels to fit into, keeping the shape.

    Raises:
        UnsupportedDetailError: If the model does not take `detail`.
    """
    size = seen_size(width_px, height_px, rule, detail)
    w, h = size.width_px, size.height_px
    if max_size is None or (w <= max_size[0] and h <= max_size[1]):
        return size
    height = max(1, max_size[0] * h // w)
    if height <= max_size[1]:
        return Size(max_size[0], height)
    return Size(max(1, max_size[1] * w // h), max_size[1])


def image_tokens(width_px: int, height_px: int, rule: ImageRule, detail: Detail) -> int:
    """Return the input tokens of one picture; for an unpublished rule the likeliest number.

    Patch models may bill one token less: the vendor documents that rounding as inexact.

    Raises:
        UnsupportedDetailError: If the model does not take `detail`.
        TooManyPatchesError: If the server rejects a picture of this size.
        UnknownRuleError: If nothing is known about the model.
    """
    _require_positive(width_px, height_px)
    match rule:
        case TileRule():
            return _tile_tokens(width_px, height_px, rule, detail)
        case PatchRule():
            return _patch_tokens(width_px, height_px, rule, detail)
        case PixelsRule():
            return 0
        case UnpublishedRule(candidates=()):
            raise UnknownRuleError(Phrase("It is not known how this model counts images."))
        case UnpublishedRule(candidates=candidates):
            return image_tokens(width_px, height_px, candidates[0], detail)
        case _:
            assert_never(rule)


def image_tokens_range(
    width_px: int, height_px: int, rule: ImageRule, detail: Detail
) -> TokenRange:
    """Return the tokens of one picture with the spread of what is not published.

    Raises:
        ImageTokensError: As `image_tokens`, if any candidate refuses.
    """
    likely = image_tokens(width_px, height_px, rule, detail)
    match rule:
        case UnpublishedRule(candidates=candidates):
            counts = [image_tokens(width_px, height_px, each, detail) for each in candidates]
            return TokenRange(min(counts), likely, max(counts))
        case PatchRule():
            return TokenRange(max(likely - 1, 0), likely, likely)
        case _:
            return TokenRange(likely, likely, likely)


def _tile_size(width_px: int, height_px: int, rule: TileRule, detail: Detail) -> Size:
    if _tile_detail(detail) is Detail.LOW:
        return _fit(width_px, height_px, LOW_DETAIL_PX)
    fitted = _fit(width_px, height_px, rule.fit_px)
    w, h = fitted.width_px, fitted.height_px
    short = rule.short_side_px
    if min(w, h) <= short:
        return fitted
    return Size(w * short // h, short) if h <= w else Size(short, h * short // w)


def _tile_tokens(width_px: int, height_px: int, rule: TileRule, detail: Detail) -> int:
    if _tile_detail(detail) is Detail.LOW:
        return rule.base_tokens
    size = _tile_size(width_px, height_px, rule, detail)
    return rule.base_tokens + rule.tile_tokens * _squares(size, rule.tile_px)


def _tile_detail(detail: Detail) -> Detail:
    if detail is Detail.ORIGINAL:
        raise _unsupported(detail)
    return Detail.LOW if detail is Detail.LOW else Detail.HIGH


def patch_view(rule: PatchRule, detail: Detail) -> PatchView:
    """Return the limits that hold at `detail`.

    Raises:
        UnsupportedDetailError: If the model does not take `detail`.
    """
    views = {Detail.LOW: rule.low, Detail.HIGH: rule.high, Detail.ORIGINAL: rule.original}
    view = views[rule.auto if detail is Detail.AUTO else detail]
    if view is None:
        raise _unsupported(detail)
    return view


def _patch_size(width_px: int, height_px: int, rule: PatchRule, detail: Detail) -> Size:
    view = patch_view(rule, detail)
    size = _fit(width_px, height_px, view.max_side_px)
    return _within_budget(size, view.patch_budget or rule.max_patches, rule.patch_px)


def _patch_tokens(width_px: int, height_px: int, rule: PatchRule, detail: Detail) -> int:
    view = patch_view(rule, detail)
    size = _fit(width_px, height_px, view.max_side_px)
    if view.patch_budget:
        size = _within_budget(size, view.patch_budget, rule.patch_px)
    patches = _squares(size, rule.patch_px)
    if patches > rule.max_patches:
        raise TooManyPatchesError(
            Phrase(
                "This size makes {patches:,} patches; the model accepts at most {limit:,}. "
                "Make the image smaller or choose another detail.",
                {"patches": patches, "limit": rule.max_patches},
            )
        )
    return -(-patches * rule.multiplier_percent // 100)


def _within_budget(size: Size, budget: int, patch_px: int) -> Size:
    """Shrink until whole patches fit the budget, as the vendor's formula does.

    Its two square roots cancel out: with shrink = sqrt(patch^2 * budget / (w * h)) the width is
    sqrt(budget * w / h) patches, so isqrt gives the whole ones without rounding errors, and the
    tighter side ends on a patch boundary while the other follows the aspect ratio, rounded down.
    """
    if _squares(size, patch_px) <= budget:
        return size
    w, h = size.width_px, size.height_px
    columns = max(1, min(budget, isqrt(budget * w // h)))  # a strip is one patch thin
    rows = max(1, min(budget, isqrt(budget * h // w)))
    if columns * h <= rows * w:
        return Size(columns * patch_px, max(1, columns * patch_px * h // w))
    return Size(max(1, rows * patch_px * w // h), rows * patch_px)


def _fit(width_px: int, height_px: int, side_px: int | None) -> Size:
    """Scale down until the longest side fits, rounding the other half up; never enlarge.

    Half up is what is billed: 2049x513 costs more tiles than 2050x513 (docs/estimates.md).
    """
    longest = max(width_px, height_px)
    if side_px is None or longest <= side_px:
        return Size(width_px, height_px)
    return Size(_scaled(width_px, side_px, longest), _scaled(height_px, side_px, longest))


def _scaled(length_px: int, numerator: int, denominator: int) -> int:
    return max(1, (2 * length_px * numerator + denominator) // (2 * denominator))


def _squares(size: Size, side_px: int) -> int:
    return -(-size.width_px // side_px) * -(-size.height_px // side_px)


def _require_positive(width_px: int, height_px: int) -> None:
    if width_px < 1 or height_px < 1:
        raise ValueError(f"a picture cannot be {width_px}x{height_px}")


def _unsupported(detail: Detail) -> UnsupportedDetailError:
    return UnsupportedDetailError(
        Phrase("This model does not take the detail '{detail}'.", {"detail": detail.value})
    )
