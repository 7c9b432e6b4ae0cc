"""System: which engine answers, what is kept on disk, and whether everything works."""

import platform
from datetime import timedelta
from importlib.metadata import version

import streamlit as st

from core.errors import StorageError
from core.version import VERSION
from ui import format as fmt
from ui.checks import show_checks
from ui.diagnosis_box import show_error
from ui.estimate.model_editor import show_model_editor
from ui.facts import show_facts
from ui.i18n import _
from ui.navigation import require_frame
from ui.resources import workbench

require_frame()

SHOWN_PACKAGES = (
    "streamlit",
    "openai",
    "pillow",
    "rapidocr",
    "onnxruntime",
    "pypdfium2",
    "diskcache",
    "tiktoken",
)


bench = workbench()
config = bench.settings
st.title(_("System"), anchor=False)

st.subheader(_("Engine"), anchor=False)
show_facts(
    {
        _("Answers"): _("Embedded engine (this machine)") if config.embedded else config.base_url,
        _("Model"): config.model,
        _("API key"): _("present, in memory only") if config.openai_api_key else _("not set"),
        _("Calls at once"): str(config.max_concurrent_requests),
        _("Time limit of a call"): fmt.seconds(config.default_timeout),
        _("Requests a minute"): fmt.count(config.rate_limit_rpm)
        if config.rate_limit_rpm
        else _("not limited"),
        _("Tokens a minute"): fmt.count(config.rate_limit_tpm)
        if config.rate_limit_tpm
        else _("not limited"),
    }
)
if config.embedded:
    st.caption(
        _(
            "To ask GPT-4o or another model, set OPENAI_API_KEY (and OPENAI_BASE_URL for a "
            "compatible server) and start Tessera again."
        )
    )

st.subheader(_("Check"), anchor=False)
show_checks()

st.subheader(_("Models"), anchor=False)
show_model_editor()

st.subheader(_("Money"), anchor=False)
money = bench.client.budget.state()
show_facts(
    {
        _("Spent"): fmt.usd(money.spent_usd),
        _("Held for open calls"): fmt.usd(money.reserved_usd),
        _("Budget"): fmt.usd(money.cap_usd) if money.cap_usd is not None else _("none set"),
    }
)

st.subheader(_("Kept on disk"), anchor=False)
kept = bench.cache.statistics()
asked = kept.hits + kept.misses
show_facts(
    {
        _("Data directory"): str(config.tessera_data_dir),
        _("Cached answers"): f"{fmt.count(kept.entries)} · {kept.size_bytes / 2**20:.1f} MiB",
        _("Cache hits"): f"{fmt.count(kept.hits)} / {fmt.count(asked)}",
        _("Saved by the cache"): fmt.usd(kept.saved_usd),
        _("Answers are kept for"): _("{hours} hours").format(
            hours=f"{config.tessera_cache_ttl_h:g}"
        )
        if config.tessera_cache_ttl_h
        else _("ever, until the space is needed"),
        _("Results are kept for"): _("7 days after the last change"),
    }
)
with st.container(horizontal=True):
    with st.popover(_("Clear the cache"), icon=":material/delete:"):
        st.write(_("Every cached answer is deleted. Asking again will cost again."))
        if st.button(_("Delete cached answers"), key="system.clear_cache", type="primary"):
            bench.cache.clear()
            st.rerun()
    with st.popover(_("Delete results"), icon=":material/delete:"):
        st.write(
            _(
                "Every result of the Analyze page, its uploads and its pictures are deleted, for "
                "everybody who uses this Tessera."
            )
        )
        if st.button(_("Delete results and pictures"), key="system.clear_results", type="primary"):
            try:
                bench.forget_old(timedelta(0))
                st.rerun()
            except StorageError as error:
                show_error(error)

st.subheader(_("Versions"), anchor=False)
show_facts(
    {"Tessera": VERSION, "Python": platform.python_version()}
    | {name: version(name) for name in SHOWN_PACKAGES}
)
