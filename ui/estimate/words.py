"""How scenarios, prices and details are said on the Estimate page."""

import re
from collections.abc import Callable
from decimal import Decimal

import streamlit as st

from core.errors import ConfigurationError, VisionError
from core.quote import Lane, UsdRange
from core.scenarios import Scenario
from core.types import Detail
from core.what_if import Axis, Priced
from ui import format as fmt
from ui.diagnosis_box import show_error
from ui.i18n import _, say

CNY_KEY = "estimate.cny"
GUIDE_KEY = "estimate.guide"

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def cny_per_usd() -> Decimal | None:
    """Return the rate that the reader set, or None."""
    rate = st.session_state.get(CNY_KEY)
    return Decimal(str(rate)) if rate else None


def money(usd: Decimal | None) -> str:
    """Return dollars, and yuan beside them where the reader set a rate."""
    rate = cny_per_usd()
    text = fmt.usd(usd)
    return text if usd is None or rate is None else f"{text} (¥{_yuan(usd * rate)})"


def _yuan(amount: Decimal) -> str:
    return f"{amount:,.2f}" if amount >= 1 or not amount else f"{amount:.4f}"


def spread(money_range: UsdRange) -> str:
    """Return between which amounts the price lies."""
    return _("between {low} and {high}").format(
        low=money(money_range.low), high=money(money_range.high)
    )


def markdown(text: str) -> str:
    """Return text that Markdown leaves as it is: dollars are no formula, names no links."""
    return _PUNCTUATION.sub(r"\\\1", " ".join(text.split()))


def complain(error: VisionError) -> None:
    """Say why something cannot be used; what was typed or opened here needs no diagnosis."""
    if isinstance(error, ConfigurationError):
        st.warning(markdown(say(error.detail)), icon=":material/warning:")
    else:
        show_error(error)


def detail_name(detail: Detail) -> str:
    """Return a detail as the Analyze page calls it."""
    return {
        Detail.AUTO: _("Automatic"),
        Detail.LOW: _("Low"),
        Detail.HIGH: _("High"),
        Detail.ORIGINAL: _("Original"),
    }[detail]


def lane_name(lane: Lane) -> str:
    """Return a lane in words."""
    return {Lane.REALTIME: _("At once"), Lane.BATCH: _("Batch"), Lane.FLEX: _("Flex")}[lane]


def axis_name(axis: Axis) -> str:
    """Return what changes along an axis."""
    return {
        Axis.MODEL: _("Model"),
        Axis.DETAIL: _("Detail"),
        Axis.SIZE: _("Size"),
        Axis.IMAGES: _("Pictures"),
        Axis.OUTPUT: _("Answer length"),
        Axis.CACHE: _("Cache hits"),
        Axis.LANE: _("Lane"),
    }[axis]


def axis_value(scenario: Scenario, axis: Axis) -> str:
    """Return where a scenario stands on an axis."""
    values: dict[Axis, Callable[[], str]] = {
        Axis.MODEL: lambda: scenario.model,
        Axis.DETAIL: lambda: detail_name(scenario.detail),
        Axis.SIZE: lambda: sizes_name(scenario),
        Axis.IMAGES: lambda: fmt.count(scenario.images),
        Axis.OUTPUT: lambda: _("{count} tokens").format(count=fmt.count(scenario.output_tokens)),
        Axis.CACHE: lambda: f"{scenario.cached_percent} %",
        Axis.LANE: lambda: lane_name(scenario.lane),
    }
    return values[axis]()


def sizes_name(scenario: Scenario) -> str:
    """Return the size, or how many there are."""
    size = scenario.main_size
    main = fmt.size(size.width_px, size.height_px)
    others = len(scenario.sizes) - 1
    return _("{size} and {count} more").format(size=main, count=others) if others else main


def title(scenario: Scenario) -> str:
    """Return the scenario's name, or what tells it apart where it has none."""
    return scenario.name or f"{scenario.model} · {sizes_name(scenario)}"


def tokens_name(priced: Priced) -> str:
    """Return the image tokens, as a range with a mark where the rule is not published."""
    tokens = priced.image_tokens
    if tokens is None:
        return _("unknown")
    if priced.is_range and tokens.low != tokens.high:
        return f"≈ {tokens.low:,} – {tokens.high:,}"
    return f"{tokens.expected:,}"
