"""The sizes just below each price step: what a smaller picture would save, and what it loses."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.catalog.models import ModelCard
from core.catalog.rules import ImageRule, PatchRule, TileRule, UnpublishedRule
from core.tokens import Size, image_tokens, seen_size
from core.types import Detail


@dataclass(frozen=True, slots=True)
class SizeStep:
    """A smaller size and its price in tokens.

    `loss` is the part of the resolution (of each side) that is given up, 0 to 1, against what the
    model would see of the original.
    """

    width_px: int
    height_px: int
    image_tokens: int
    saved_tokens: int
    loss: float


def best_size(
    width_px: int, height_px: int, card: ModelCard, detail: Detail, max_loss: float
) -> list[SizeStep]:
    """Return the largest size at each lower price, the largest first; empty where none saves.

    For an unpublished rule the steps are those of the likeliest rule.

    Raises:
        UnsupportedDetailError: If the model does not take `detail`.
        ValueError: If the size is impossible or `max_loss` is not between 0 and 1.
    """
    if not 0 <= max_loss <= 1:
        raise ValueError("max_loss is a share between 0 and 1")
    rule = _countable(card.image_rule)
    if rule is None:
        return []
    seen = seen_size(width_px, height_px, rule, detail)
    now = image_tokens(seen.width_px, seen.height_px, rule, detail)
    steps: list[SizeStep] = []
    for size in sorted(set(_boundaries(seen, rule)), key=_area, reverse=True):
        tokens = image_tokens(size.width_px, size.height_px, rule, detail)
        loss = 1 - max(size.width_px / seen.width_px, size.height_px / seen.height_px)
        if loss <= max_loss and tokens < (steps[-1].image_tokens if steps else now):
            steps.append(SizeStep(size.width_px, size.height_px, tokens, now - tokens, loss))
    return steps


def _countable(rule: ImageRule) -> TileRule | PatchRule | None:
    if isinstance(rule, UnpublishedRule):
        return rule.candidates[0] if rule.candidates else None
    return rule if isinstance(rule, TileRule | PatchRule) else None


def _boundaries(seen: Size, rule: TileRule | PatchRule) -> Iterator[Size]:
    """Yield each size of the same shape that ends on a tile or patch boundary of one side."""
    square = rule.tile_px if isinstance(rule, TileRule) else rule.patch_px
    w, h = seen.width_px, seen.height_px
    for side in range(square, w, square):
        yield Size(side, max(1, h * side // w))
    for side in range(square, h, square):
        yield Size(max(1, w * side // h), side)


def _area(size: Size) -> int:
    return size.width_px * size.height_px
