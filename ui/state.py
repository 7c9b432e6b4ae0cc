"""What one browser session remembers, typed and in one place."""

from dataclasses import dataclass, field

import streamlit as st

from core.tray import TrayItem, Unusable

_KEY = "_tessera"


@dataclass
class SessionState:
    """The memory of one session; nothing here is shared and nothing holds picture bytes.

    `ticket` lets this session's pages upload. `tray` holds the pictures that wait for a question,
    `unusable` what was refused. `run_id` is the last run, `new_run` the
    one whose results were not in view yet. `choices` are the values of choices by
    name, whatever the language.
    """

    ticket: str = ""
    tray: list[TrayItem] = field(default_factory=list)
    unusable: list[Unusable] = field(default_factory=list)
    run_id: str = ""
    new_run: str = ""
    choices: dict[str, str] = field(default_factory=dict)


def state() -> SessionState:
    """Return this session's memory, made at first use."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = SessionState()
    found: SessionState = st.session_state[_KEY]
    return found
