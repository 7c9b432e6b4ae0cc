"""A new batch: pictures, question, quote, limits and the start."""

from collections.abc import Sequence
from concurrent.futures import wait
from datetime import UTC, datetime
from decimal import Decimal
from itertools import accumulate

import streamlit as st

from core.errors import VisionError
from core.images.intake import Refused, Skipped
from core.images.limits import MIB
from core.inbox import Arrival
from core.quote import SelectionQuote
from core.runs import Question
from core.survey import SurveyedPicture, survey
from ui import format as fmt
from ui.batch.draft import Launch, Wish, launch, read_link, read_uploads
from ui.batch.state import open_batch, state
from ui.batch.words import date_and_time
from ui.diagnosis_box import show_error
from ui.i18n import _, language, say
from ui.question import choose_question
from ui.quote_line import headline
from ui.resources import runtime, workbench
from ui.text import harmless_markdown
from ui.widgets import intake

_READ_WITHIN_S = 900
_AT_ONCE = 8
_MOST_BYTES = 64 * MIB
_FIRST_LOOK_S = 1.0
_MOST_TOLD = 200
_PRIORITIES = range(1, 6)


def show_new_batch() -> None:
    """Draw the steps to a new batch, or how far the one just started is on its way in."""
    here = state()
    if here.launch is not None:
        st.fragment(_show_launch, run_every="0.7s")()
        return
    st.subheader(_("1. Pictures"), anchor=False)
    _show_intake()
    st.subheader(_("2. Question"), anchor=False)
    question = choose_question()
    pictures = [each for each in here.found if isinstance(each, SurveyedPicture)]
    quote = _quote(pictures, question) if pictures and question else None
    st.subheader(_("3. Price and limits"), anchor=False)
    if quote and question:
        _show_quote(quote, question)
    wish = _choose_limits(question, quote)
    with st.container(horizontal=True):
        label = _("Start {count} pictures").format(count=fmt.count(len(pictures)))
        if st.button(
            label if pictures else _("Start"),
            type="primary",
            key="batch.start",
            disabled=not (quote and wish),
            icon=":material/play_arrow:",
        ):
            _launch(wish)
        if here.found and st.button(_("Clear"), key="batch.clear", type="tertiary"):
            here.clear_draft()
            st.rerun()


def _show_intake() -> None:
    here, inbox = state(), workbench().inbox
    if not inbox.knows(here.ticket):
        here.ticket = inbox.new_ticket()
    intake(here.ticket, max_bytes=workbench().decoder.limits.max_archive_bytes, key="batch.intake")
    _show_links()
    here.unread += inbox.take(here.ticket)
    if here.unread:
        _read()
    if here.found:
        _show_found()


def _show_links() -> None:
    with (
        st.expander(_("Links to pictures"), icon=":material/link:"),
        st.form("batch.links", border=False, clear_on_submit=True),
    ):
        text = st.text_area(_("One a line"), placeholder="https://", key="batch.urls")
        if st.form_submit_button(_("Add")):
            urls = [line.strip() for line in text.splitlines() if line.strip()]
            bar = st.progress(0.0, _("Fetching …"))
            for done, url in enumerate(urls, start=1):
                state().found += runtime().run(read_link(workbench(), url), _READ_WITHIN_S)
                bar.progress(done / len(urls), _("Fetching …"))
            bar.empty()


def _read() -> None:
    """Look into the uploads, a few at a time; the rest waits if the page is left meanwhile."""
    here, done = state(), 0
    bar = st.progress(0.0, _("Reading the pictures …"))
    while here.unread:
        some = _next_few(here.unread)
        here.found += runtime().run(read_uploads(workbench(), some), _READ_WITHIN_S)
        del here.unread[: len(some)]
        done += len(some)
        bar.progress(done / (done + len(here.unread)), _("Reading the pictures …"))
    bar.empty()


def _next_few(unread: Sequence[Arrival]) -> Sequence[Arrival]:
    """Return the first uploads that may be in memory together; a huge one comes alone."""
    sizes = accumulate(upload.size_bytes for upload in unread[:_AT_ONCE])
    return unread[: max(1, sum(size <= _MOST_BYTES for size in sizes))]


def _show_found() -> None:
    """Say how many pictures there are, and what cannot be used and why."""
    here = state()
    others = [each for each in here.found if not isinstance(each, SurveyedPicture)]
    count = len(here.found) - len(others)
    ready = _("**{count}** pictures are ready.").format(count=fmt.count(count))
    st.markdown(f":material/photo_library: {ready}")
    if not others:
        return
    title = _("Cannot be used: {count}").format(count=len(others))
    with st.expander(title, icon=":material/block:", expanded=len(others) <= 5):
        for each in others[:_MOST_TOLD]:
            st.caption(_reason(each))
        if len(others) > _MOST_TOLD:
            st.caption(_("and {count} more").format(count=len(others) - _MOST_TOLD))
        st.caption(_("They stay on the batch's record, and cost nothing."))
        if st.button(_("Leave them out"), key="batch.leave_out"):
            here.found = [each for each in here.found if isinstance(each, SurveyedPicture)]
            st.rerun()


def _reason(item: Refused | Skipped) -> str:
    name = f"**{harmless_markdown(item.name)}**"
    if isinstance(item, Skipped):
        return f"{name} · {harmless_markdown(say(item.why))}"
    return f"{name} · {item.error.code} · {harmless_markdown(say(item.error.detail))}"


def _quote(pictures: list[SurveyedPicture], question: Question) -> SelectionQuote:
    here = state()
    if here.quoted is None or here.quoted[:2] != (len(pictures), question):
        here.quoted = (len(pictures), question, survey(workbench().client, question, pictures))
    return here.quoted[2].selection


def _show_quote(quote: SelectionQuote, question: Question) -> None:
    with st.container(border=True, key="batch-quote", gap="small"):
        st.markdown(headline(quote, question))
        st.caption(say(quote.summary))
        for note in quote.notes:
            st.caption(say(note))


def _choose_limits(question: Question | None, quote: SelectionQuote | None) -> Wish | None:
    name, budget, most, urgency = st.columns([4, 3, 3, 3], vertical_alignment="bottom")
    title = name.text_input(_("Name"), key="batch.name", placeholder=_("optional"), max_chars=120)
    usd = budget.number_input(
        _("Budget in USD"),
        min_value=0.0,
        value=None,
        step=1.0,
        format="%.2f",
        key="batch.budget",
        placeholder=_("no limit"),
        help=_("A hard limit: a call that might pass it is not made, and the batch pauses."),
    )
    items = most.number_input(
        _("Pause after (pictures)"),
        min_value=1,
        value=None,
        step=1,
        key="batch.max_items",
        placeholder=_("all"),
        help=_("For a trial: the batch pauses when so many were asked about."),
    )
    words = {1: _("1 · can wait"), 3: _("3 · usual"), 5: _("5 · urgent")}
    priority = urgency.selectbox(
        _("Priority"),
        _PRIORITIES,
        index=2,
        format_func=lambda level: words.get(level, str(level)),
        key="batch.priority",
        help=_("Batches that run side by side share the limits by this number."),
    )
    if question is None:
        return None
    limit = None if usd is None else Decimal(str(usd))
    _warn_of_small_budget(limit, quote)
    return Wish(title.strip() or _usual_name(), question, language(), limit, items, priority)


def _warn_of_small_budget(limit: Decimal | None, quote: SelectionQuote | None) -> None:
    expected = quote.realtime.expected if quote and quote.realtime else None
    if limit is not None and expected is not None and limit < expected:
        text = _("The budget is less than the expected {expected}: the batch will pause.")
        st.caption(f":material/warning: {text.format(expected=fmt.markdown_usd(expected))}")


def _launch(wish: Wish) -> None:
    """Begin on the process's loop: the page may be left at once."""
    here = state()
    here.launch = Launch(total=len(here.found))
    here.launch.future = runtime().submit(launch(workbench(), wish, list(here.found), here.launch))
    wait([here.launch.future], timeout=_FIRST_LOOK_S)
    st.rerun()


def _usual_name() -> str:
    return _("Batch of {time}").format(time=date_and_time(datetime.now(UTC)))


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
