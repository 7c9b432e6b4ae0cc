"""A new batch: pictures, question, quote, limits and the start."""

from concurrent.futures import wait
from datetime import UTC, datetime
from decimal import Decimal

import streamlit as st

from core.batch import JobLane
from core.batch.types import PRIORITIES
from core.errors import VisionError
from core.quote import SelectionQuote
from core.runs import Question
from ui import format as fmt
from ui.batch.draft import DraftPicture, Launch, Wish, launch, quote
from ui.batch.lanes import choose_lane
from ui.batch.pictures import show_pictures
from ui.batch.state import open_batch, state
from ui.batch.words import date_and_time
from ui.diagnosis_box import show_error
from ui.i18n import _, language, say
from ui.question import choose_question
from ui.quote_line import headline
from ui.resources import runtime, workbench

_FIRST_LOOK_S = 1.0


def show_new_batch() -> None:
    """Draw the steps to a new batch, or how far the one just started is on its way in."""
    here = state()
    if here.launch is not None:
        st.fragment(_show_launch, run_every="0.7s")()
        return
    st.subheader(_("1. Pictures"), anchor=False)
    show_pictures()
    st.subheader(_("2. Question"), anchor=False)
    question = choose_question()
    is_settled = here.reading is None and not here.coming
    pictures = here.draft.pictures if is_settled else []
    price = _quote(pictures, question) if pictures and question else None
    st.subheader(_("3. Price and limits"), anchor=False)
    if price and question:
        _show_quote(price, question)
    wish = _choose_limits(question, price)
    with st.container(horizontal=True):
        label = _("Start {count} pictures").format(count=fmt.count(len(pictures)))
        if st.button(
            label if pictures else _("Start"),
            type="primary",
            key="batch.start",
            disabled=not (price and wish),
            icon=":material/play_arrow:",
        ):
            _launch(wish)
        if here.has_draft and st.button(_("Clear"), key="batch.clear", type="tertiary"):
            here.clear_draft()
            st.rerun()


def _quote(pictures: list[DraftPicture], question: Question) -> SelectionQuote:
    here = state()
    if here.quoted is None or here.quoted[:2] != (here.draft.version, question):
        quoted = quote(workbench(), pictures, question, language())
        here.quoted = (here.draft.version, question, quoted)
    return here.quoted[2]


def _show_quote(quote: SelectionQuote, question: Question) -> None:
    with st.container(border=True, key="batch-quote", gap="small"):
        st.markdown(headline(quote, question))
        st.caption(say(quote.summary))
        for note in quote.notes:
            st.caption(say(note))


def _choose_limits(question: Question | None, quote: SelectionQuote | None) -> Wish | None:
    chosen = choose_lane(quote)
    columns = st.columns([4, 3, 3, 3], vertical_alignment="bottom")
    with columns[0]:
        name = _choose_name()
    with columns[1]:
        budget_usd = _choose_budget()
    with columns[2]:
        max_items = _choose_most()
    with columns[3]:
        priority = _choose_priority()
    if question is None or chosen.is_too_late:
        return None
    _warn_of_small_budget(budget_usd, quote, chosen.lane)
    return Wish(
        name=name,
        question=question,
        language=language(),
        budget_usd=budget_usd,
        max_items=max_items,
        priority=priority,
        lane=chosen.lane,
        ready_by=chosen.ready_by,
    )


def _choose_name() -> str:
    name = st.text_input(_("Name"), key="batch.name", placeholder=_("optional"), max_chars=120)
    return name.strip() or _("Batch of {time}").format(time=date_and_time(datetime.now(UTC)))


def _choose_budget() -> Decimal | None:
    usd = st.number_input(
        _("Budget in USD"),
        min_value=0.0,
        value=None,
        step=1.0,
        format="%.2f",
        key="batch.budget",
        placeholder=_("no limit"),
        help=_("A hard limit: a call that might pass it is not made, and the batch pauses."),
    )
    return None if usd is None else Decimal(str(usd))


def _choose_most() -> int | None:
    return st.number_input(
        _("Pause after (pictures)"),
        min_value=1,
        value=None,
        step=1,
        key="batch.max_items",
        placeholder=_("all"),
        help=_("For a trial: the batch pauses when so many were asked about."),
    )


def _choose_priority() -> int:
    words = {1: _("1 · can wait"), 3: _("3 · usual"), 5: _("5 · urgent")}
    return st.selectbox(
        _("Priority"),
        PRIORITIES,
        index=2,
        format_func=lambda level: words.get(level, str(level)),
        key="batch.priority",
        help=_("Batches that run side by side share the limits by this number."),
    )


def _warn_of_small_budget(
    limit: Decimal | None, quote: SelectionQuote | None, lane: JobLane
) -> None:
    usd = None if quote is None else quote.batch if lane is JobLane.BATCH else quote.realtime
    expected = None if usd is None else usd.expected
    if limit is not None and expected is not None and limit < expected:
        text = _("The budget is less than the expected {expected}: the batch will pause.")
        st.caption(f":material/warning: {text.format(expected=fmt.markdown_usd(expected))}")


def _launch(wish: Wish) -> None:
    """Begin on the process's loop: the page may be left at once."""
    here = state()
    found = here.draft.contents
    here.launch = Launch(total=len(found))
    here.launch.future = runtime().submit(launch(workbench(), wish, found, here.launch))
    wait([here.launch.future], timeout=_FIRST_LOOK_S)
    st.rerun()


def _show_launch() -> None:
    """Say how far the pictures are on their way into the batch; open it when it has begun."""
    here = state()
    if here.launch is None or here.launch.future is None:
        return
    if not here.launch.future.done():
        share = here.launch.taken / max(1, here.launch.total)
        words = _("Taking in {done} of {total} …")
        total = fmt.count(here.launch.total)
        st.progress(min(1.0, share), words.format(done=fmt.count(here.launch.taken), total=total))
        st.caption(_("The page may be closed: the batch starts by itself."))
        return
    try:
        batch_id = here.launch.future.result()
    except VisionError as error:
        show_error(error)
        if st.button(_("Back"), key="batch.back"):
            here.launch = None
            st.rerun()
        return
    here.clear_draft()
    open_batch(batch_id)
    st.rerun()
