"""Estimate: what pictures will cost, and what would make them cheaper."""

import streamlit as st

from core.what_if import price_scenario
from ui.estimate.answer import show_answer
from ui.estimate.beside import show_beside, show_examples
from ui.estimate.compare import show_comparison
from ui.estimate.controls import choose_scenario, keep_link, open_link, show_own_pictures
from ui.estimate.sizes import show_budget, show_resizes, show_steps
from ui.estimate.state import catalog
from ui.estimate.trust import correction, show_trust
from ui.i18n import _
from ui.navigation import require_frame

require_frame()

st.title(_("Estimate"), anchor=False)
models = catalog()
open_link()
answer = st.container()  # the answer stands above the controls that it depends on
scenario = choose_scenario(models)
show_own_pictures()

if scenario:
    keep_link(scenario)
    drift = correction(scenario.model, scenario.detail)
    priced = price_scenario(scenario, models.card(scenario.model), drift)
    with answer:
        show_answer(priced)
    show_comparison(scenario, models, correction)
    steps, resizes = st.columns([3, 2], gap="large")
    with steps:
        show_steps(priced)
    with resizes:
        show_resizes(priced)
    show_budget(priced, models, correction)
    show_beside(scenario, models, correction)
    show_examples(models)
    show_trust(priced)
