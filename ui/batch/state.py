"""What the Batch page remembers in one session; the batches themselves are in the store."""

from dataclasses import dataclass, field

import streamlit as st

from core.inbox import Arrival
from core.runs import Question, SentImage
from core.survey import Survey
from ui.batch.draft import Found, Launch

BATCH_PARAMETER = "batch"
"""The open batch in the address."""
NEW = "new"
"""Stands in the address instead of a batch while one is being put together."""

_KEY = "_tessera_batch"


@dataclass
class BatchState:
    """The batch that is being put together, and what is looked at in the open one.

    `unread` are uploads that nobody has looked into yet, `found` what was in the others.
    `quoted` is the last survey with what it was made for: it takes a second for ten thousand
    pictures. `shown` are the items of the table, row by row. `sent` holds the pictures that were
    looked at, by item.
    """

    ticket: str = ""
    unread: list[Arrival] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    quoted: tuple[int, Question, Survey] | None = None
    launch: Launch | None = None
    shown: list[str] = field(default_factory=list)
    chosen: str = ""
    sent: dict[str, SentImage] = field(default_factory=dict)

    def clear_draft(self) -> None:
        """Forget the batch that was being put together."""
        self.unread, self.found, self.quoted, self.launch = [], [], None, None


def state() -> BatchState:
    """Return this session's memory, made at first use."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = BatchState()
    found: BatchState = st.session_state[_KEY]
    return found


def open_batch(batch_id: str) -> None:
    """Show that batch from the next run on; an empty id shows all."""
    if batch_id:
        st.query_params[BATCH_PARAMETER] = batch_id
    else:
        st.query_params.pop(BATCH_PARAMETER, None)
    state().chosen = ""
