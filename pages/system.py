"""System: which engine answers, whether everything works, and what is kept on disk."""

import streamlit as st

from ui.estimate.model_editor import show_model_editor
from ui.i18n import _
from ui.navigation import require_frame
from ui.system.checks import show_checks
from ui.system.overview import show_overview
from ui.system.quality import show_quality
from ui.system.storage import show_storage

require_frame()
st.title(_("System"), anchor=False)

parts = {
    _("Overview"): show_overview,
    _("Check"): show_checks,
    _("Quality"): show_quality,
    _("Models"): show_model_editor,
    _("Kept on disk"): show_storage,
}
for tab, show in zip(st.tabs(list(parts)), parts.values(), strict=True):
    with tab:
        show()
