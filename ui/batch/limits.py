"""The limits of a batch that exists: raised or lowered, also while it runs."""

from dataclasses import dataclass
from decimal import Decimal

import streamlit as st

from core.batch import BatchProgress, BatchState
from core.batch.types import PRIORITIES
from core.errors import BudgetError, VisionError
from ui.diagnosis_box import show_error
from ui.i18n import _
from ui.resources import runtime, workbench

_WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class _Limits:
    """What a person chose instead of what the batch has."""

    budget_usd: Decimal | None
    max_items: int | None
    priority: int


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
        priority = st.select_slider(
            _("Priority"),
            PRIORITIES,
            progress.priority,
            key=f"batch.new_priority.{progress.id}",
            help=_("5 is urgent. Raising it also moves what waits for the batch lane."),
        )
        words = _("Set and go on") if is_at_limit else _("Set")
        if st.button(words, key="batch.set_limits", type="primary"):
            budget = None if usd is None else Decimal(str(usd))
            _set(progress, _Limits(budget, most, priority), go_on=is_at_limit)


def is_paused_at_own_limit(progress: BatchProgress) -> bool:
    """Say whether the batch waits for a higher limit of its own, and not for the team's budget."""
    has_limit = progress.budget_usd is not None or progress.max_items is not None
    at_limit = progress.reason_code == BudgetError.code
    return progress.state is BatchState.PAUSED and at_limit and has_limit


def _set(progress: BatchProgress, limits: _Limits, *, go_on: bool) -> None:
    try:
        runtime().run(_apply(progress, limits, go_on=go_on), _WITHIN_S)
    except VisionError as error:
        show_error(error)
    else:
        st.rerun()


async def _apply(progress: BatchProgress, limits: _Limits, *, go_on: bool) -> None:
    batches = workbench().batches
    await batches.set_limits(progress.id, budget_usd=limits.budget_usd, max_items=limits.max_items)
    if limits.priority != progress.priority:
        await batches.set_priority(progress.id, limits.priority)
    if go_on:
        await batches.resume(progress.id)
