"""What the Live metrics page remembers in one session."""

from dataclasses import dataclass, field
from typing import Final

import streamlit as st

from core.batch import BatchItem
from core.metrics import CallRow
from ui.live.kept import Kept

_KEY = "_tessera_live"
NOTHING_KEPT: Final = Kept()


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that is looked at, read once: its rows change no more.

    `above` is the row above the table's first one when it was clicked: the table stands still.
    `item` is the batch's item that it was made for; without one, `kept` is what is left of it.
    """

    row: CallRow
    attempts: tuple[CallRow, ...]
    above: int
    item: BatchItem | None = None
    kept: Kept = NOTHING_KEPT


@dataclass
class LiveState:
    """`shown` are the rows of the table; `tables` counts how often it began without a choice."""

    shown: list[int] = field(default_factory=list)
    open_call: OpenCall | None = None
    tables: int = 0


def state() -> LiveState:
    """Return this session's memory, made at first use."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = LiveState()
    found: LiveState = st.session_state[_KEY]
    return found
