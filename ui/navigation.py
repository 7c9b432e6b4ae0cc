"""The frame around every page: name, navigation, engine and language."""

from pathlib import Path

import streamlit as st

from core.errors import VisionError
from core.i18n import LANGUAGES
from ui.diagnosis_box import show_error
from ui.engine_badge import show_engine
from ui.i18n import LANGUAGE_KEY, _, language
from ui.resources import workbench

_ASSETS = Path(__file__).resolve().parent.parent / "assets"
_ENTERED = "_entered_through_app"
_NAMES = {"en": "English", "zh_CN": "中文"}  # each in its own language, whatever the page's


def run_page() -> None:
    """Draw the frame, then the page that the address names."""
    st.set_page_config("Tessera", page_icon=str(_ASSETS / "favicon.png"), layout="wide")
    st.session_state[_ENTERED] = True
    dark = st.context.theme.type == "dark"
    logo = _ASSETS / ("logo_dark.svg" if dark else "logo.svg")
    st.logo(str(logo), size="large", icon_image=str(_ASSETS / "icon.svg"))
    page = st.navigation(_pages())
    try:
        workbench()
    except VisionError as error:
        st.title(_("Tessera cannot start yet"))
        show_error(error)
        return
    with st.sidebar:
        show_engine()
        _choose_language()
    page.run()


def _pages() -> list[st.Page]:
    """Return the pages; a file's name is its address, but /metrics belongs to Prometheus."""
    return [
        st.Page(
            "pages/analyze.py", title=_("Analyze"), icon=":material/image_search:", default=True
        ),
        st.Page("pages/estimate.py", title=_("Estimate"), icon=":material/calculate:"),
        st.Page("pages/batch.py", title=_("Batch"), icon=":material/stacks:"),
        st.Page(
            "pages/metrics.py",
            title=_("Live metrics"),
            icon=":material/monitoring:",
            url_path="live",
        ),
        st.Page("pages/system.py", title=_("System"), icon=":material/settings:"),
    ]


def require_frame() -> None:
    """Send a page that runs without the frame (a first deep link) back through app.py."""
    if _ENTERED not in st.session_state:
        st.switch_page("app.py")


def _choose_language() -> None:
    st.segmented_control(
        _("Language"),
        LANGUAGES,
        default=language(),
        required=True,
        format_func=lambda code: _NAMES[code],
        key=LANGUAGE_KEY,
        bind="query-params",
        label_visibility="collapsed",
    )
