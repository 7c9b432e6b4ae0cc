"""Numbers as people read them."""

from decimal import Decimal

from core.types import Cost, CostBasis
from ui.i18n import _


def usd(amount: Decimal | None) -> str:
    """Return dollars with as many places as small prices need; unknown is said to be unknown."""
    if amount is None:
        return _("unknown")
    if amount == 0:
        return "$0"
    if amount >= 1:
        return f"${amount:,.2f}"
    return f"${amount:.4f}" if amount >= Decimal("0.001") else f"${amount:.6f}"


def markdown_usd(amount: Decimal | None) -> str:
    """Return dollars for Markdown, where a pair of dollar signs would mean a formula."""
    return usd(amount).replace("$", r"\$")


def cost(paid: Cost) -> str:
    """Return what a call cost, marked when it is only an estimate."""
    text = usd(paid.usd)
    return (
        _("≈ {amount} (estimated)").format(amount=text)
        if paid.basis is CostBasis.ESTIMATED and paid.usd is not None
        else text
    )


def count(number: int | None) -> str:
    """Return a whole number with thousands apart."""
    return _("unknown") if number is None else f"{number:,}"


def seconds(duration_s: float | None) -> str:
    """Return a duration."""
    if duration_s is None:
        return _("unknown")
    return f"{duration_s * 1000:.0f} ms" if duration_s < 1 else f"{round(duration_s, 1):g} s"


def size(width_px: int, height_px: int) -> str:
    """Return a picture's size in pixels."""
    return f"{width_px}×{height_px}"
