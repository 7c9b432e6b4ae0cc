"""Tests of ui/charts.py: figures are plain, complete, and say nothing a browser would run."""

import json

import plotly.graph_objects as go
import pytest

from core.catalog import load_catalog
from core.token_steps import token_steps
from core.types import Detail
from ui.charts import CHOSEN, OTHER, Bar, Curve, bar_chart, step_chart

CATALOG = load_catalog()
BARS = (
    Bar("gpt-4o", 7.44, "$7.44", "gpt-4o\nmore", chosen=True),
    Bar("<b>own</b>", None, "unknown", "<img src=x onerror=alert(1)>"),
    Bar("gpt-6.1-sol ≈", 8.6, "$8.60", "range", is_range=True),
)


def curve(model, detail=Detail.HIGH, usd=0.0000025, **changes):
    steps = token_steps(1920, 1080, CATALOG.card(model).image_rule, detail, 6000)
    return Curve(detail.value, steps, usd, [str(step.reason) for step in steps], **changes)


def figures():
    return [
        bar_chart(BARS, "USD"),
        bar_chart([], "USD"),
        step_chart(
            [curve("gpt-4o", chosen=True), curve("gpt-4o", Detail.LOW)], 1920, "x", "y", "h"
        ),
        step_chart([curve("gpt-6.1-sol", Detail.ORIGINAL, chosen=True)], 9000, "x", "y", "h"),
        step_chart([curve("gpt-5.4", usd=None, chosen=True)], 50, "x", "y", "h", near=True),
    ]


@pytest.mark.parametrize("figure", figures())
def test_a_figure_is_plain_data_that_plotly_accepts(figure):
    assert json.loads(json.dumps(figure)) == figure
    go.Figure(figure)
    assert "http" not in json.dumps(figure)


def test_the_bars_keep_their_order_and_mark_what_is_special():
    figure = bar_chart(BARS, "USD")
    (trace,) = figure["data"]
    assert trace["x"] == [7.44, None, 8.6]
    assert trace["marker"]["color"] == [CHOSEN, OTHER, OTHER]
    assert trace["marker"]["pattern"]["shape"] == ["", "", "/"]
    assert figure["layout"]["yaxis"]["autorange"] == "reversed"
    assert figure["layout"]["yaxis"]["ticktext"][0] == "<b>gpt-4o</b>"


def test_an_unknown_price_is_a_word_and_no_bar():
    (note,) = bar_chart(BARS, "USD")["layout"]["annotations"]
    assert (note["y"], note["text"]) == (1, "unknown")


def test_names_from_people_are_shown_letter_by_letter():
    text = json.dumps(bar_chart(BARS, "<i>USD</i>"))
    assert "<img" not in text
    assert "<i>" not in text
    assert "&lt;b&gt;own" in text


def test_the_steps_of_the_rule_are_in_the_line_with_their_reason():
    line, mark = step_chart([curve("gpt-4o", chosen=True)], 1920, "x", "y", "1920×1080")["data"]
    assert {1, 512, 513, 911, 912, 1024, 1025, 6000} <= set(line["x"])
    assert max(b - a for a, b in zip(line["x"], line["x"][1:], strict=False)) <= 128
    prices = list(dict.fromkeys(line["y"]))
    assert prices == pytest.approx([tokens * 0.0025 for tokens in (255, 425, 765, 1105)])
    assert "3 × 2 tiles" in line["text"][-1]
    assert mark["x"] == [1920]
    assert mark["y"] == pytest.approx([1105 * 0.0025])


def test_a_rule_that_is_not_published_has_a_band():
    figure = step_chart([curve("gpt-6.1-sol", Detail.ORIGINAL, chosen=True)], 4000, "x", "y", "h")
    low, high, *_ = figure["data"]
    assert high["fill"] == "tonexty"
    assert any(a < b for a, b in zip(low["y"], high["y"], strict=True))
    published = step_chart([curve("gpt-5.6-sol", chosen=True)], 4000, "x", "y", "h")
    assert not any("fill" in trace for trace in published["data"])


def test_without_a_price_the_line_is_tokens():
    line, _ = step_chart([curve("gpt-4o", usd=None, chosen=True)], 1920, "x", "y", "h")["data"]
    assert line["y"][-1] == 1105


def test_near_a_size_only_its_neighbours_are_drawn():
    figure = step_chart([curve("gpt-5.4", chosen=True)], 1024, "x", "y", "h", near=True)
    line = figure["data"][0]
    assert figure["layout"]["xaxis"]["range"] == [896, 1152]
    assert line["x"][0] <= 896
    assert line["x"][-1] >= 1152
    assert len(line["x"]) < 60
