import tracemalloc
from itertools import repeat

import pytest

from core.batch.splitting import MOST_BYTES, MOST_REQUESTS, JobRoom, Line, queue_room, split


@pytest.mark.parametrize(
    ("lines", "most_tokens", "expected"),
    [
        ([], None, []),
        ([Line(10, 1)] * 3, None, [3]),
        ([Line(MOST_BYTES, 1)] * 2, None, [1, 1]),
        ([Line(MOST_BYTES // 2, 1)] * 5, None, [2, 2, 1]),
        ([Line(1, 40)] * 5, 100, [2, 2, 1]),
        ([Line(1, 1)] * (MOST_REQUESTS + 1), None, [MOST_REQUESTS, 1]),
    ],
)
def test_files_are_as_full_as_the_limits_allow(lines, most_tokens, expected):
    assert [each.requests for each in split(lines, most_tokens)] == expected


def test_a_request_larger_than_a_file_is_refused():
    with pytest.raises(ValueError, match="larger than a file"):
        list(split([Line(1, 1), Line(MOST_BYTES + 1, 1)]))


def test_120_000_requests_are_planned_in_bounded_memory():
    tracemalloc.start()
    plans = list(split(repeat(Line(3_000, 800), 120_000)))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [each.requests for each in plans] == [50_000, 50_000, 20_000]
    assert [each.first for each in plans] == [0, 50_000, 100_000]
    assert peak_bytes < 100_000


def test_the_queue_of_the_vendor_has_room_for_what_is_left():
    assert queue_room(None, 5) is None
    assert queue_room(1000, 900) == 50
    assert queue_room(1000, 2000) == 0
    assert not JobRoom(most_tokens=queue_room(1000, 900)).takes(Line(1, 51))
