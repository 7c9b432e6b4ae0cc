"""Live metrics: what the ledger of this data directory has counted, as it grows."""

from time import monotonic

import streamlit as st

from core.errors import VisionError
from ui.diagnosis_box import show_error
from ui.i18n import _
from ui.live.alerts import show_history, show_thresholds
from ui.live.calls import show_calls
from ui.live.choices import choose_view
from ui.live.downloads import show_downloads
from ui.live.frame import View, look
from ui.live.numbers import plotted, show_now
from ui.live.state import state
from ui.navigation import require_frame
from ui.resources import workbench
from ui.widgets import plots

require_frame()


@st.fragment
def show(view: View) -> None:
    """Draw everything that moves; two seconds after a change it is drawn again."""
    try:
        seen = look(view)
        show_now(seen)
        token = seen.pulse.token
        is_lively = state().has_kept_changing(token, monotonic())
        plots(
            plotted(seen),
            token,
            view.step_s,
            key="live.plots",
            next_in_s=workbench().pulses.next_in_s(),
            is_lively=is_lively,
        )
        if seen.pulse.last_id:
            show_calls(seen)
        show_history(seen)
    except VisionError as error:
        show_error(error)
        # Drawn again as soon as there is anything to draw.
        plots("", "", view.step_s, key="live.waiting")


st.title(_("Live metrics"), anchor=False)
with st.container(horizontal=True, vertical_alignment="center", key="live-controls"):
    chosen = choose_view()
    show_thresholds()
    show_downloads(chosen)
workbench().pulses.forget()  # whoever comes sees what there is now
show(chosen)
