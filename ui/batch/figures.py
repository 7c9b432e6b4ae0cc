"""The numbers of a batch that change all the time, as one small piece of HTML.

It is sent every two seconds to everybody who looks. Each element would cost a message of its own,
and Streamlit's share of a redraw is 1.4 kB already.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import streamlit as st

from core.batch import BatchProgress, BatchState, JobLane
from ui import format as fmt
from ui.batch.words import done_of_total, limit_use, moment
from ui.i18n import _

PLACE = "batch-figures"
"""The key of the container that they are drawn in; the style sheet knows it."""

_STYLE = Path(__file__).with_name("figures.css")


def show_style() -> None:
    """Send how the figures look, once for all of them."""
    bar = (st.get_option(f"theme.{mode}.primaryColor") for mode in ("light", "dark"))
    st.html(f"<style>{_STYLE.read_text()} .st-key-{PLACE} {{ --bar: light-dark({','.join(bar)}) }}")


def show_figures(progress: BatchProgress) -> None:
    """Draw how far it is, the counts and the money; the outlook only while it runs."""
    facts = [_money(progress)] if progress.budget_usd is not None else []
    if progress.state is BatchState.RUNNING:
        facts += _outlook(progress)
    done = escape(done_of_total(progress))
    bar = f"<progress max={max(1, progress.total)} value={progress.done}></progress>"
    tiles = "".join(f"<li>{escape(name)}<b>{value}</b>" for name, value in _counts(progress))
    st.html(f"{done}{bar}<ul>{tiles}</ul>{_lines(facts)}")


def _lines(facts: Iterable[str]) -> str:
    return "".join(f"<p>{escape(fact)}" for fact in facts)


def _counts(progress: BatchProgress) -> list[tuple[str, str]]:
    return [
        (_("Answered"), fmt.count(progress.succeeded)),
        (_("From the cache"), fmt.count(progress.cached)),
        (_("Failed"), fmt.count(progress.failed)),
        (_("To look at"), fmt.count(progress.held))
        if progress.held and not progress.running
        else (_("Working"), fmt.count(progress.running)),
        (_("Cancelled"), fmt.count(progress.cancelled))
        if progress.cancelled
        else (_("Waiting"), fmt.count(progress.queued)),
        (_("Cost so far"), fmt.usd(progress.cost_usd)),
    ]


def _money(progress: BatchProgress) -> str:
    text = _("Budget {budget}: {spent} spent, {held} set aside for calls under way.")
    return text.format(
        budget=fmt.usd(progress.budget_usd),
        spent=fmt.usd(progress.cost_usd),
        held=fmt.usd(progress.reserved_usd),
    )


def _outlook(progress: BatchProgress) -> list[str]:
    """Return what can be foretold, and what the realtime lane uses of its limits."""
    facts = []
    if progress.rate_per_minute is not None:
        text = _("{rate} a minute · will end about {time} · will cost about {cost}")
        rate, usd = f"{progress.rate_per_minute:,.0f}", fmt.usd(progress.projected_usd)
        facts.append(text.format(rate=rate, time=_end(progress.projected_end), cost=usd))
    if progress.lane is not JobLane.BATCH:
        text = _("Limits a minute: requests {requests} · tokens {tokens}")
        requests, tokens = limit_use(progress.requests_use), limit_use(progress.tokens_use)
        facts.append(text.format(requests=requests, tokens=tokens))
    return facts


def _end(at: datetime | None) -> str:
    """Return when it ends, by the clock and from now."""
    if at is None:
        return _("unknown")
    minutes = max(0, round((at - datetime.now(UTC)).total_seconds() / 60))
    away = _("{minutes} min") if minutes else _("less than a minute")
    return f"{moment(at)} ({away.format(minutes=minutes)})"
