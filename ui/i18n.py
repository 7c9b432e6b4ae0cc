"""The reader's language, in a page."""

import streamlit as st

from core.errors import ConfigurationError
from core.i18n import Language, best_language, translator
from core.phrases import Phrase
from ui.resources import settings

LANGUAGE_KEY = "app.language"


def language() -> Language:
    """Return this session's language: chosen here, else configured, else the browser's."""
    chosen = st.session_state.get(LANGUAGE_KEY)
    return best_language(st.context.locale, chosen or _configured())


def _configured() -> str | None:
    try:
        return settings().tessera_lang
    except ConfigurationError:  # the page that says so needs a language, too
        return None


def _(text: str) -> str:
    """Translate a literal, or a sentence that core marked with N_, for this session."""
    return translator(language())(text)


def say(phrase: Phrase) -> str:
    """Translate a phrase that core made."""
    return phrase.translated(translator(language()))
