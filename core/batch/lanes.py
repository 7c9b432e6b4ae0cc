"""Which items wait for the batch lane, and when they go on without it. Pure: time is a number.

The batch lane costs half, and what it has not answered when a job is cancelled costs nothing. So
everything that may wait does wait there, and is taken back only when the realtime lane would
otherwise not be able to answer the rest by the deadline: as late as possible, a job at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf
from typing import Final

WINDOW_S: Final = 86_400.0
"""The vendor's promise: answered or given up within this time."""
CANCELLING_S: Final = 600.0
"""How long the vendor may take to end a job, and bills what it finishes meanwhile.

Source: https://developers.openai.com/api/docs/guides/batch, read 2026-11-23.
"""
STALLED_S: Final = 3600.0
"""How long after its window a job that has not ended counts as stuck."""
_MARGIN_S: Final = 120.0
_DECIDE_AGAIN_S: Final = 30.0
_SAFE_SHARE: Final = 0.7
"""Part of the realtime lane's speed that is counted on."""
_HALF_HOUR: Final = 30
_LEAST_IN_A_JOB: Final = 100


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job whose items wait for it: how many, and since when it is the vendor's."""

    id: str
    items: int
    submitted_at_s: float
    expires_at_s: float | None = None
    is_cancelling: bool = False
    is_finalizing: bool = False


@dataclass(frozen=True, slots=True)
class Lanes:
    """Where the items of a batch are. Times are seconds since 1970.

    Args:
        now_s: The present.
        ready_by_s: The deadline; None for none.
        per_minute: Items that the realtime lane answers in a minute.
        realtime: Items that wait for the realtime lane or are in it.
        waiting: Items that wait for the batch lane and are in no job.
        jobs: The open jobs.
    """

    now_s: float
    ready_by_s: float | None
    per_minute: float
    realtime: int
    waiting: int
    jobs: Sequence[OpenJob] = ()


@dataclass(frozen=True, slots=True)
class LanePlan:
    """What is to be done now: items to move, jobs to cancel; and when to decide again, at most."""

    to_realtime: int = 0
    cancel: tuple[str, ...] = ()
    again_in_s: float = inf


def plan_lanes(lanes: Lanes) -> LanePlan:
    """Decide what goes on without the batch lane."""
    stalled = tuple(job.id for job in lanes.jobs if _is_stalled(job, lanes.now_s))
    spare_s = _spare_s(lanes)
    if spare_s > 0:
        return LanePlan(cancel=stalled, again_in_s=spare_s)
    # From here on the realtime lane must never stand still: it needs as much work as it does
    # while the next job is being cancelled.
    missing = ceil(lanes.per_minute / 60 * (CANCELLING_S + _DECIDE_AGAIN_S)) - lanes.realtime
    missing -= sum(job.items for job in lanes.jobs if job.is_cancelling or job.id in stalled)
    moved = min(lanes.waiting, max(0, missing))
    missing -= moved
    cancelled: list[str] = []
    for job in sorted(
        lanes.jobs, key=lambda job: -job.submitted_at_s
    ):  # the oldest may be nearly done
        if missing <= 0:
            break
        if not (job.is_cancelling or job.is_finalizing or job.id in stalled):
            cancelled.append(job.id)
            missing -= job.items
    return LanePlan(moved, (*stalled, *cancelled), _DECIDE_AGAIN_S)


def _spare_s(lanes: Lanes) -> float:
    """Return the time until the realtime lane has to begin with what waits for the batch lane."""
    if lanes.ready_by_s is None:
        return inf
    items = lanes.realtime + lanes.waiting + sum(job.items for job in lanes.jobs)
    needed_s = realtime_s(items, lanes.per_minute) + CANCELLING_S + _MARGIN_S
    return lanes.ready_by_s - lanes.now_s - needed_s


def _is_stalled(job: OpenJob, now_s: float) -> bool:
    expires_at_s = job.expires_at_s or job.submitted_at_s + WINDOW_S
    return not job.is_cancelling and now_s > expires_at_s + STALLED_S


def realtime_s(items: int, per_minute: float) -> float:
    """Return how long the realtime lane takes for so many items, in seconds."""
    return items / per_minute * 60


def realtime_per_minute(
    at_once: int,
    latency_s: float,
    requests_per_minute: int | None,
    tokens_per_minute: int | None,
    tokens_per_item: int,
) -> float:
    """Return how many items the realtime lane can be counted on to answer in a minute.

    Args:
        at_once: Calls that are out at the same time.
        latency_s: The usual time of one.
        requests_per_minute: The endpoint's limit; None if none is known.
        tokens_per_minute: Likewise.
        tokens_per_item: What one call counts against it.
    """
    limits = [at_once * 60 / max(latency_s, 0.01)]
    if requests_per_minute is not None:
        limits.append(float(requests_per_minute))
    if tokens_per_minute is not None and tokens_per_item:
        limits.append(tokens_per_minute / tokens_per_item)
    return min(limits) * _SAFE_SHARE


def most_in_a_job(ready_by_s: float | None, now_s: float, per_minute: float, most: int) -> int:
    """Return how many requests a job may have, so that taking one back takes back no more than due.

    With less time than the vendor's window, a job is half an hour's work of the realtime lane.
    """
    if ready_by_s is None or ready_by_s - now_s > WINDOW_S + CANCELLING_S:
        return most
    return min(most, max(_LEAST_IN_A_JOB, ceil(per_minute * _HALF_HOUR)))
