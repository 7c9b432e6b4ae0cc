"""What the Live metrics page remembers in one session."""

import math
from dataclasses import dataclass, field
from typing import Final

import streamlit as st

from core.batch import BatchItem
from core.metrics import CallRow
from core.pulse import PACE_S
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
    """What one reader has before them.

    `shown` are the rows of the table; `tables` counts how often it began without a choice. `token`
    is that of the pulse that was drawn, first at `changed_at_s`.
    """

    shown: list[int] = field(default_factory=list)
    open_call: OpenCall | None = None
    tables: int = 0
    token: str = ""
    changed_at_s: float = -math.inf

    def has_kept_changing(self, token: str, now_s: float) -> bool:
        """Note what is drawn; say whether it is new so soon after the last that more will come."""
        if token == self.token:
            return False
        is_soon = now_s - self.changed_at_s < 2 * PACE_S
        self.token, self.changed_at_s = token, now_s
        return is_soon


def state() -> LiveState:
    """Return this session's memory, made at first use."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = LiveState()
    found: LiveState = st.session_state[_KEY]
    return found
