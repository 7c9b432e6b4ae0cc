"""Tests of ui/time_charts.py: what stays where it is while data moves."""

from datetime import UTC, datetime, timedelta

import plotly.graph_objects as go
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


@pytest.mark.parametrize(
    "figure",
    [
        line_chart(times(), lines(1.0, None, 2.0), SECONDS),
        stacked_chart(times(), lines(1.0, 0.0, 2.0), DOLLARS),
        heat_chart(times(), ["NET001"], [[0, 1, 2]]),
    ],
)
def test_figures_are_what_plotly_knows(figure):
    assert go.Figure(figure).data


def test_only_data_moves_between_two_drawings():
    first = line_chart(times(), lines(1.0, 2.0, 3.0), SECONDS)
    second = line_chart(times(), lines(500.0, None, 0.1), SECONDS)
    assert first["layout"] == second["layout"]


def test_the_axis_spans_all_steps_to_the_end_of_the_last():
    layout = line_chart(times(60), lines(*[1.0] * 60), COUNT)["layout"]
    assert layout["xaxis"]["range"] == ["2026-11-23T12:00:00", "2026-11-23T13:00:00"]


def test_shares_always_reach_from_nothing_to_all():
    low, high = line_chart(times(), lines(0.1, 0.2, 0.1), PERCENT)["layout"]["yaxis"]["range"]
    assert (low, high) == (0, pytest.approx(1.05))


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
    layout = line_chart(times(60, step), lines(*[1.0] * 60), COUNT)["layout"]
    assert layout["xaxis"]["tickformat"] == written


def test_names_are_shown_letter_by_letter():
    figure = stacked_chart(times(), [Trace("<b>m</b>", (1.0, 1.0, 1.0), CALM)], COUNT)
    assert figure["data"][0]["name"] == "&lt;b&gt;m&lt;/b&gt;"


def test_many_codes_make_a_taller_plot():
    heights = [
        heat_chart(times(), [f"E{n}" for n in range(count)], [[0, 0, 1]] * count)["layout"][
            "height"
        ]
        for count in (1, 5, 20)
    ]
    assert heights[0] < heights[1] < heights[2]
