"""All batches, newest first."""

import streamlit as st

from core.batch import BatchProgress
from ui import format as fmt
from ui.batch.state import NEW, open_batch, state
from ui.batch.words import done_of_total, fraction, moment, show_state
from ui.guide_batches import show_guide_batches
from ui.i18n import _
from ui.resources import workbench
from ui.text import harmless_markdown

_EVERY = "2s"
_A_PAGE = 20
_MOST = 1000


def show_overview() -> None:
    """Draw the list, live while something is at work, or what a batch is good for."""
    with st.container(horizontal=True, vertical_alignment="center"):
        label = _("Go on with the new batch") if state().has_draft else _("New batch")
        if st.button(label, type="primary", key="batch.new", icon=":material/add:"):
            open_batch(NEW)
            st.rerun()
        st.page_link(
            "pages/estimate.py", label=_("What will it cost?"), icon=":material/calculate:"
        )
    found = workbench().batches.list_batches(_MOST)
    if not found:
        _show_what_for()
        show_guide_batches(workbench().catalog, "batch.lots")
        return
    active = any(not batch.state.is_final for batch in found)
    st.fragment(_show_list, run_every=_EVERY if active else None)(active)


def _show_what_for() -> None:
    with st.container(border=True, key="batch-empty", gap="small"):
        st.markdown(_("**Many pictures, one question, one budget.**"))
        st.markdown(
            _(
                "Drop hundreds of pictures, PDFs or a zip. You see the price before anything is "
                "asked, and set a limit that is never passed."
            )
        )
        st.markdown(
            _(
                "A batch runs on by itself: close the page, restart the machine. Nothing is lost, "
                "and nothing that was answered is paid for again."
            )
        )


def _show_list(was_active: bool) -> None:
    found = workbench().batches.list_batches(_MOST)
    active = any(not batch.state.is_final for batch in found)
    if was_active and not active:
        st.rerun()  # once, to stop the clock
    pages = -(-len(found) // _A_PAGE)
    at = st.pagination(pages, key="batch.list_page") if pages > 1 else 1
    for batch in found[(at - 1) * _A_PAGE : at * _A_PAGE]:
        _show_row(batch)


def _show_row(batch: BatchProgress) -> None:
    with st.container(border=True, key=f"batch-row-{batch.id}", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button(_link_text(batch.name), key=f"batch.open.{batch.id}", type="tertiary"):
                open_batch(batch.id)
                st.rerun()
            st.space("stretch")
            show_state(batch)
        if not batch.state.is_final:
            st.progress(fraction(batch))
        st.caption(" · ".join(_facts(batch)))


def _link_text(name: str) -> str:
    """Return a name that a button shows letter by letter."""
    return f"**{harmless_markdown(name)}**"


def _facts(batch: BatchProgress) -> list[str]:
    facts = [done_of_total(batch)]
    if batch.failed:
        facts.append(_("{count} failed").format(count=fmt.count(batch.failed)))
    if batch.cached:
        facts.append(_("{count} from the cache").format(count=fmt.count(batch.cached)))
    facts.append(_("cost {amount}").format(amount=fmt.markdown_usd(batch.cost_usd)))
    return [*facts, moment(batch.created_at)]
