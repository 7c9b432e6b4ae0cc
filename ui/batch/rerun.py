"""The same question about the same pictures once more: another model, or another budget."""

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
    """Offer a new batch of the same pictures; it waits for its own start."""
    with (
        st.popover(_("Run again"), icon=":material/replay:", key=f"batch.again.{progress.id}"),
        st.container(width=320),
    ):
        st.markdown(
            _(
                "Ask the same about the same pictures, with another model or budget. What the "
                "same model has answered costs nothing. You see the price before it starts."
            )
        )
        model = st.selectbox(
            _("Model"),
            _models(workbench().batches.question(progress.id).model),
            key="batch.rerun_model",
            accept_new_options=not workbench().settings.embedded,
        )
        usd = st.number_input(
            _("Budget in USD"),
            min_value=0.0,
            value=None,
            key="batch.rerun_budget",
            placeholder=_("no limit"),
        )
        if st.button(_("Make the batch"), key="batch.rerun", disabled=not model):
            _make(progress.id, model, None if usd is None else Decimal(str(usd)))


def _models(used: str) -> list[str]:
    """Return what can answer here, first the model that was asked before."""
    bench = workbench()
    if bench.settings.embedded:
        return [EMBEDDED_MODEL]
    live = [card.name for card in bench.catalog.live_cards(today())]
    return [used, *(name for name in live if name not in {used, EMBEDDED_MODEL})]


def _make(batch_id: str, model: str, budget_usd: Decimal | None) -> None:
    work = workbench().batches.rerun(batch_id, model, budget_usd)
    try:
        new = runtime().run(work, _WITHIN_S)
    except VisionError as error:
        show_error(error)
    else:
        open_batch(new)
        st.rerun()
