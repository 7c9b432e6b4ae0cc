"""Bills against estimates."""

import pytest

from core.drift import Drift, drift, drift_note
from core.types import Detail


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], Drift(0.0, 0.0, 0)),
        ([(0, 5)], Drift(0.0, 0.0, 0)),  # nothing was estimated
        ([(100, 100)], Drift(0.0, 0.0, 1)),
        ([(100, 103), (100, 99), (200, 202)], Drift(0.01, 0.03, 3)),
        ([(100, 90)], Drift(-0.1, 0.1, 1)),
        ([(100, 100)] * 95 + [(100, 200)] * 5, Drift(0.0, 0.0, 100)),
        ([(100, 100)] * 94 + [(100, 200)] * 6, Drift(0.0, 1.0, 100)),
    ],
)
def test_median_keeps_its_sign_and_p95_is_a_distance(pairs, expected):
    found = drift(pairs)
    assert (found.median, found.p95) == pytest.approx((expected.median, expected.p95))
    assert found.n == expected.n


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="negative"):
        drift([(10, -1)])


@pytest.mark.parametrize(
    ("found", "large"),
    [
        (Drift(0.02, 0.02, 5), False),
        (Drift(0.0201, 0.0201, 5), True),
        (Drift(-0.03, 0.03, 5), True),
        (Drift(0.0, 0.5, 5), True),
        (Drift(0.5, 0.5, 0), False),
    ],
)
def test_more_than_two_percent_is_told(found, large):
    assert found.is_large is large
    assert (drift_note(found, "m", Detail.HIGH) is not None) is large


def test_the_warning_has_the_numbers():
    note = drift_note(Drift(-0.031, 0.25, 12), "gpt-4o", Detail.LOW)
    assert str(note) == (
        "The bills of gpt-4o at detail 'low' differ from the estimates: median -3.1%, 95 of 100 "
        "within 25.0%, from 12 calls."
    )


@pytest.mark.parametrize(("n", "correction"), [(9, 0.0), (10, 0.05)])
def test_estimates_are_corrected_only_by_enough_calls(n, correction):
    assert Drift(0.05, 0.05, n).correction == correction
