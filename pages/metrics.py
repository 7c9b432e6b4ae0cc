"""Live metrics: what the ledger of this data directory has counted, as it grows."""

import streamlit as st

from core.errors import VisionError
from core.pulse import take_pulse
from ui.diagnosis_box import show_error
from ui.i18n import _, language
from ui.live.alerts import show_active, show_history, show_thresholds
from ui.live.calls import show_calls
from ui.live.choices import choose_view
from ui.live.downloads import show_downloads
from ui.live.frame import View, zone
from ui.live.numbers import show_numbers
from ui.navigation import require_frame
from ui.resources import workbench
from ui.widgets import pulse

require_frame()


@st.fragment
def show_live(view: View) -> None:
    """Draw what there is; two seconds after a change it is drawn again."""
    try:
        seen = take_pulse(workbench(), view.step_s)
        place = zone().key
        show_active(seen, language(), place)
        show_numbers(view, seen, language(), place)
        if seen.last_id:
            show_calls(view.filters, seen)
        show_history(seen, language(), place)
        pulse(seen.token, view.step_s)
    except VisionError as error:
        show_error(error)
        pulse("", view.step_s)  # drawn again as soon as there is anything to draw


st.title(_("Live metrics"), anchor=False)
with st.container(horizontal=True, vertical_alignment="center", key="live-controls"):
    chosen = choose_view()
    show_thresholds()
    show_downloads(chosen)
show_live(chosen)
