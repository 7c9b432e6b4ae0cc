"""Live metrics: what the ledger of this data directory has counted, as it grows."""

import streamlit as st

from core.errors import VisionError
from core.pulse import PACE_S
from ui.diagnosis_box import show_error
from ui.i18n import _, language
from ui.live.alerts import show_active, show_history, show_thresholds
from ui.live.calls import show_calls
from ui.live.choices import choose_view
from ui.live.downloads import show_downloads
from ui.live.frame import View, zone
from ui.live.numbers import show_numbers, show_plots
from ui.navigation import require_frame
from ui.resources import workbench
from ui.widgets import pulse

require_frame()


@st.fragment
def show_now(view: View) -> None:
    """Draw alerts and tiles; two seconds after a change they are drawn again."""
    try:
        seen = workbench().pulses.take(workbench(), view.step_s, PACE_S)
        place = zone().key
        show_active(seen, language(), place)
        show_numbers(view, seen, language(), place)
        pulse(seen.token, view.step_s, PACE_S)
    except VisionError as error:
        show_error(error)
        pulse("", view.step_s, PACE_S)  # drawn again as soon as there is anything to draw


@st.fragment
def show_course(view: View) -> None:
    """Draw what is dearer to draw and to read: plots and tables, at a calmer pace."""
    try:
        seen = workbench().pulses.take(workbench(), view.step_s, view.plots_pace_s)
        place = zone().key
        show_plots(view, seen, language(), place)
        if seen.last_id:
            show_calls(view.filters, seen)
        show_history(seen, language(), place)
        pulse(seen.token, view.step_s, view.plots_pace_s)
    except VisionError:
        pulse("", view.step_s, view.plots_pace_s)  # the tiles' place says why


st.title(_("Live metrics"), anchor=False)
with st.container(horizontal=True, vertical_alignment="center", key="live-controls"):
    chosen = choose_view()
    show_thresholds()
    show_downloads(chosen)
workbench().pulses.forget()  # whoever comes sees what there is now
show_now(chosen)
show_course(chosen)
