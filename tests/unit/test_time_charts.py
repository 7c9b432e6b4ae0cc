"""Tests of ui/time_charts.py: what stays where it is while data moves."""

from datetime import UTC, datetime, timedelta

import pytest

from ui.time_charts import (
    CALM,
    COUNT,
    DOLLARS,
    PERCENT,
    SECONDS,
    Times,
    Trace,
    heat_chart,
    line_chart,
    stacked_chart,
)

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


def times(count=3, step=timedelta(minutes=1), start=START):
    return Times(tuple(start + n * step for n in range(count)), step)


def lines(*values):
    return [Trace("p95", values, CALM)]


def test_only_rows_change_between_two_drawings():
    first = line_chart(times(), lines(1.0, 2.0, 3.0), SECONDS)
    second = line_chart(times(), lines(500.0, None, 0.1), SECONDS)
    assert first.spec == second.spec
    assert [row["value"] for row in second.rows] == [500.0, None, 0.1]


def test_the_axis_spans_all_steps_to_the_end_of_the_last():
    spec = line_chart(times(60), lines(*[1.0] * 60), COUNT).spec
    domain = spec["encoding"]["x"]["scale"]["domain"]
    assert domain == ["2026-11-23T12:00:00", "2026-11-23T13:00:00"]


def test_shares_always_reach_from_nothing_to_all():
    spec = line_chart(times(), lines(0.1, 0.2, 0.1), PERCENT).spec
    assert spec["encoding"]["y"]["scale"] == {"domain": [0, 1.0]}


@pytest.mark.parametrize(
    ("step", "written"),
    [
        (timedelta(seconds=5), "%H:%M:%S"),
        (timedelta(minutes=1), "%H:%M"),
        (timedelta(minutes=24), "%H:%M"),
        (timedelta(hours=3), "%m-%d"),
        (timedelta(days=30), "%Y-%m"),
    ],
)
def test_ticks_say_as_much_as_the_window_needs(step, written):
    spec = line_chart(times(60, step), lines(*[1.0] * 60), COUNT).spec
    assert spec["encoding"]["x"]["axis"]["format"] == written


@pytest.mark.parametrize("unit", [SECONDS, DOLLARS])
def test_ticks_are_written_without_powers_of_ten(unit):
    assert unit.ticks.endswith("f")


def test_bars_stand_in_the_middle_of_their_step_in_the_given_order():
    traces = [Trace("a", (1.0,), CALM), Trace("b", (2.0,), CALM)]
    chart = stacked_chart(times(1), traces, COUNT)
    assert [(row["name"], row["rank"]) for row in chart.rows] == [("a", 0), ("b", 1)]
    assert {row["middle"] for row in chart.rows} == {"2026-11-23T12:00:30"}
    assert chart.spec["encoding"]["color"]["legend"]


def test_heat_has_a_row_for_each_code_and_nothing_where_nothing_happened():
    chart = heat_chart(times(), ["NET001", "API006"], [[0, 1, 2], [3, 0, 0]])
    assert [(row["name"], row["value"]) for row in chart.rows] == [
        ("NET001", 1),
        ("NET001", 2),
        ("API006", 3),
    ]
    assert chart.spec["encoding"]["y"]["scale"]["domain"] == ["NET001", "API006"]
