"""Tests of ui/live/state.py: when a change is sure to be followed by the next."""

import pytest

from ui.live.state import LiveState


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        ([("a", 100.0)], False),
        ([("a", 100.0), ("b", 102.1)], True),
        ([("a", 100.0), ("b", 104.0)], False),
        ([("a", 100.0), ("b", 102.0), ("b", 104.0)], False),
        ([("a", 100.0), ("b", 102.0), ("b", 102.5), ("c", 104.0)], True),
    ],
)
def test_what_changed_twice_in_a_row_is_drawn_again_without_asking(drawn, expected):
    here = LiveState()
    assert [here.has_kept_changing(token, at_s) for token, at_s in drawn][-1] is expected
