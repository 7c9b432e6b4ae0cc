"""What the Batch page remembers in one session; the batches themselves are in the store."""

from dataclasses import dataclass, field

import streamlit as st

from core.errors import VisionError
from core.inbox import Arrival
from core.outbox import Parcel
from core.quote import SelectionQuote
from core.runs import Question, SentImage
from ui.batch.draft import Draft, Launch
from ui.batch.reading import Reading

BATCH_PARAMETER = "batch"
"""The open batch in the address."""
NEW = "new"
"""Stands in the address instead of a batch while one is being put together."""

_KEY = "_tessera_batch"


@dataclass
class BatchState:
    """The batch that is being put together, and what is looked at in the open one.

    `coming` is how many uploads are on their way; `unread` are those that nobody has looked into
    yet, `reading` is what is being looked into, `draft` what was in the others; `trouble` is why
    the last reading broke off. `quoted` is the last quote with what it was made for: it takes a
    second for ten thousand pictures. `shown` are the items of the table, row by row; `rows_move`
    says that some of them may still change. `sent` holds the pictures that were looked at, by item;
    `tickets` let this session download.
    """

    ticket: str = ""
    coming: int = 0
    unread: list[Arrival] = field(default_factory=list)
    reading: Reading | None = None
    draft: Draft = field(default_factory=Draft)
    trouble: VisionError | None = None
    quoted: tuple[int, Question, SelectionQuote] | None = None
    launch: Launch | None = None
    shown: list[str] = field(default_factory=list)
    rows_move: bool = True
    chosen: str = ""
    sent: dict[str, SentImage] = field(default_factory=dict)
    tickets: dict[Parcel, str] = field(default_factory=dict)

    def clear_draft(self) -> None:
        """Forget the batch that was being put together."""
        if self.reading and self.reading.future:
            self.reading.future.cancel()
        self.unread, self.draft, self.quoted, self.launch = [], Draft(), None, None
        self.reading, self.trouble = None, None

    @property
    def has_draft(self) -> bool:
        """Say whether a batch is being put together."""
        return bool(self.unread or self.reading or self.draft.contents)


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
