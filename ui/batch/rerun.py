"""The same question about the same pictures, to another model."""

from decimal import Decimal

import streamlit as st

from core.batch import BatchProgress
from core.errors import VisionError
from core.settings import EMBEDDED_MODEL
from ui.batch.state import open_batch
from ui.diagnosis_box import show_error
from ui.engine_badge import today
from ui.i18n import _
from ui.resources import runtime, workbench

_WITHIN_S = 120


def show_rerun(progress: BatchProgress) -> None:
    """Offer a new batch with another model; it waits for its own start."""
    bench = workbench()
    if bench.settings.embedded:
        return  # there is no other model
    with st.popover(_("Another model"), icon=":material/model_training:"):
        st.markdown(_("Ask the same about the same pictures. You see the price before it starts."))
        names = [card.name for card in bench.catalog.live_cards(today())]
        model = st.selectbox(
            _("Model"),
            [name for name in names if name != EMBEDDED_MODEL],
            key="batch.rerun_model",
            accept_new_options=True,
        )
        usd = st.number_input(
            _("Budget in USD"),
            min_value=0.0,
            value=None,
            key="batch.rerun_budget",
            placeholder=_("no limit"),
        )
        if st.button(_("Make the batch"), key="batch.rerun", disabled=not model):
            limit = None if usd is None else Decimal(str(usd))
            try:
                new = runtime().run(bench.batches.rerun(progress.id, model, limit), _WITHIN_S)
            except VisionError as error:
                show_error(error)
            else:
                open_batch(new)
                st.rerun()
