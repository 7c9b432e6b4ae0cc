"""The estimate of the guide that Tessera implements, kept to reproduce its tables.

Its formulas and its prices of 2024 are not what is billed: see docs/estimates.md. Money here is
never mixed with a quote.
"""

from dataclasses import dataclass
from decimal import Decimal

GUIDE_TOKEN_CAP = 2000
_BASE_TOKENS = 85
_SMALL_PX = 512 * 512
_MEDIUM_PX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class GuidePrice:
    """The guide's USD per thousand tokens; it prices images apart from text."""

    text_usd: Decimal
    image_usd: Decimal
    output_usd: Decimal


GUIDE_PRICES = {
    "gpt-4o": GuidePrice(Decimal("0.005"), Decimal("0.01"), Decimal("0.015")),
    "gpt-4o-mini": GuidePrice(Decimal("0.00015"), Decimal("0.0003"), Decimal("0.0006")),
}


@dataclass(frozen=True, slots=True)
class GuideEstimate:
    """What the guide expects one request to cost, in unrounded USD."""

    image_tokens: int
    text_usd: Decimal
    image_usd: Decimal
    output_usd: Decimal

    @property
    def usd(self) -> Decimal:
        """Return the whole cost."""
        return self.text_usd + self.image_usd + self.output_usd

    def batch_usd(self, count: int) -> Decimal:
        """Return the cost of `count` images over the Batch API, at half the price."""
        return self.usd * count / 2


def guide_formula_tokens(width_px: int, height_px: int) -> int:
    """Return the image tokens of the guide's one-line formula, rounded down."""
    return min(_BASE_TOKENS + width_px * height_px // 400, GUIDE_TOKEN_CAP)


def guide_image_tokens(width_px: int, height_px: int) -> int:
    """Return the image tokens of the guide's calculator, which has three ranges of area."""
    pixels = width_px * height_px
    if pixels <= _SMALL_PX:
        extra = 0
    elif pixels <= _MEDIUM_PX:
        extra = (pixels - _SMALL_PX) // 400
    else:
        extra = (width_px // 16) * (height_px // 16) * 170
    return min(_BASE_TOKENS + extra, GUIDE_TOKEN_CAP)


def guide_estimate(
    model: str, width_px: int, height_px: int, text_tokens: int, output_tokens: int = 500
) -> GuideEstimate:
    """Estimate one request as the guide's calculator does.

    Raises:
        KeyError: If the guide has no price for this model.
    """
    price = GUIDE_PRICES[model]
    image_tokens = guide_image_tokens(width_px, height_px)
    return GuideEstimate(
        image_tokens=image_tokens,
        text_usd=text_tokens * price.text_usd / 1000,
        image_usd=image_tokens * price.image_usd / 1000,
        output_usd=output_tokens * price.output_usd / 1000,
    )
