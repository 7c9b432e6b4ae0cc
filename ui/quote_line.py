"""What the question will cost, said before it is asked, and what is done to the pictures first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import streamlit as st

from core.catalog.models import ModelCard
from core.export import Estimate
from core.quote import Quote, UsdRange, expect_output_tokens, quote_request
from core.runs import Question, Wanted
from core.tasks import task
from core.tokens import ImageTokensError
from core.tray import TrayItem
from ui import format as fmt
from ui.i18n import _, say
from ui.resources import workbench
from ui.text import harmless_markdown


@dataclass(frozen=True, slots=True)
class PricedItem:
    """A picture and its quote; None where the model cannot take it at this detail."""

    item: TrayItem
    quote: Quote | None


def price(items: Sequence[TrayItem], question: Question) -> list[PricedItem]:
    """Quote every picture as the client will."""
    bench = workbench()
    card = bench.catalog.card(question.model)
    return [PricedItem(item, _quote(item, question, card)) for item in items]


def wanted(priced: Sequence[PricedItem]) -> list[Wanted]:
    """Return the pictures with what they are expected to cost, for the run."""
    return [Wanted(p.item.source, _estimate(p.quote)) for p in priced]


def show_quote(priced: Sequence[PricedItem], question: Question) -> None:
    """Draw the price of all pictures on one line, and the reasons below it."""
    quotes = [p.quote for p in priced if p.quote]
    with st.container(border=True, key="analyze-quote", gap="small"):
        st.markdown(_headline(quotes, question))
        if workbench().settings.embedded:
            st.caption(_elsewhere(priced, question))
        _show_reasons(priced)


def _headline(quotes: Sequence[Quote], question: Question) -> str:
    if workbench().settings.embedded:
        return _("**Free.** The embedded engine reads the picture on this machine.")
    tokens = _("{tokens} input tokens").format(tokens=_tokens(quotes))
    total = _total(quotes)
    if total is None:
        return (
            _("Price **unknown**: the catalogue has no price for {model}.").format(
                model=f"`{question.model}`"
            )
            + f" · {tokens}"
        )
    spread = _("between {low} and {high}").format(low=fmt.usd(total.low), high=fmt.usd(total.high))
    return "**≈ {usd}** · {spread} · {tokens}".format(
        usd=fmt.usd(total.expected).replace("$", r"\$"),
        spread=spread.replace("$", r"\$"),
        tokens=tokens,
    )


def _elsewhere(priced: Sequence[PricedItem], question: Question) -> str:
    """Say what the default model on the network would charge for the same question."""
    model = workbench().settings.openai_model
    there = [
        p.quote for p in price([p.item for p in priced], replace(question, model=model)) if p.quote
    ]
    total = _total(there)
    if total is None:
        return ""
    text = _("{model} would charge about {usd} for this ({tokens} input tokens). It is not asked.")
    return text.format(
        usd=fmt.usd(total.expected).replace("$", r"\$"), model=model, tokens=_tokens(there)
    )


def _tokens(quotes: Sequence[Quote]) -> str:
    if any(quote.input_tokens is None for quote in quotes):
        return _("unknown")
    return fmt.count(sum(quote.input_tokens.expected for quote in quotes if quote.input_tokens))


def _total(quotes: Sequence[Quote]) -> UsdRange | None:
    if not quotes or any(quote.realtime is None for quote in quotes):
        return None
    nothing = UsdRange(Decimal(0), Decimal(0), Decimal(0))
    return sum((quote.realtime for quote in quotes if quote.realtime), start=nothing)


def _show_reasons(priced: Sequence[PricedItem]) -> None:
    """Say what is done to the pictures first; behind a click where there are many."""
    if len(priced) == 1:
        for line in _reasons(priced[0]):
            st.caption(line)
        return
    told = [(p.item.name, _reasons(p)) for p in priced]
    if not any(lines for _name, lines in told):
        return
    with st.expander(_("What is done to the pictures")):
        for name, lines in told:
            if lines:
                st.caption(f"**{harmless_markdown(name)}** · {' '.join(lines)}")


def _reasons(p: PricedItem) -> list[str]:
    if p.quote is None:
        return [_("This model cannot take it at this detail; choose another.")]
    sent = fmt.size(p.quote.sent.width_px, p.quote.sent.height_px)
    was = fmt.size(p.item.width_px, p.item.height_px)
    lines = (
        []
        if sent == was
        else [_("{was} is sent as {sent}: the model sees no more.").format(was=was, sent=sent)]
    )
    return lines + [say(note) for note in (*p.quote.notes, *p.item.notes)]


def _quote(item: TrayItem, question: Question, card: ModelCard) -> Quote | None:
    from core.text_tokens import request_text_tokens  # the tokenizer takes a moment to load

    text = request_text_tokens(question.prompt, question.system, question.schema, question.model)
    expected = task(question.task).typical_output_tokens
    output = expect_output_tokens([], expected, question.sampling.max_output_tokens)
    try:
        return quote_request(
            card,
            item.width_px,
            item.height_px,
            question.detail,
            text.tokens,
            max_output_tokens=output.high,
            expected_output_tokens=output.expected,
            low_output_tokens=output.low,
        )
    except ImageTokensError:
        return None


def _estimate(quote: Quote | None) -> Estimate:
    if quote is None:
        return Estimate()
    return Estimate(
        image_tokens=quote.image_tokens.expected if quote.image_tokens else None,
        input_tokens=quote.input_tokens.expected if quote.input_tokens else None,
        cost_usd=quote.realtime.expected if quote.realtime else None,
    )
