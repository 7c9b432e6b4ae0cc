"""The page's first words: what it will cost."""

import streamlit as st

from core.catalog.freshness import date_notes
from core.guide_estimate import GUIDE_PRICES
from core.quote import Lane
from core.token_steps import explain_tokens
from core.tokens import ImageTokensError
from core.what_if import Priced, guide_month
from ui import format as fmt
from ui.engine_badge import today
from ui.estimate.words import GUIDE_KEY, markdown, money, sizes_name, spread, tokens_name
from ui.i18n import _, say


def show_answer(priced: Priced) -> None:
    """Draw the price of a month as one sentence, its parts, and what there is to know about it."""
    with st.container(gap="small", key="estimate-answer"):
        st.markdown(f"## {_sentence(priced)}")
        if priced.problem:
            st.warning(say(priced.problem), icon=":material/block:")
        if priced.month:
            st.caption(markdown(_range_words(priced)))
        _show_parts(priced)
        _show_notes(priced)


def _sentence(priced: Priced) -> str:
    scenario = priced.scenario
    values = {
        "count": fmt.count(scenario.images),
        "size": markdown(sizes_name(scenario)),
        "model": markdown(scenario.model),
    }
    if priced.month is None:
        return _("{count} pictures a month with {model}: price **unknown**").format(**values)
    usd = markdown(money(priced.month.expected))
    return _("{count} pictures a month with {model} cost about **{usd}**").format(**values, usd=usd)


def _range_words(priced: Priced) -> str:
    if priced.month is None:
        return ""
    return _("{spread}, depending on how long the answers are").format(spread=spread(priced.month))


def _show_parts(priced: Priced) -> None:
    scenario = priced.scenario
    batch = priced.month_on(Lane.BATCH)
    tiles = [
        (_("One picture"), money(priced.request.expected if priced.request else None), None),
        (_("Image tokens"), _tokens(priced), _why(priced)),
        (_("Pictures to pay"), f"{scenario.paid_images:,.0f}", None),
    ]
    if scenario.lane is Lane.REALTIME:
        tiles.append((_("As a batch"), money(batch.expected) if batch else _("not offered"), None))
    if st.session_state.get(GUIDE_KEY):
        tiles.append((_("The guide's estimate"), _guide(priced), None))
    with st.grid("auto", min_column_width=165, gap="small"):
        for name, value, help_text in tiles:
            st.metric(name, value, border=True, help=help_text)


def _tokens(priced: Priced) -> str:
    tokens = priced.image_tokens
    return ("≈ " if priced.is_range else "") + fmt.count(tokens.expected if tokens else None)


def _why(priced: Priced) -> str | None:
    size, detail = priced.scenario.main_size, priced.scenario.detail
    try:
        reason = explain_tokens(size.width_px, size.height_px, priced.card.image_rule, detail)
    except ImageTokensError:
        return None
    words = f"{fmt.size(size.width_px, size.height_px)}: {say(reason)}"
    if priced.is_range:
        words += " " + _("Not published, so a range: {tokens}.").format(tokens=tokens_name(priced))
    return markdown(words)


def _guide(priced: Priced) -> str:
    usd = guide_month(priced.scenario)
    return _("only {models}").format(models=", ".join(GUIDE_PRICES)) if usd is None else money(usd)


def _show_notes(priced: Priced) -> None:
    """Say how sure the numbers are: dates, unpublished rules, age and source of the price."""
    for note in (*date_notes(priced.card, today()), *priced.notes):
        st.caption(f":material/info: {markdown(say(note))}")
    effort = priced.card.default_reasoning_effort
    if effort and effort != "none":
        text = _(
            "{model} thinks before it answers, and its thoughts are billed as output: add them to "
            "the answer length."
        )
        st.caption(f":material/psychology: {markdown(text.format(model=priced.card.name))}")
    if priced.card.price and priced.card.read_date:
        text = _("Prices read on {date} from {source}")
        source = priced.card.source_url or _("an unnamed source")
        words = text.format(date=priced.card.read_date.isoformat(), source=source)
        st.caption(f":material/sell: {markdown(words)}")
