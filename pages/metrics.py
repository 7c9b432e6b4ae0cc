"""Live metrics: what the ledger of this data directory has counted, as it grows."""

import streamlit as st

from core.errors import VisionError
from ui.diagnosis_box import show_error
from ui.i18n import _, language
from ui.live.alerts import show_active, show_history, show_thresholds
from ui.live.calls import show_calls
from ui.live.choices import choose_view
from ui.live.downloads import show_downloads
from ui.live.frame import View, read_stamp, zone
from ui.live.numbers import show_numbers
from ui.navigation import require_frame

require_frame()


@st.fragment(run_every="2s")
def show_live(view: View) -> None:
    """Look again every two seconds; what has not changed is not measured and drawn again."""
    try:
        stamp = read_stamp(view)
        place = zone().key
        show_active(stamp, language(), place)
        show_numbers(view, stamp, language(), place)
        if stamp.last_id:
            show_calls(view.filters, stamp)
        show_history(stamp, language(), place)
    except VisionError as error:
        show_error(error)


st.title(_("Live metrics"), anchor=False)
with st.container(horizontal=True, vertical_alignment="center", key="live-controls"):
    chosen = choose_view()
    show_thresholds()
    show_downloads(chosen)
show_live(chosen)
