"""The limits of a batch that exists: raised or lowered, also while it runs."""

from decimal import Decimal

import streamlit as st

from core.batch import BatchProgress, BatchState
from core.errors import BudgetError, VisionError
from ui.diagnosis_box import show_error
from ui.i18n import _
from ui.resources import runtime, workbench

_WITHIN_S = 60


def show_limits(progress: BatchProgress) -> None:
    """Offer other limits; a batch that paused at one of its own goes on with them."""
    is_at_limit = is_paused_at_own_limit(progress)
    label = _("Raise the limit") if is_at_limit else _("Limits")
    with (
        st.popover(
            label,
            icon=":material/speed:",
            type="primary" if is_at_limit else "secondary",
            key=f"batch.limits.{progress.id}.{progress.state}",
        ),
        st.container(width=320),
    ):
        usd = st.number_input(
            _("Budget in USD"),
            min_value=0.0,
            value=None if progress.budget_usd is None else float(progress.budget_usd),
            step=1.0,
            format="%.2f",
            key=f"batch.new_budget.{progress.id}",
            placeholder=_("no limit"),
        )
        most = st.number_input(
            _("Pause after (pictures)"),
            min_value=1,
            value=progress.max_items,
            step=1,
            key=f"batch.new_most.{progress.id}",
            placeholder=_("all"),
        )
        words = _("Set and go on") if is_at_limit else _("Set")
        if st.button(words, key="batch.set_limits", type="primary"):
            budget = None if usd is None else Decimal(str(usd))
            _set(progress, budget, most, go_on=is_at_limit)


def is_paused_at_own_limit(progress: BatchProgress) -> bool:
    """Say whether the batch waits for a higher limit of its own, and not for the team's budget."""
    has_limit = progress.budget_usd is not None or progress.max_items is not None
    at_limit = progress.reason_code == BudgetError.code
    return progress.state is BatchState.PAUSED and at_limit and has_limit


def _set(progress: BatchProgress, budget: Decimal | None, most: int | None, *, go_on: bool) -> None:
    batches = workbench().batches
    try:
        work = batches.set_limits(progress.id, budget_usd=budget, max_items=most)
        runtime().run(work, _WITHIN_S)
        if go_on:
            runtime().run(batches.resume(progress.id), _WITHIN_S)
    except VisionError as error:
        show_error(error)
    else:
        st.rerun()
