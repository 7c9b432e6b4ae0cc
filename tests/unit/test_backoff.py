import pytest

from core import errors
from core.backoff import BACKOFF_BY_ERROR, RetryPolicy, next_wait_s


def wait(error, attempt=1, jitter=0.0, remaining_s=1000.0):
    return next_wait_s(error, attempt, RetryPolicy(), lambda: jitter, remaining_s)


@pytest.mark.parametrize(
    ("attempt", "expected_s"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, None)]
)
def test_waits_double_until_it_is_given_up(attempt, expected_s):
    assert wait(errors.UnavailableError("down"), attempt) == expected_s


def test_the_server_decides_how_long_to_wait():
    assert wait(errors.RateLimitError("slow", retry_after_s=0.084)) == 0.084
    assert wait(errors.RateLimitError("slow", retry_after_s=75.0)) == 75.0
    assert wait(errors.RateLimitError("slow", retry_after_s=0.0)) == 1.0  # says nothing


def test_chance_only_ever_adds():
    assert wait(errors.RateLimitError("slow", retry_after_s=10.0), jitter=0.999) > 10.0
    assert wait(errors.UnavailableError("down"), jitter=1.0) == pytest.approx(0.65)


@pytest.mark.parametrize(("remaining_s", "expected_s"), [(10.1, 10.0), (10.0, None), (-1.0, None)])
def test_a_wait_past_the_deadline_means_giving_up_now(remaining_s, expected_s):
    error = errors.RateLimitError("slow", retry_after_s=10.0)
    assert wait(error, remaining_s=remaining_s) == expected_s


def test_what_may_have_been_billed_is_repeated_once_at_most():
    cut = errors.ConnectionFailedError("cut", maybe_billed=True)
    refused = errors.ConnectionFailedError("refused")
    assert wait(cut, 1) is not None
    assert wait(cut, 2) is None
    assert wait(refused, 2) is not None


def test_only_retryable_errors_have_a_backoff():
    assert all(kind.retryable for kind in BACKOFF_BY_ERROR)


def test_a_quota_is_not_a_rate_limit():
    assert wait(errors.QuotaError("empty", retry_after_s=1.0)) is None
