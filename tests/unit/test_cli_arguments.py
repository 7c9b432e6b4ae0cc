"""How values on the command line are read."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta

import pytest

from core.cli_arguments import coming_moment


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_time_of_day_is_the_next_one(hours):
    wanted = datetime.now(UTC).astimezone() + timedelta(hours=hours)
    read = coming_moment(wanted.strftime("%H:%M"))
    away = read - datetime.now(UTC)
    assert timedelta(0) < away <= timedelta(days=1)
    assert (read.hour, read.minute) == (wanted.hour, wanted.minute)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-01-31T18:00+00:00", datetime(2027, 1, 31, 18, tzinfo=UTC)),
        ("2027-01-31T18:00", datetime(2027, 1, 31, 18).astimezone()),
    ],
)
def test_a_date_and_time_is_taken_as_written(text, moment):
    assert coming_moment(text) == moment


@pytest.mark.parametrize("text", ["", "25:00", "tomorrow", "18:00:00:00"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ArgumentTypeError):
        coming_moment(text)
