"""System: which engine answers, whether everything works, and what is kept on disk."""

import streamlit as st

from ui.estimate.model_editor import show_model_editor
from ui.i18n import _
from ui.navigation import require_frame
from ui.system.checks import show_checks
from ui.system.overview import show_overview
from ui.system.quality import show_quality
from ui.system.storage import show_storage
from ui.system.troubleshooting import CODE_PARAMETER, show_troubleshooting

require_frame()
st.title(_("System"), anchor=False)

parts = {
    _("Overview"): show_overview,
    _("Check"): show_checks,
    _("Troubleshooting"): show_troubleshooting,
    _("Quality"): show_quality,
    _("Models"): show_model_editor,
    _("Kept on disk"): show_storage,
}
first = _("Troubleshooting") if CODE_PARAMETER in st.query_params else None
for tab, show in zip(st.tabs(list(parts), default=first), parts.values(), strict=True):
    with tab:
        show()
