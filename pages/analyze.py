"""Analyze: drop pictures, ask, read the answers with their price."""

import streamlit as st

from ui.i18n import _
from ui.intake import show_intake, show_tray
from ui.navigation import require_frame
from ui.question import choose_question, choose_size
from ui.quote_line import price, show_quote, wanted
from ui.resources import runtime, workbench
from ui.results import RUN_PARAMETER, show_results
from ui.state import state

require_frame()

st.title(_("Analyze"), anchor=False)
show_intake()
tray = show_tray()
question = choose_question()
if tray and question:
    question = choose_size(tray, question)
priced = price(tray, question) if tray and question else None
if priced:
    show_quote(tray, priced, question)

with st.container(horizontal=True):
    label = _("Analyze {count} pictures").format(count=len(tray)) if len(tray) > 1 else _("Analyze")
    if st.button(
        label, type="primary", key="analyze.go", disabled=not priced, icon=":material/play_arrow:"
    ):
        run_id = runtime().run(workbench().runs.start(wanted(tray, priced), question), timeout_s=30)
        st.query_params[RUN_PARAMETER] = state().run_id = state().new_run = run_id
    if tray and st.button(_("Clear"), key="analyze.clear", type="tertiary"):
        state().tray.clear()
        st.rerun()

show_results()
