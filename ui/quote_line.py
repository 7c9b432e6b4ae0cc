"""What the question will cost, said before it is asked, and what is done to the pictures first."""

from collections.abc import Sequence
from dataclasses import astuple, replace

import streamlit as st

from core.export import Estimate
from core.images import messages
from core.quote import Quote, SelectionQuote
from core.runs import Question, Wanted
from core.survey import Survey, SurveyedPicture, survey
from core.tray import TrayItem
from ui import format as fmt
from ui.i18n import _, say
from ui.resources import workbench
from ui.text import literal

_SIZE_NOTES = {messages.RESIZED.template, messages.DRAWN.template}
"""Said of the preview; the size for the chosen model is said here."""


def price(items: Sequence[TrayItem], question: Question) -> Survey:
    """Quote every picture as the client will."""
    pictures = [SurveyedPicture(i.source, i.width_px, i.height_px, i.layer_tokens) for i in items]
    return survey(workbench().client, question, pictures)


def wanted(items: Sequence[TrayItem], survey: Survey) -> list[Wanted]:
    """Return the pictures with what they are expected to cost, for the run."""
    pairs = zip(items, survey.quotes, strict=True)
    return [Wanted(item.source, _estimate(quote)) for item, quote in pairs]


def show_quote(items: Sequence[TrayItem], survey: Survey, question: Question) -> None:
    """Draw the price of all pictures on one line, and the reasons below it."""
    with st.container(border=True, key="analyze-quote", gap="small"):
        st.markdown(headline(survey.selection, question))
        if workbench().settings.embedded:
            st.caption(_elsewhere(items, question))
        elif survey.selection.total > 1 and survey.selection.to_pay < survey.selection.total:
            st.caption(say(survey.selection.summary))
        _show_reasons(items, survey.quotes)


def headline(selection: SelectionQuote, question: Question) -> str:
    """Return the price of all pictures in one line of Markdown."""
    if workbench().settings.embedded:
        return _("**Free.** The embedded engine reads the picture on this machine.")
    if selection.total and not selection.to_pay:
        return _("**Free.** The answer is kept from before; nothing is asked.")
    tokens = _("{tokens} input tokens").format(tokens=_tokens(selection))
    if selection.realtime is None:
        unknown = _("Price **unknown**: the catalogue has no price for {model}.")
        return unknown.format(model=f"`{question.model}`") + f" · {tokens}"
    low, usd, high = (fmt.markdown_usd(amount) for amount in astuple(selection.realtime))
    spread = _("between {low} and {high}").format(low=low, high=high)
    return f"**≈ {usd}** · {spread} · {tokens}"


def _elsewhere(items: Sequence[TrayItem], question: Question) -> str:
    """Say what the default model on the network would charge for the same question."""
    model = workbench().settings.openai_model
    there = price(items, replace(question, model=model)).selection
    if there.realtime is None:
        return ""
    text = _("{model} would charge about {usd} for this ({tokens} input tokens). It is not asked.")
    usd = fmt.markdown_usd(there.realtime.expected)
    return text.format(usd=usd, model=model, tokens=_tokens(there))


def _tokens(selection: SelectionQuote) -> str:
    return fmt.count(selection.input_tokens.expected if selection.input_tokens else None)


def _show_reasons(items: Sequence[TrayItem], quotes: Sequence[Quote | None]) -> None:
    """Say what is done to the pictures first; behind a click where there are many."""
    told = [(item.name, _reasons(item, q)) for item, q in zip(items, quotes, strict=True)]
    if len(told) == 1:
        for line in told[0][1]:
            st.caption(line)
    elif any(lines for _name, lines in told):
        with st.expander(_("What is done to the pictures")):
            for name, lines in told:
                if lines:
                    st.caption(f"**{literal(name)}** · {' '.join(lines)}")


def _reasons(item: TrayItem, quote: Quote | None) -> list[str]:
    if quote is None:
        return [_("This model cannot take it at this detail; choose another.")]
    sent = fmt.size(quote.sent.width_px, quote.sent.height_px)
    was = fmt.size(item.width_px, item.height_px)
    resized = _("{was} is sent as {sent}: the model sees no more.").format(was=was, sent=sent)
    notes = [note for note in item.notes if note.template not in _SIZE_NOTES]
    done = [say(note) for note in (*quote.notes, *notes)]
    return done if sent == was else [resized, *done]


def _estimate(quote: Quote | None) -> Estimate:
    if quote is None:
        return Estimate()
    return Estimate(
        image_tokens=quote.image_tokens.expected if quote.image_tokens else None,
        input_tokens=quote.input_tokens.expected if quote.input_tokens else None,
        cost_usd=quote.realtime.expected if quote.realtime else None,
    )
