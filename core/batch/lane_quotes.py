"""What a batch costs on each lane, and by when it is answered. Pure: time is a number."""

from datetime import UTC, datetime

from core.batch.lanes import CANCELLING_S, WINDOW_S, realtime_s
from core.batch.types import LaneQuote, LaneQuotes
from core.phrases import Phrase
from core.quote import SelectionQuote, UsdRange


def quote_lanes(
    quote: SelectionQuote,
    refusal: Phrase | None,
    now_s: float,
    ready_by_s: float | None,
    per_minute: float,
    typical_job_s: float | None,
) -> LaneQuotes:
    """Return the quotes of all lanes.

    Args:
        quote: What is to be paid.
        refusal: Why the endpoint has no batch lane; None if it has one.
        now_s: Seconds since 1970.
        ready_by_s: The deadline of the lane AUTO, likewise; None for none.
        per_minute: Items that the realtime lane answers in a minute.
        typical_job_s: How long jobs have taken of late; None counts as the vendor's promise.
    """
    at_once_s = realtime_s(quote.to_pay, per_minute)
    window_s = typical_job_s or WINDOW_S
    spare_s = WINDOW_S if ready_by_s is None else ready_by_s - now_s - at_once_s - CANCELLING_S
    auto_s = WINDOW_S if ready_by_s is None else max(ready_by_s - now_s, at_once_s)
    return LaneQuotes(
        realtime=LaneQuote(quote.realtime, _moment(now_s + at_once_s)),
        batch=LaneQuote(quote.batch, _moment(now_s + WINDOW_S), refusal),
        auto=LaneQuote(
            _auto_usd(quote, is_in_time=refusal is None and spare_s >= window_s),
            _moment(now_s + auto_s),
            refusal,
        ),
    )


def _auto_usd(quote: SelectionQuote, *, is_in_time: bool) -> UsdRange | None:
    """Return the money between all on the batch lane and all at once; likely is what is in time."""
    if quote.realtime is None or quote.batch is None:
        return None
    likely = quote.batch if is_in_time else quote.realtime
    return UsdRange(quote.batch.low, likely.expected, quote.realtime.high)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
