"""How long to wait before the next attempt. Pure: no clock, no randomness of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf

from core.errors import (
    ConnectionFailedError,
    EngineError,
    MalformedAnswerError,
    NameResolutionError,
    ProxyFailedError,
    RateLimitError,
    TimeoutExceededError,
    UnavailableError,
    VisionError,
)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Attempts for one class of error (the first counts), and the wait before the second.

    The wait doubles each time.
    """

    max_attempts: int
    base_s: float


BACKOFF_BY_ERROR: Mapping[type[VisionError], Backoff] = {
    RateLimitError: Backoff(max_attempts=6, base_s=1.0),
    UnavailableError: Backoff(max_attempts=5, base_s=0.5),
    ConnectionFailedError: Backoff(max_attempts=5, base_s=0.5),
    NameResolutionError: Backoff(max_attempts=3, base_s=0.5),
    ProxyFailedError: Backoff(max_attempts=3, base_s=0.5),
    TimeoutExceededError: Backoff(max_attempts=2, base_s=2.0),
    MalformedAnswerError: Backoff(max_attempts=2, base_s=0.5),
}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to give up.

    `max_attempts_maybe_billed` bounds the repetition of calls that may have been paid for though
    no answer came. `jitter_share` is the most that chance adds to a wait.
    """

    backoff_by_error: Mapping[type[VisionError], Backoff] = field(
        default_factory=lambda: BACKOFF_BY_ERROR
    )
    max_wait_s: float = 60.0
    max_attempts_maybe_billed: int = 2
    jitter_share: float = 0.3


PATIENT = RetryPolicy(
    {
        RateLimitError: Backoff(max_attempts=10, base_s=1.0),
        UnavailableError: Backoff(max_attempts=7, base_s=0.5),
        ConnectionFailedError: Backoff(max_attempts=7, base_s=0.5),
        NameResolutionError: Backoff(max_attempts=7, base_s=0.5),
        ProxyFailedError: Backoff(max_attempts=7, base_s=0.5),
        TimeoutExceededError: Backoff(max_attempts=4, base_s=0.25),
        MalformedAnswerError: Backoff(max_attempts=4, base_s=0.5),
    },
    max_attempts_maybe_billed=4,
)
"""For work that nobody waits for: an answer that comes late is worth more than none."""


def next_wait_s(
    error: VisionError,
    attempt: int,
    policy: RetryPolicy,
    jitter: Callable[[], float],
    remaining_s: float = inf,
) -> float | None:
    """Return the seconds to wait before the next attempt, or None to give up.

    Args:
        error: Why the last attempt failed.
        attempt: Its number, from 1.
        policy: Attempts and waits for each class of error.
        jitter: Returns a number in [0, 1); spreads callers that failed together.
        remaining_s: Time until the deadline; a wait that would pass it means giving up now.
    """
    backoff = policy.backoff_by_error.get(type(error))
    if not error.retryable or backoff is None or attempt >= _max_attempts(error, backoff, policy):
        return None
    curve_s = min(backoff.base_s * 2 ** (attempt - 1), policy.max_wait_s)
    wait_s = error.retry_after_s or curve_s  # the server knows its window better than our curve
    wait_s *= 1 + policy.jitter_share * jitter()
    return wait_s if wait_s < remaining_s else None


def _max_attempts(error: VisionError, backoff: Backoff, policy: RetryPolicy) -> int:
    if isinstance(error, EngineError) and error.maybe_billed:
        return min(backoff.max_attempts, policy.max_attempts_maybe_billed)
    return backoff.max_attempts
