"""Batches in words and colours."""

from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import streamlit as st

from core.batch import BatchProgress, BatchState, ItemState, JobLane, LimitUse
from ui import format as fmt
from ui.i18n import _

Colour = Literal["gray", "blue", "orange", "green", "red", "primary"]

_ICONS = {
    BatchState.QUEUED: (":material/schedule:", "gray"),
    BatchState.RUNNING: (":material/play_arrow:", "primary"),
    BatchState.PAUSED: (":material/pause:", "orange"),
    BatchState.SUCCEEDED: (":material/check:", "green"),
    BatchState.FAILED: (":material/error:", "red"),
    BatchState.CANCELLED: (":material/block:", "gray"),
}


def state_word(progress: BatchProgress) -> str:
    """Return how far a batch is, in a word or two."""
    if not progress.is_intake_complete and not progress.state.is_final:
        return _("Taking pictures in")
    return {
        BatchState.QUEUED: _("Not started"),
        BatchState.RUNNING: _("Running"),
        BatchState.PAUSED: _("Paused"),
        BatchState.SUCCEEDED: _("Finished"),
        BatchState.FAILED: _("Finished, some failed"),
        BatchState.CANCELLED: _("Cancelled"),
    }[progress.state]


def show_state(progress: BatchProgress) -> None:
    """Draw how far a batch is, as a badge."""
    icon, colour = _ICONS[progress.state]
    st.badge(state_word(progress), icon=icon, color=colour)  # type: ignore[arg-type]


def state_badge(progress: BatchProgress) -> str:
    """Return the same badge as Markdown."""
    icon, colour = _ICONS[progress.state]
    return f":{colour}-badge[{icon} {state_word(progress)}]"


def done_of_total(progress: BatchProgress) -> str:
    """Return how many items were worked on, of how many."""
    done = fmt.count(progress.succeeded + progress.failed)
    return _("{done} of {total} done").format(done=done, total=fmt.count(progress.total))


def fraction(progress: BatchProgress) -> float:
    """Return the part that was worked on, 0 to 1; what was cancelled was not."""
    return (progress.succeeded + progress.failed) / max(1, progress.total)


def item_words() -> dict[ItemState, str]:
    """Return the words for the states of items."""
    return {
        ItemState.QUEUED: _("waiting"),
        ItemState.RUNNING: _("working"),
        ItemState.SUCCEEDED: _("done"),
        ItemState.FAILED: _("failed"),
        ItemState.CANCELLED: _("cancelled"),
    }


def lane_words() -> dict[JobLane, str]:
    """Return the words for the lanes."""
    return {
        JobLane.REALTIME: _("Now"),
        JobLane.BATCH: _("Batch API"),
        JobLane.AUTO: _("As cheap as the time allows"),
    }


def moment(at: datetime | None) -> str:
    """Return a moment in the reader's time zone; today's without the date."""
    if at is None:
        return _("unknown")
    is_today = _local(at).date() == _local(datetime.now(UTC)).date()
    return _local(at).strftime("%H:%M") if is_today else date_and_time(at)


def date_and_time(at: datetime) -> str:
    """Return a moment in the reader's time zone, to the minute."""
    return _local(at).strftime("%Y-%m-%d %H:%M")


def _local(at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(st.context.timezone or "UTC"))


def limit_use(use: LimitUse | None) -> str:
    """Return how much of a limit per minute is in use."""
    if use is None:
        return _("unknown")
    if use.limit is None:
        return _("{used} (no limit known)").format(used=fmt.count(use.used))
    share = f"{use.used / use.limit:.0%}" if use.limit else ""
    text = _("{used} of {limit} ({share})")
    return text.format(used=fmt.count(use.used), limit=fmt.count(use.limit), share=share)
