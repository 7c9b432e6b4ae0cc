"""What is kept on disk, and how to be rid of it."""

from datetime import timedelta

import streamlit as st

from core.errors import StorageError
from ui import format as fmt
from ui.diagnosis_box import show_error
from ui.facts import show_facts
from ui.i18n import _
from ui.resources import workbench


def show_storage() -> None:
    """Draw how much is kept and for how long, with a way to delete each."""
    config, kept = workbench().settings, workbench().cache.statistics()
    show_facts(
        {
            _("Data directory"): str(config.tessera_data_dir),
            _("Cached answers"): f"{fmt.count(kept.entries)} · {kept.size_bytes / 2**20:.1f} MiB",
            _("Cache hits"): f"{fmt.count(kept.hits)} / {fmt.count(kept.hits + kept.misses)}",
            _("Saved by the cache"): fmt.usd(kept.saved_usd),
            _("Answers are kept for"): _kept_for(config.tessera_cache_ttl_h),
            _("Results are kept for"): _("7 days after the last change"),
        }
    )
    with st.container(horizontal=True):
        _offer_clearing()
        _offer_deleting()


def _kept_for(ttl_h: float | None) -> str:
    if ttl_h is None:
        return _("ever, until the space is needed")
    return _("{hours} hours").format(hours=f"{ttl_h:g}")


def _offer_clearing() -> None:
    with st.popover(_("Clear the cache"), icon=":material/delete:"):
        st.write(_("Every cached answer is deleted. Asking again will cost again."))
        if st.button(_("Delete cached answers"), key="system.clear_cache", type="primary"):
            workbench().cache.clear()
            st.rerun()


def _offer_deleting() -> None:
    with st.popover(_("Delete results"), icon=":material/delete:"):
        st.write(
            _(
                "Every result of the Analyze page, its uploads and its pictures are deleted, for "
                "everybody who uses this Tessera."
            )
        )
        if st.button(_("Delete results and pictures"), key="system.clear_results", type="primary"):
            try:
                workbench().forget_old(timedelta(0))
                st.rerun()
            except StorageError as error:
                show_error(error)
