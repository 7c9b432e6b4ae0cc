"""Which lane a new batch takes: at once, or for less money and later."""

from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from core.batch import JobLane
from core.batch.types import LaneQuote
from core.phrases import Phrase
from core.quote import SelectionQuote, UsdRange
from ui import format as fmt
from ui.batch.words import lane_words, moment
from ui.i18n import _, language, say
from ui.resources import runtime, settings, workbench

_WITHIN_S = 1.5
_ASKED_EVERY = "5m"
_LEAST_HOURS = 1
_MOMENT = "batch.ready_by"


@dataclass(frozen=True, slots=True)
class LaneChoice:
    """The lane, and when every answer should be there."""

    lane: JobLane
    ready_by: datetime | None = None

    @property
    def is_too_late(self) -> bool:
        """Say whether that time has passed."""
        return self.ready_by is not None and self.ready_by <= datetime.now(UTC)


def choose_lane(quote: SelectionQuote | None) -> LaneChoice:
    """Offer the lanes, each with its price and time; grey, with the reason, where there is one."""
    words, refusal = lane_words(), _refusal()
    ready_by = _next_evening() if refusal else _chosen_moment()
    lane = st.radio(
        _("When"),
        [*JobLane],
        format_func=words.__getitem__,
        captions=[_price(lane, quote, ready_by) for lane in JobLane],
        key=f"batch.lane.{language()}",
        horizontal=True,
        disabled=refusal is not None,
    )
    if refusal is not None:
        st.caption(f":material/info: {say(refusal)}")
        return LaneChoice(JobLane.REALTIME)
    if lane == JobLane.AUTO:
        st.datetime_input(
            _("Ready by"), _next_evening(), key=_MOMENT, format="YYYY-MM-DD", width=260
        )
        chosen = LaneChoice(lane, ready_by.replace(tzinfo=_zone()))
        if chosen.is_too_late:
            st.caption(f":material/warning: {_('The time to be ready by has passed.')}")
        return chosen
    return LaneChoice(JobLane(lane))


def _refusal() -> Phrase | None:
    """Return why there is no batch lane, without keeping the page from being drawn."""
    asked = _asked(settings().base_url)
    wait([asked], timeout=_WITHIN_S)
    if asked.cancelled():  # the process's loop was closed meanwhile
        _asked.clear()
    if asked.cancelled() or not asked.done():
        return Phrase("The endpoint is being asked whether it has a batch lane.")
    return asked.result()


@st.cache_resource(ttl=_ASKED_EVERY, show_spinner=False)
def _asked(endpoint: str) -> "Future[Phrase | None]":
    """Ask the endpoint, once in a while for everybody: it is a request on the network."""
    del endpoint  # what is remembered is remembered for it
    return runtime().submit(workbench().batches.batch_lane_refusal())


def _chosen_moment() -> datetime:
    return st.session_state.get(_MOMENT) or _next_evening()


def _next_evening() -> datetime:
    """Return 18:00 by the reader's clock, without a zone; tomorrow's when today's is too near."""
    now = datetime.now(UTC).astimezone(_zone()).replace(tzinfo=None)
    evening = datetime.combine(now.date(), time(18))
    is_near = evening < now + timedelta(hours=_LEAST_HOURS)
    return evening + timedelta(days=1) if is_near else evening


def _zone() -> ZoneInfo:
    return ZoneInfo(st.context.timezone or "UTC")


def lane_price(lane: JobLane, quote: LaneQuote) -> str:
    """Return what a lane will cost a batch that exists, and by when it is done."""
    if quote.refusal is not None:
        return say(quote.refusal)
    ready = moment(quote.ready_at) if quote.ready_at else _("unknown")
    text = _("{lane}: {usd}, by {time}")
    return text.format(lane=lane_words()[lane], usd=_usd(quote.usd), time=ready)


def _price(lane: JobLane, quote: SelectionQuote | None, ready_by: datetime) -> str:
    when = {
        JobLane.REALTIME: _("begins now"),
        JobLane.BATCH: _("within 24 hours"),
        JobLane.AUTO: _("by {time}").format(time=moment(ready_by.replace(tzinfo=_zone()))),
    }[lane]
    if quote is None:
        return when
    match lane:
        case JobLane.REALTIME:
            return f"{_usd(quote.realtime)}, {when}"
        case JobLane.BATCH:
            return f"{_usd(quote.batch)}, {when}"
        case JobLane.AUTO:
            least, most = _usd(quote.batch), _usd(quote.realtime)
            if least == most:
                return f"{least}, {when}"
            return f"{least} – {most.removeprefix('≈ ')}, {when}"


def _usd(amount: UsdRange | None) -> str:
    if amount is None:
        return _("unknown")
    usd = fmt.markdown_usd(amount.expected)
    return f"≈ {usd}" if amount.expected else usd
