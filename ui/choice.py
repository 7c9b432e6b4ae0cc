"""A selectbox whose value outlives its words.

Streamlit's browser side sends back the label that was chosen. When the language changes, that label
is no longer an option, and the first one would be taken instead: another task would be asked than
the one on the screen. So the value is remembered here, and each language has a widget of its own.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from ui.i18n import language
from ui.state import state


def choose(label: str, options: Mapping[str, str], *, name: str, default: str, **looks: Any) -> str:
    """Offer `options` (value to translated label) and return the chosen value.

    The choice is remembered under `name` for the session, over page switches and languages.
    """
    values, key = list(options), choice_key(name)
    if st.session_state.get(key) not in options:
        remembered = state().choices.get(name, default)
        st.session_state[key] = remembered if remembered in options else values[0]
    chosen: str = st.selectbox(label, values, format_func=options.__getitem__, key=key, **looks)
    state().choices[name] = chosen
    return chosen


def set_choice(name: str, value: str) -> None:
    """Choose for the person; call it before the widget is drawn."""
    state().choices[name] = value
    st.session_state[choice_key(name)] = value


def choice_key(name: str) -> str:
    """Return the key of the widget in this session's language."""
    return f"{name}.{language()}"
