"""Held answers of a batch: how many, why, and what a person decides about them."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import streamlit as st

from core.batch import BatchId, BatchItem, BatchProgress
from core.diagnosis import diagnose
from core.errors import VisionError
from core.fixes import objective_prompt
from ui.diagnosis_box import code_link, show_error, show_held
from ui.i18n import _
from ui.resources import runtime, workbench

_WITHIN_S = 60
CODE_KEY = "batch.code"
"""The filter of the table below."""


def show_held_answers(progress: BatchProgress) -> None:
    """Say how many answers are held and why; offer to see them and to decide about all."""
    review = workbench().batches.review
    title = _("Answers to look at: {count}").format(count=f"{progress.held:,}")
    with st.expander(title, icon=":material/visibility:", key="batch.held"):
        st.caption(_("Files leave these answers out until you have accepted them."))
        for code, count in sorted(progress.held_codes.items()):
            summary = _(diagnose(code).summary)
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{count:,}** × {summary} {code_link(code)}", width="stretch")
                st.button(
                    _("Show these"),
                    key=f"batch.show.{code}",
                    icon=":material/filter_list:",
                    on_click=partial(_filter, code),
                )
        with st.container(horizontal=True):
            _button(_("All look right"), "accept", "check", partial(review.accept, progress.id))
            _button(_("Ask all again"), "doubt", "refresh", partial(review.ask_again, progress.id))


def show_held_item(item: BatchItem, code: str) -> None:
    """Draw why this answer is held, with the two decisions."""
    review = workbench().batches.review
    show_held(
        code,
        accept=lambda: _run(partial(review.accept, item.batch_id, item.id)),
        ask_again=lambda: _run(partial(review.ask_again, item.batch_id, item.id)),
        key=f"batch.item.{item.id}",
    )


def offer_other_words(batch_id: BatchId, code: str) -> None:
    """Offer to ask what was refused in more objective words, which are shown before."""
    batches = workbench().batches
    prompt = objective_prompt(batches.question(batch_id).prompt, code)
    if prompt is None:
        return
    with st.popover(_("Other words"), icon=":material/edit_note:", key=f"batch.words.{code}"):
        st.caption(_("The same question in more objective words:"))
        st.code(prompt, language=None, wrap_lines=True)
        act = partial(batches.review.reword, batch_id, code)
        _button(_("Ask like this"), f"reword.{code}", "check", act)


def _filter(code: str) -> None:
    st.session_state[CODE_KEY] = code


def _button(label: str, name: str, icon: str, act: Callable[[], Coroutine[Any, Any, int]]) -> None:
    if st.button(label, key=f"batch.{name}", icon=f":material/{icon}:"):
        _run(act)
        st.rerun()


def _run(act: Callable[[], Coroutine[Any, Any, int]]) -> None:
    try:
        runtime().run(act(), _WITHIN_S)
    except VisionError as error:
        show_error(error)
        st.stop()
