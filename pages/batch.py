"""Batch: many pictures, one question, one budget, and nothing that gets lost."""

import streamlit as st

from ui.batch.live import show_batch
from ui.batch.new import show_new_batch
from ui.batch.overview import show_overview
from ui.batch.state import BATCH_PARAMETER, NEW, open_batch
from ui.i18n import _
from ui.navigation import require_frame

require_frame()

st.title(_("Batch"), anchor=False)
chosen = st.query_params.get(BATCH_PARAMETER, "")
if not chosen:
    show_overview()
else:
    if st.button(_("All batches"), key="batch.all", type="tertiary", icon=":material/arrow_back:"):
        open_batch("")
        st.rerun()
    if chosen == NEW:
        show_new_batch()
    else:
        show_batch(chosen)
