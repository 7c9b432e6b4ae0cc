"""The price of a size: where it jumps, what a smaller picture saves, what a budget allows."""

from decimal import Decimal
from math import gcd
from textwrap import wrap

import streamlit as st

from core.catalog import Catalog
from core.pricing import UnpricedTierError, rates_of
from core.token_steps import TokenStep, token_steps
from core.tokens import Size
from core.types import Detail
from core.what_if import (
    Axis,
    Correction,
    Priced,
    SizeOption,
    images_within,
    main_size_only,
    size_options,
    what_if,
    within,
)
from ui import charts
from ui import format as fmt
from ui.engine_badge import today
from ui.estimate.words import detail_name, markdown, money
from ui.i18n import _, say

_LONGEST_PX = 4096
_PER = 1000
_HOVER_CHARS = 40
_LOSS = "estimate.max_loss"
_BUDGET = "estimate.budget"
_NEAR = "estimate.near"


def show_steps(priced: Priced) -> None:
    """Draw price against size for each detail of the model, with the reason for every step."""
    st.subheader(_("Price by size"), anchor=False)
    curves = [_curve(priced, detail) for detail in _details(priced)]
    if not any(curve.steps for curve in curves):
        st.info(_("It is not known how this model counts images."), icon=":material/help:")
        return
    chosen = next(curve for curve in curves if curve.chosen)
    size = priced.scenario.main_size
    near = st.toggle(_("Only near this size"), key=_NEAR, persist_state="session")
    y_title = _("Tokens") if chosen.usd_per_token is None else _("USD for 1,000 pictures")
    st.plotly_chart(
        charts.step_chart(
            curves,
            max(size.width_px, size.height_px),
            _("Longer side in pixels, shape {shape}").format(shape=_shape(size)),
            y_title,
            fmt.size(size.width_px, size.height_px),
            near=near,
        ),
        key="estimate.steps",
        config=charts.CONFIG,
        alt=_("Price of the image tokens by the longer side of the picture"),
    )
    st.caption(
        _(
            "Only the image tokens are drawn, without prompt and answer. Point at a line to see "
            "how the model cuts the picture."
        )
    )


def _shape(size: Size) -> str:
    common = gcd(size.width_px, size.height_px)
    return f"{size.width_px // common}:{size.height_px // common}"


def _details(priced: Priced) -> list[Detail]:
    """Return the details that differ; automatic is another name for one of them."""
    chosen = priced.scenario.detail
    details = [d for d in priced.card.details if d is not Detail.AUTO or d is chosen]
    return details or [chosen]


def _curve(priced: Priced, detail: Detail) -> charts.Curve:
    size = priced.scenario.main_size
    longest = max(_LONGEST_PX, size.width_px, size.height_px)
    steps = token_steps(size.width_px, size.height_px, priced.card.image_rule, detail, longest)
    usd = _usd_per_token(priced)
    return charts.Curve(
        name=detail_name(detail),
        steps=steps,
        usd_per_token=None if usd is None else float(usd),
        hovers=[_hover(step, usd) for step in steps],
        chosen=detail is priced.scenario.detail,
    )


def _usd_per_token(priced: Priced) -> Decimal | None:
    if priced.card.price is None:
        return None
    try:
        return rates_of(priced.card.price, priced.scenario.lane).input_usd / 1_000_000
    except UnpricedTierError:
        return None


def _hover(step: TokenStep, usd_per_token: Decimal | None) -> str:
    sizes = " – ".join(fmt.size(s.width_px, s.height_px) for s in (step.smallest, step.largest))
    lines = [sizes, *wrap(say(step.reason), _HOVER_CHARS)]
    if step.low_tokens != step.high_tokens:
        lines.append(
            _("not published: {low} to {high} tokens").format(
                low=fmt.count(step.low_tokens), high=fmt.count(step.high_tokens)
            )
        )
    if usd_per_token is not None:
        usd = fmt.usd(usd_per_token * step.tokens * _PER)
        lines.append(_("{usd} for 1,000 pictures").format(usd=usd))
    return "\n".join(lines)


def show_resizes(priced: Priced) -> None:
    """Draw what smaller sizes save; nothing is resized by this."""
    st.subheader(_("What a smaller picture saves"), anchor=False)
    max_loss = st.slider(
        _("Resolution that may be given up, %"),
        0,
        90,
        value=50,
        step=5,
        key=_LOSS,
        persist_state="session",
        help=_("Of each side, measured against what the model sees of the original."),
    )
    priced = main_size_only(priced)
    options = size_options(priced, max_loss / 100)
    if not options or priced.image_tokens is None:
        st.caption(_("No smaller size within this limit costs less."))
        return
    st.markdown(_saving(priced, options[-1]))
    st.plotly_chart(
        charts.bar_chart(
            [_now(priced), *(_option(option) for option in options)], _("USD a month")
        ),
        key="estimate.resizes",
        config=charts.CONFIG,
        alt=_("Cost of a month at smaller sizes"),
    )


def _saving(priced: Priced, option: SizeOption) -> str:
    size, tokens = priced.scenario.main_size, priced.image_tokens
    words = _(
        "{smaller} costs {tokens} tokens instead of the {more} of {size}, and gives up {loss} of "
        "the resolution."
    ).format(
        smaller=fmt.size(option.size.width_px, option.size.height_px),
        tokens=fmt.count(option.image_tokens),
        more=fmt.count(tokens.expected if tokens else None),
        size=fmt.size(size.width_px, size.height_px),
        loss=f"{option.loss:.0%}",
    )
    return f"**{markdown(words)}** {markdown(_saved(priced, option.priced))}"


def _saved(now: Priced, then: Priced) -> str:
    if now.month is None or then.month is None:
        return ""
    saved = now.month.expected - then.month.expected
    return _("Over a month that saves {usd}.").format(usd=money(saved))


def _now(priced: Priced) -> charts.Bar:
    tokens = priced.image_tokens
    words = _("as it is now")
    count = tokens.expected if tokens else None
    return _size_bar(priced.scenario.main_size, count, priced, words, chosen=True)


def _option(option: SizeOption) -> charts.Bar:
    words = _("{loss} of the resolution given up").format(loss=f"{option.loss:.0%}")
    return _size_bar(option.size, option.image_tokens, option.priced, words, chosen=False)


def _size_bar(
    size: Size, tokens: int | None, priced: Priced, words: str, *, chosen: bool
) -> charts.Bar:
    month = priced.month.expected if priced.month else None
    label = fmt.size(size.width_px, size.height_px)
    counted = _("{tokens} image tokens").format(tokens=fmt.count(tokens))
    hover = "\n".join([label, words, counted, _("{usd} a month").format(usd=money(month))])
    value = None if month is None else float(month)
    return charts.Bar(label, value, money(month), hover, chosen, priced.is_range)


def show_budget(priced: Priced, catalog: Catalog, correction: Correction) -> None:
    """Say what a budget pays for: how many pictures, which model, which size."""
    st.subheader(_("Under a budget"), anchor=False)
    budget = st.number_input(
        _("USD a month"),
        min_value=0.0,
        max_value=1e9,
        value=None,
        step=10.0,
        placeholder=_("for example 100"),
        key=_BUDGET,
        persist_state="session",
        width=260,
    )
    if budget is None:
        return
    usd = Decimal(str(budget))
    lines = [_budget_images(priced, usd), _budget_model(priced, catalog, correction, usd)]
    lines += _budget_sizes(priced, usd)
    st.markdown("\n".join(f"- {line}" for line in lines))


def _budget_images(priced: Priced, usd: Decimal) -> str:
    count = images_within(priced, usd)
    if count is None:
        return markdown(_("With this scenario, the number of pictures is not limited or unknown."))
    words = _("This scenario: {count} pictures a month.")
    return markdown(words.format(count=fmt.count(count)))


def _budget_model(priced: Priced, catalog: Catalog, correction: Correction, usd: Decimal) -> str:
    rows = what_if(priced.scenario, Axis.MODEL, catalog, today(), correction)
    fitting = within(rows, usd)
    if not fitting:
        cheapest = rows[0]
        if cheapest.month is None:
            return markdown(_("No model has a known price."))
        words = _("No model does it for that; the cheapest is {model} with {usd}.")
    else:
        cheapest = fitting[0]
        words = _("Cheapest model: {model} with {usd}; {count} models fit.")
    month = cheapest.month
    return markdown(
        words.format(
            model=cheapest.scenario.model,
            usd=money(month.expected if month else None),
            count=len(fitting),
        )
    )


def _budget_sizes(priced: Priced, usd: Decimal) -> list[str]:
    """Say the cheapest size, and the largest that the budget allows with this model."""
    if priced.month is None:
        return []
    priced = main_size_only(priced)
    options = size_options(priced, st.session_state.get(_LOSS, 50) / 100, most=50)
    sized = [(priced.scenario.main_size, priced), *((o.size, o.priced) for o in options)]
    fitting = [(size, each) for size, each in sized if each.month and each.month.expected <= usd]
    smallest, cheapest = sized[-1]
    lines = [_size_line(_("Cheapest size with this model: {size} with {usd}."), smallest, cheapest)]
    if fitting:
        words = _("Largest size that fits: {size} with {usd}.")
        lines.insert(0, _size_line(words, *fitting[0]))
    else:
        lines.insert(0, markdown(_("No size of this model fits within the allowed loss.")))
    return lines


def _size_line(words: str, size: Size, priced: Priced) -> str:
    name = fmt.size(size.width_px, size.height_px)
    return markdown(
        words.format(size=name, usd=money(priced.month.expected if priced.month else None))
    )
