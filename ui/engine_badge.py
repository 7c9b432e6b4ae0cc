"""Who answers here, and until when: shown on every page."""

from datetime import UTC, date, datetime
from urllib.parse import urlsplit

import streamlit as st
from babel.dates import format_date

from core.catalog.models import ModelCard
from ui.i18n import _, language
from ui.resources import workbench

_SOON_DAYS = 180


def show_engine() -> None:
    """Name the engine, and warn when the chosen model is about to be switched off."""
    bench = workbench()
    if bench.settings.embedded:
        st.badge(_("Embedded engine"), icon=":material/memory:", color="green")
        st.caption(_("Reads and measures on this machine. No key, no network, no cost."))
        return
    st.badge(bench.settings.model, icon=":material/cloud:", color="primary")
    st.caption(_("Asks {host}").format(host=urlsplit(bench.settings.base_url).hostname))
    if note := shutdown_note(bench.catalog.card(bench.settings.model)):
        st.caption(f":material/event_busy: {note}")


def today() -> date:
    """Return the day in UTC, by which vendors switch models off."""
    return datetime.now(UTC).date()


def shutdown_note(card: ModelCard) -> str:
    """Return when the vendor switches a model off and what follows it; empty when that is far."""
    if card.shutdown_date is None:
        return ""
    days = (card.shutdown_date - today()).days
    if days > _SOON_DAYS:
        return ""
    when = format_date(card.shutdown_date, "long", locale=language())
    text = _("{model} shuts down on {date}.") if days > 0 else _("{model} was shut down on {date}.")
    text = text.format(model=card.name, date=when)
    if card.successor:
        more = _("{sentence} The vendor names {model} as its successor.")
        text = more.format(sentence=text, model=card.successor)
    return text
