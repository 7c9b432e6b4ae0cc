"""The Estimate page as its reader sees it."""

import json
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.engines.fake import FakeEngine
from core.runtime import forget
from core.scenarios import Scenario, scenario_to_text
from core.store.calls import CallRecord, CallStatus, PlannedCall
from core.types import Cost, CostBasis, Detail, TokenUsage
from ui.resources import shut_down, workbench

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("TESSERA_DATA_DIR", str(tmp_path))
    st.cache_data.clear()  # the drift of another test's ledger
    return tmp_path


def opened(query=None, sizes=None):
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S)
    at.context = {"locale": "en-US"}
    at.run()
    if sizes:
        at.session_state["estimate.sizes"] = sizes  # AppTest cannot type into a selectbox
    at.switch_page("pages/estimate.py")
    for name, value in (query or {}).items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def said(at):
    kinds = (at.markdown, at.caption, at.warning, at.error, at.info, at.subheader)
    return "\n".join(str(each.value).replace("\\", "") for kind in kinds for each in kind)


def figures(at):
    return [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]


def test_the_first_sight_answers_what_it_will_cost(data_dir):
    at = opened()
    assert "1,000 pictures a month with gpt-4o cost about **$7.44**" in said(at)
    assert "between $4.93 and $12.45" in said(at)
    assert "gpt-6-luna" in said(at)  # shutdown and successor
    assert {
        "One picture": "$0.0074",
        "Image tokens": "765",
        "As a batch": "$3.72",
    }.items() <= {metric.label: metric.value for metric in at.metric}.items()
    assert len(figures(at)) == 3


def test_another_model_changes_the_number_and_the_plots(data_dir):
    at = opened()
    before = figures(at)
    at.selectbox(key="estimate.model").set_value("gpt-5.4").run()
    assert "gpt-5.4 cost about **$11.10**" in said(at)
    after = figures(at)
    assert all(one != other for one, other in zip(before, after, strict=True))
    at.slider(key="estimate.output_tokens").set_value(1000).run()
    assert "**$18.60**" in said(at)


def test_a_detail_that_the_next_model_does_not_take_falls_back_to_high(data_dir):
    at = opened()
    at.selectbox(key="estimate.model").set_value("gpt-5.6-luna").run()
    at.selectbox(key="estimate.detail").set_value(Detail.ORIGINAL).run()
    at.selectbox(key="estimate.model").set_value("gpt-4o").run()
    assert not at.exception
    assert at.selectbox(key="estimate.detail").value == Detail.HIGH


def test_a_resize_is_told_with_its_tokens(data_dir):
    at = opened()
    at.selectbox(key="estimate.sizes").set_value("1920x1080").run()
    assert "910×512 costs 425 tokens instead of the 1,105 of 1920×1080" in said(at)


def test_a_size_that_is_none_is_told_and_the_page_stays(data_dir):
    at = opened(sizes="huge")
    assert "'huge' is not usable" in said(at)
    assert "cost about" not in said(at)


def test_a_mix_of_sizes_is_one_scenario(data_dir):
    at = opened(sizes="512x512*3, 1024x1024")
    assert "cost about **$6.48**" in said(at)  # 3 x 6.165 and 7.44 in 4


def test_the_pictures_on_the_analyze_page_give_their_sizes(data_dir, open_app):
    at = open_app("estimate", samples=("receipt", "lake", "lake"), locale="en-US")
    at.button(key="estimate.use_tray").click().run()
    assert not at.exception
    assert "*2" in at.session_state["estimate.sizes"]
    assert "cost about" in said(at)


def test_every_axis_has_its_bars(data_dir):
    at = opened()
    for axis in ("detail", "size", "images", "output", "cache", "lane"):
        at.get_by_key("estimate.axis").set_value(axis).run()
        assert not at.exception
        assert len(figures(at)[0]["data"][0]["x"]) >= 3


def test_an_unknown_price_is_never_zero(data_dir):
    at = opened()
    at.selectbox(key="estimate.model").set_value("chat-latest").run()
    assert "price **unknown**" in said(at)
    assert {metric.value for metric in at.metric if metric.label == "One picture"} == {"unknown"}
    bars = figures(at)[0]
    assert None in bars["data"][0]["x"]
    assert "unknown" in [note["text"] for note in bars["layout"]["annotations"]]


def test_an_unpublished_rule_is_a_range_with_a_mark(data_dir):
    scenario = Scenario(model="gpt-6.1-sol", detail=Detail.ORIGINAL)
    text = scenario_to_text(scenario).replace("1024x1024", "4032x3024")
    at = opened({"s": text})
    assert "does not publish" in said(at)
    assert "≈ 14,364" in {metric.value for metric in at.metric}
    assert any("≈" in label for label in figures(at)[0]["layout"]["yaxis"]["ticktext"])


def test_an_address_opens_its_scenarios(data_dir):
    first = scenario_to_text(Scenario(model="gpt-4.1", images=5000, cached_percent=20))
    second = scenario_to_text(Scenario(name="Beside *this*"))
    at = opened({"s": [first, second]})
    assert "5,000 pictures a month with gpt-4.1" in said(at)
    assert {metric.value for metric in at.metric if metric.label == "Pictures to pay"} == {"4,000"}
    assert list(at.dataframe[1].value.columns)[-1] == "Beside *this*"
    assert at.query_params["s"] == [first, second]


@pytest.mark.parametrize("text", ["nonsense", "gpt-4o~high", "=1+1", "~" * 11, "x" * 9000])
def test_a_broken_address_is_told_and_the_defaults_stand(data_dir, text):
    at = opened({"s": text})
    assert "1,000 pictures a month with gpt-4o" in said(at)
    assert "cannot be read" in said(at)


def test_scenarios_are_saved_for_everybody(data_dir):
    at = opened()
    at.text_input(key="estimate.name").set_value("Invoices").run()
    at.button(key="estimate.save").click().run()
    assert not at.exception
    other = opened()
    assert "Invoices" in other.selectbox(key="estimate.saved").options
    other.button(key="estimate.saved_beside").click().run()
    assert "Invoices" in other.dataframe[1].value.columns
    other.button(key="estimate.saved_delete").click().run()
    assert json.loads((data_dir / "scenarios.json").read_text()) == []


def test_a_spoiled_file_of_scenarios_does_not_take_the_page_along(data_dir):
    (data_dir / "scenarios.json").write_text("{")
    at = opened()
    assert "scenarios.json" in said(at)
    assert "cost about" in said(at)


def test_the_guides_examples_stand_beside_what_is_billed(data_dir):
    at = opened()
    months = at.dataframe[1].value
    assert list(months["month_printed"]) == [840, 675, 1320, 264]
    assert list(months["month_billed"].round(2)) == [212.70, 119.10, 425.40, 21.27]
    at.button(key="estimate.examples_beside").click().run()
    assert len(at.dataframe[1].value.columns) == 6
    assert "$778.47" in said(at)


def test_the_guides_own_estimate_can_be_shown(data_dir):
    at = opened()
    at.toggle(key="estimate.guide").set_value(True).run()
    values = {metric.label: metric.value for metric in at.metric}
    assert values["The guide's estimate"] == "$28.50"


def test_a_budget_names_the_cheapest_model_and_the_sizes(data_dir):
    at = opened()
    at.selectbox(key="estimate.sizes").set_value("1920x1080").run()
    at.number_input(key="estimate.budget").set_value(8.0).run()
    assert "965 pictures a month" in said(at)
    assert "Cheapest model: gpt-5-nano" in said(at)
    assert "Largest size that fits: 1024×576 with $7.44" in said(at)
    assert "Cheapest size with this model: 910×512" in said(at)


def test_a_rate_shows_yuan_beside_dollars(data_dir):
    at = opened()
    at.number_input(key="estimate.cny").set_value(7.1).run()
    assert "$7.44 (¥52.82)" in said(at)


def test_a_task_fills_in_its_prompt_and_answer(data_dir):
    at = opened()
    at.selectbox(key="estimate.task").set_value("receipt").run()
    assert not at.exception
    assert at.number_input(key="estimate.prompt_tokens").value > 100
    assert at.number_input(key="estimate.output_limit_tokens").value == 1500


def test_a_model_of_the_users_own_is_marked(data_dir):
    (data_dir / "models.toml").write_text(
        '[models."my-relay"]\nimage_rule = "gpt-4o"\n'
        "price.standard = { input = 5.00, output = 20.00 }\n"
    )
    at = opened()
    at.selectbox(key="estimate.model").set_value("my-relay").run()
    assert "my-relay cost about **$14.88**" in said(at)
    assert any("my-relay ✎" in each for each in figures(at)[0]["layout"]["yaxis"]["ticktext"])


def test_a_spoiled_file_of_models_is_told(data_dir):
    at = opened()
    (data_dir / "models.toml").write_text("[models")
    at.run()
    assert "models.toml" in said(at)
    assert "cost about" in said(at)


def test_the_drift_of_bills_is_told_and_corrects(data_dir):
    opened()
    planned = PlannedCall("page", "describe", "gpt-4o", "openai", "high", "key", 1000)
    billed = CallRecord(
        planned,
        CallStatus.SUCCEEDED,
        Cost(None, CostBasis.UNKNOWN),
        usage=TokenUsage(1100, 5),
    )
    for _ in range(10):
        workbench().ledger.record(billed)
    st.cache_data.clear()
    at = opened()
    assert "median +10.0%" in said(at)
    assert "**$7.68**" in said(at)  # 976 input tokens and a tenth more


def test_the_vendor_is_asked_only_where_it_counts(data_dir, monkeypatch):
    assert not [b for b in opened().button if b.key == "estimate.check"]
    shut_down()
    forget("settings")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")

    class Counting(FakeEngine):
        async def count_input_tokens(self, call):
            return 980

    at = opened()
    assert not [b for b in at.button if b.key == "estimate.check"] or hasattr(
        workbench().engine, "count_input_tokens"
    )
    workbench().client.engine = Counting()
    at.run()
    at.button(key="estimate.check").click().run()
    assert not at.exception
    assert "980" in "\n".join(each.value for each in (*at.success, *at.warning))


def test_the_page_speaks_chinese(data_dir, monkeypatch):
    monkeypatch.setenv("TESSERA_LANG", "zh_CN")
    at = opened()
    assert "估算" in {title.value for title in at.title}
