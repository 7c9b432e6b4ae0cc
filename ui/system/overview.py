"""Which engine answers, what was spent and which versions run."""

import platform
from importlib.metadata import version

import streamlit as st

from core.settings import Settings
from core.version import VERSION
from ui import format as fmt
from ui.facts import show_facts
from ui.i18n import _
from ui.resources import workbench

_SHOWN_PACKAGES = (
    "streamlit",
    "openai",
    "pillow",
    "rapidocr",
    "onnxruntime",
    "pypdfium2",
    "diskcache",
    "tiktoken",
)


def show_overview() -> None:
    """Draw what somebody asks first: who answers, what it cost, what runs here."""
    st.subheader(_("Engine"), anchor=False)
    _show_engine(workbench().settings)
    st.subheader(_("Money"), anchor=False)
    _show_money()
    st.subheader(_("Versions"), anchor=False)
    packages = {name: version(name) for name in _SHOWN_PACKAGES}
    show_facts({"Tessera": VERSION, "Python": platform.python_version()} | packages)


def _show_engine(config: Settings) -> None:
    here = _("Embedded engine (this machine)")
    show_facts(
        {
            _("Answers"): here if config.embedded else config.server,
            _("Model"): config.model,
            _("API key"): _("present, in memory only") if config.openai_api_key else _("not set"),
            _("Calls at once"): fmt.count(config.max_concurrent_requests),
            _("Time limit of a call"): fmt.seconds(config.default_timeout),
            _("Requests a minute"): _limit(config.rate_limit_rpm),
            _("Tokens a minute"): _limit(config.rate_limit_tpm),
        }
    )
    if config.embedded:
        st.caption(
            _(
                "To ask GPT-4o or another model, set OPENAI_API_KEY (and OPENAI_BASE_URL for a "
                "compatible server) and start Tessera again."
            )
        )


def _limit(number: int | None) -> str:
    return _("not limited") if number is None else fmt.count(number)


def _show_money() -> None:
    money = workbench().client.budget.state()
    show_facts(
        {
            _("Spent"): fmt.usd(money.spent_usd),
            _("Held for open calls"): fmt.usd(money.reserved_usd),
            _("Budget"): _("none set") if money.cap_usd is None else fmt.usd(money.cap_usd),
        }
    )
