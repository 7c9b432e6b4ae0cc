"""The items of a batch as a table, a page at a time, and one of them in full."""

from functools import partial
from typing import Any

import streamlit as st

from core.batch import BatchItem, BatchProgress, ItemState
from core.types import Failure, Outcome, Success
from ui import format as fmt
from ui.answer_form import label_of
from ui.batch.detail import show_item
from ui.batch.held import CODE_KEY
from ui.batch.state import state
from ui.batch.words import item_words
from ui.i18n import _
from ui.resources import workbench
from ui.widgets import thumbnail_url

_A_PAGE = 50
_SHORT = 160
_ROW_PX = 52


def show_items(progress: BatchProgress) -> bool:
    """Draw the filters, a page of the table, and the item that was clicked.

    Returns whether the table may change by itself: a page of all items whose every item has come
    to its end does not.
    """
    batches, batch_id = workbench().batches, progress.id
    st.subheader(_("Pictures and answers"), anchor=False)
    wanted, code = _choose_filters(progress)
    pages = max(1, -(-_matching(progress, wanted, code) // _A_PAGE))
    at = 1
    if pages > 1:
        at = min(pages, st.pagination(pages, key=f"batch.page.{wanted}.{code}"))
    items = batches.items(batch_id, wanted, code, (at - 1) * _A_PAGE, _A_PAGE)
    if not items:
        st.caption(_("No picture is in this state."))
    else:
        _show_table(items)
    chosen = state().chosen
    if chosen and (item := batches.item(chosen)) and item.batch_id == batch_id:
        show_item(item)
    elif items:
        st.caption(_("Click a row to see the picture and its answer."))
    is_filtered = wanted is not None or code is not None
    return is_filtered or not progress.is_intake_complete or any(map(_is_open, items))


def _is_open(item: BatchItem) -> bool:
    return item.state in {ItemState.QUEUED, ItemState.RUNNING}


def _choose_filters(progress: BatchProgress) -> tuple[ItemState | None, str | None]:
    words = item_words()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.selectbox(
            _("State"),
            ["", *ItemState],
            format_func=lambda state: words[ItemState(state)] if state else _("all"),
            key="batch.state",
            width=180,
        )
        code = ""
        if known := {**progress.failures, **progress.held_codes}:
            code = st.selectbox(
                _("Code"),
                ["", *sorted(known)],
                format_func=lambda code: code or _("all"),
                key=CODE_KEY,
                width=180,
            )
    return ItemState(wanted) if wanted else None, code or None


def _matching(progress: BatchProgress, wanted: ItemState | None, code: str | None) -> int:
    """Return how many items pass the filters."""
    if code is not None:
        failed = progress.failures.get(code, 0) if wanted in {None, ItemState.FAILED} else 0
        held = progress.held_codes.get(code, 0) if wanted in {None, ItemState.SUCCEEDED} else 0
        return failed + held
    return progress.total if wanted is None else _count(progress, wanted)


def _count(progress: BatchProgress, wanted: ItemState) -> int:
    counts: int = getattr(progress, wanted.value)
    return counts


def _show_table(items: list[BatchItem]) -> None:
    state().shown = [item.id for item in items]
    key = f"batch.items.{items[0].batch_id}"
    st.dataframe(
        [_row(item) for item in items],
        hide_index=True,
        key=key,
        on_select=partial(_choose, key),
        selection_mode="single-row",
        row_height=_ROW_PX,
        column_config={
            _("Picture"): st.column_config.ImageColumn(width=70),
            _("No."): st.column_config.NumberColumn(width=50),
            _("State"): st.column_config.TextColumn(width=90),
            _("Result"): st.column_config.TextColumn(width=360),
            _("Cost"): st.column_config.TextColumn(width=95),
        },
    )


def _choose(key: str) -> None:
    """Remember the clicked item itself: its row may be another one when the page is drawn again."""
    here = state()
    rows = st.session_state[key].selection.rows
    here.chosen = here.shown[rows[0]] if rows and rows[0] < len(here.shown) else ""


def _row(item: BatchItem) -> dict[str, Any]:
    return {
        _("No."): item.position + 1,
        _("Picture"): thumbnail_url(item.digest, item.page) if item.digest else "",
        _("State"): _state_word(item),
        _("Name"): item.label or item.name,
        _("Result"): _headline(item.outcome),
        _("Cost"): "" if item.outcome is None else fmt.cost(item.outcome.cost),
    }


def _state_word(item: BatchItem) -> str:
    if isinstance(item.outcome, Success) and item.outcome.held:
        return _("to look at")
    return item_words()[item.state]


def _headline(outcome: Outcome | None) -> str:
    """Return the answer's beginning, or the code of what went wrong."""
    match outcome:
        case None:
            return ""
        case Failure(code=code):
            return code
        case Success(data=dict(data)) if simple := _simple(data):
            return " · ".join(f"{label_of(name)}: {value}" for name, value in simple.items())[
                :_SHORT
            ]
        case Success(text=text):
            return " ".join(text[: 2 * _SHORT].split())[:_SHORT]


def _simple(data: dict[str, Any]) -> dict[str, str]:
    """Return the fields that read well in a line."""
    known = {name: value for name, value in data.items() if isinstance(value, str | int | float)}
    return {name: " ".join(str(value).split()) for name, value in known.items() if value != ""}
