import pytest

from core.latency import Latencies

KIND = ("gpt-4o", "describe", 300)


@pytest.mark.parametrize(
    ("latencies_s", "patience_s"),
    [
        ([], float("inf")),
        ([0.4] * 49, float("inf")),
        ([0.4] * 50, 2.0),
        ([0.4] * 60 + [1.5], 6.0),
        ([9.0] + [0.4] * 200, 2.0),
    ],
)
def test_patience_is_a_multiple_of_the_slowest_of_late(latencies_s, patience_s):
    latencies = Latencies()
    for latency_s in latencies_s:
        latencies.note(KIND, latency_s)
    assert latencies.patience_s(KIND) == patience_s
    assert latencies.patience_s("another kind") == float("inf")
