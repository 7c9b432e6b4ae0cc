"""Tests of ui/time_charts.py: round axes, and as little as a browser needs."""

import json
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from ui.time_charts import (
    CALM,
    COUNT,
    DOLLARS,
    PERCENT,
    SECONDS,
    Kind,
    Plot,
    Trace,
    time_ticks,
    to_json,
    value_axis,
)

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


def begins(count=60, step=timedelta(minutes=1), start=START):
    return [start + n * step for n in range(count)]


def plot(*traces, kind=Kind.LINES, unit=SECONDS):
    named = [Trace(f"t{n}", values, CALM) for n, values in enumerate(traces)]
    return Plot("Response times", kind, named, unit)


def words(ticks):
    return [tick.text for tick in ticks]


@pytest.mark.parametrize(
    ("values", "unit", "written"),
    [
        ((0.3, 1.5), SECONDS, ["0.0 s", "0.5 s", "1.0 s", "1.5 s"]),
        ((1.0,), SECONDS, ["0.00 s", "0.25 s", "0.50 s", "0.75 s", "1.00 s"]),
        ((38.0,), SECONDS, ["0 s", "10 s", "20 s", "30 s", "40 s"]),
        ((0.0041,), DOLLARS, ["$0.000", "$0.002", "$0.004", "$0.006"]),
        ((0.2, 0.4), PERCENT, ["0%", "25%", "50%", "75%", "100%"]),
        ((3,), COUNT, ["0", "1", "2", "3"]),
        ((0, 0), COUNT, ["0", "1"]),
        ((10,), COUNT, ["0", "3", "6", "9", "12"]),
        ((9_100,), COUNT, ["0", "2.5k", "5k", "7.5k", "10k"]),
        ((4_000_000,), COUNT, ["0", "1M", "2M", "3M", "4M"]),
        ((None, None), SECONDS, ["0.00 s", "0.25 s", "0.50 s", "0.75 s", "1.00 s"]),
    ],
)
def test_an_axis_has_round_words_from_nothing_to_above_the_most(values, unit, written):
    top, ticks = value_axis(plot(values, unit=unit))
    assert words(ticks) == written
    assert (ticks[0].at, ticks[-1].at) == (0, 1)
    assert top >= max(value or 0 for value in values)


def test_a_number_that_is_a_tick_is_the_end_of_the_axis():
    assert value_axis(plot((0.1 + 0.2,)))[0] == pytest.approx(0.3)


def test_bars_stand_on_each_other():
    bars = plot((1, 8), (2, None), kind=Kind.BARS, unit=COUNT)
    assert value_axis(bars)[0] == 8
    assert value_axis(plot((1, 8), (2, 4), kind=Kind.BARS, unit=COUNT))[0] == 15


def test_heat_is_darkest_where_there_is_most():
    assert value_axis(plot((0, 3), (1, 7), kind=Kind.HEAT, unit=COUNT)) == (7, [])


@pytest.mark.parametrize(
    ("step", "start", "written"),
    [
        (timedelta(seconds=5), START, ["12:01", "12:02", "12:03", "12:04"]),
        (timedelta(minutes=1), START, ["12:15", "12:30", "12:45"]),
        (timedelta(minutes=1), START + timedelta(minutes=7), ["12:15", "12:30", "12:45", "13:00"]),
        (timedelta(minutes=30), START, ["18:00", "00:00", "06:00", "12:00"]),
        (timedelta(hours=3), START, ["11-25", "11-27", "11-29"]),
        (timedelta(days=2), START, ["12-03", "01-02", "02-01", "03-03"]),
        (timedelta(days=30), START, ["2027-12", "2028-12", "2029-12", "2030-12"]),
    ],
)
def test_times_are_round_and_say_as_much_as_the_window_needs(step, start, written):
    assert words(time_ticks(begins(60, step, start))) == written


def test_times_are_round_on_the_readers_clock():
    half = timezone(timedelta(hours=5, minutes=30))
    found = time_ticks(begins(60, start=START.astimezone(half)))
    assert words(found) == ["17:45", "18:00", "18:15"]
    assert [tick.at for tick in found] == [0.25, 0.5, 0.75]


def test_the_night_that_has_an_hour_more_is_longer():
    steps = begins(60, timedelta(minutes=30), datetime(2026, 10, 24, 12, tzinfo=UTC))
    found = time_ticks([step.astimezone(ZoneInfo("Europe/Berlin")) for step in steps])
    assert words(found) == ["18:00", "00:00", "06:00", "12:00"]
    assert [round(tick.at * 30) for tick in found] == [4, 10, 17, 23]


def test_the_browser_gets_numbers_words_and_gaps():
    drawn = json.loads(to_json([plot((1.0, None, 0.12345678))], begins(3), "zh_CN"))
    assert drawn["times"][0] == "2026-11-23 12:00:00"
    assert drawn["language"] == "zh-CN"
    (shown,) = drawn["plots"]
    assert (shown["title"], shown["kind"]) == ("Response times", "lines")
    assert shown["traces"][0]["values"] == [1, None, 0.123457]
    assert shown["unit"]["suffix"] == " s"
