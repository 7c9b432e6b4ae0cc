"""The Live metrics page: numbers of the ledger, filters in the address, alerts, calls in full."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from streamlit.testing.v1 import AppTest

from core.alerts import DEFAULT_RULES, AlertKind, Rule
from core.cli_analyze import AskOptions, asked_about
from core.images.manifest import ItemOverrides
from core.metrics import Filters
from core.samples import SAMPLES
from core.store.calls import CallRecord, CallStatus, PlannedCall
from core.types import Cost, CostBasis, ImageSource, TokenUsage
from tests.pages.conftest import WAIT_S
from tests.pages.test_analyze import ask
from tests.pages.test_other_pages import text_of
from tests.unit.images.drawings import pdf
from tests.upstream import fine
from ui.live.calls import _opened
from ui.live.downloads import _calls, _html, _markdown, _steps
from ui.live.frame import View
from ui.resources import runtime, workbench


def record(count=1, usd="0.25", *, model="gpt-4o", status=CallStatus.SUCCEEDED, code=None, **more):
    for number in range(count):
        key = f"key-{number}"
        planned = PlannedCall("batch", "describe", model, "openai", "high", key, **more)
        call = CallRecord(
            planned,
            status,
            Cost(Decimal(usd), CostBasis.MEASURED),
            code=code,
            usage=TokenUsage(300, 8),
            latency_s=1.5,
        )
        workbench().ledger.record(call)


def tiles(at):
    return {tile.label: tile.value for tile in at.metric}


def plots(at):
    """Return what the browser is given to draw, by heading."""
    protos = (each.proto for each in at.get("bidi_component"))
    (data,) = (json.loads(p.json) for p in protos if p.component_name.endswith("plots"))
    shown = json.loads(data["plots"])["plots"] if data["plots"] else []
    return {plot["title"]: plot for plot in shown}


def total(plot, name):
    (trace,) = (each for each in plot["traces"] if each["name"] == name)
    return sum(value or 0 for value in trace["values"])


def open_live(open_app, **parameters):
    at = open_app()
    for name, value in parameters.items():
        at.query_params[f"live.{name}"] = value
    return at.switch_page("pages/metrics.py").run()


def test_the_tiles_say_what_the_ledger_says(open_app):
    record(18)
    record(2, status=CallStatus.FAILED, code="API006")
    at = open_live(open_app)
    assert not at.exception
    shown = tiles(at)
    assert shown["Requests"] == "20"
    assert shown["Success rate"] == "90.0%"
    assert shown["Response time (p95)"] == "1.5 s"
    assert shown["Cost"] == "$5.00"
    assert shown["Tokens"] == "6,160"
    assert shown["In flight"] == "0"
    assert len(at.dataframe[0].value) == 20
    drawn = plots(at)
    assert len(drawn) == 6
    assert all(plot["traces"] for plot in drawn.values())
    assert total(drawn["Requests by outcome"], "answered") == 18
    assert total(drawn["Requests by outcome"], "failed") == 2
    assert total(drawn["Cost by model"], "gpt-4o") == 5
    assert total(drawn["Tokens"], "input") == 6_000
    assert total(drawn["Errors by code"], "API006") == 2


@pytest.mark.parametrize(
    ("recorded", "title", "said"),
    [
        ({}, "Errors by code", "Nothing failed in this time."),
        ({"usd": "0"}, "Cost by model", "Nothing is known to have cost anything in this time."),
        (
            {"lane": "batch"},
            "Response times",
            "No response time is known: only what a model answers at once is timed.",
        ),
    ],
)
def test_words_stand_where_there_is_nothing_to_draw(open_app, recorded, title, said):
    record(**recorded)
    plot = plots(open_live(open_app))[title]
    assert plot["traces"] == []
    assert plot["without"] == said


def test_nothing_is_drawn_of_nothing(open_app):
    at = open_live(open_app)
    assert plots(at) == {}
    assert "No request was made in this time." in text_of(at)


def test_a_tile_draws_nothing_that_is_not_known(open_app):
    record(status=CallStatus.FAILED, code="API006")
    at = open_live(open_app)
    drawn = {tile.label: list(tile.proto.chart_data) for tile in at.metric}
    assert tiles(at)["Response time (p95)"] == "unknown"
    assert drawn["Response time (p95)"] == []
    assert drawn["Success rate"] == [0.0]


def test_answers_that_are_held_are_counted(open_app):
    record(3, code="CNT008")
    record(2)
    at = open_live(open_app)
    assert "Held for a person to look at: 3." in text_of(at)
    assert tiles(at)["Success rate"] == "100.0%"
    assert list(at.dataframe[0].value["Result"]) == [*["answered"] * 2, *["held: CNT008"] * 3]


def test_filters_come_from_the_address_and_count_everywhere(open_app):
    record(3, model="gpt-4o")
    record(2, model="gpt-4.1")
    at = open_live(open_app, model="gpt-4.1", window="24h")
    assert not at.exception
    assert tiles(at)["Requests"] == "2"
    assert set(at.dataframe[0].value["Model"]) == {"gpt-4.1"}
    assert at.button_group(key="live.window").value == "24h"


def test_a_chosen_filter_goes_into_the_address_and_is_counted(open_app):
    record(3, model="gpt-4o")
    record(2, model="gpt-4.1")
    at = open_live(open_app)
    at.selectbox(key="live.model.en").set_value("gpt-4.1").run()
    assert tiles(at)["Requests"] == "2"
    assert at.query_params["live.model"] == "gpt-4.1"
    assert "Filters: 1" in [popover.proto.popover.label for popover in at.get("popover")]
    at.selectbox(key="live.model.en").set_value("").run()
    assert tiles(at)["Requests"] == "5"
    assert "live.model" not in at.query_params


@pytest.mark.parametrize("window", ["", "1 hour", "<script>"])
def test_an_address_that_makes_no_sense_shows_the_usual_window(open_app, window):
    record()
    at = open_live(open_app, window=window)
    assert not at.exception
    assert at.button_group(key="live.window").value == "1h"


def test_new_calls_are_drawn_and_unchanged_ones_are_not_measured_again(open_app):
    record()
    at = open_live(open_app)
    first = workbench().metrics.last_id()
    assert tiles(at.run())["Requests"] == "1"
    record()
    assert workbench().metrics.last_id() == first + 1
    assert tiles(at.run())["Requests"] == "2"


def test_an_alert_is_on_the_page_until_it_clears(open_app):
    record(1, "101")
    workbench().alerts.look()
    at = open_live(open_app)
    assert "101.00 USD were spent in 24 hours; 100 are allowed." in text_of(at)
    assert "still active" in list(at.dataframe[-1].value["Cleared"])


def thresholds():
    """Return the form alone: AppTest closes a dialog when the script runs again."""

    def script():
        from ui.live.alerts import _edit_rules

        _edit_rules()

    return AppTest.from_function(script, default_timeout=WAIT_S).run()


def test_thresholds_are_set_on_the_page_and_count_at_once(open_app):
    record(1, "6")
    at = open_live(open_app)
    at.button(key="live.thresholds").click().run()
    assert at.number_input(key="live.rule.cost").value == 100
    form = thresholds()
    form.number_input(key="live.rule.cost").set_value(5.0)
    form.toggle(key="live.on.drift").set_value(False)
    form.button[0].click().run()
    assert not form.exception
    rules = {rule.kind: rule for rule in workbench().alerts.store.rules()}
    assert rules[AlertKind.COST] == Rule(AlertKind.COST, 5.0)
    assert not rules[AlertKind.DRIFT].is_on
    assert rules[AlertKind.SUCCESS] == Rule(AlertKind.SUCCESS, 0.95)
    assert "6.00 USD were spent" in text_of(at.run())


def test_a_senseless_threshold_is_refused():
    form = thresholds()
    assert form.number_input(key="live.rule.success").max == 100
    form.number_input(key="live.rule.cost").set_value(0.0)
    form.button[0].click().run()
    assert "must be a number above 0" in text_of(form)
    assert workbench().alerts.store.rules() == DEFAULT_RULES


def test_the_page_speaks_chinese(open_app):
    record()
    at = open_app("metrics", locale="zh-CN")
    assert not at.exception
    assert "请求数" in tiles(at)


def test_a_call_of_the_analyze_page_is_found_with_picture_and_answer(open_app, use_upstream):
    use_upstream(fine)
    ask(open_app(samples=("lake",)))
    (row,) = workbench().metrics.latest(1)
    opened = _opened(row.id, row.id + 1)
    assert opened.kept.sent
    assert opened.kept.outcome.text
    assert not opened.kept.is_cached
    assert [each.id for each in opened.attempts] == [row.id]
    at = open_live(open_app)
    at.session_state["_tessera_live"].open_call = opened
    at.run()
    assert not at.exception
    assert f"Call {row.id}" in text_of(at)
    at.button(key="live.close").click().run()
    assert f"Call {row.id}" not in text_of(at)


LAKE = SAMPLES["lake"].path


def asked_by_command_line(prompt=None):
    """Ask about a sample as the command line does; return the call, opened."""
    bench = workbench()
    options = AskOptions(None, prompt, bench.settings.model, None, None, True, "en")
    source = ImageSource("lake", LAKE.read_bytes())
    request = asked_about(source, options, ItemOverrides()).request
    runtime().run(bench.client.analyze(request, front_end="cli"), WAIT_S)
    (row,) = bench.metrics.latest(1)
    return row


def shown(at, opened):
    at.session_state["_tessera_live"].open_call = opened
    at.run()
    assert not at.exception
    return text_of(at)


def test_a_call_of_the_command_line_is_found_in_the_cache(open_app, use_upstream):
    use_upstream(fine)
    row = asked_by_command_line()
    at = open_live(open_app)
    opened = _opened(row.id, row.id + 1)
    assert opened.kept.is_cached
    told = shown(at, opened)
    assert "From the result cache" in told
    assert "The command line leaves no pictures here." in told
    assert "asked by: Command line" in told

    workbench().cache.clear()
    told = shown(at, _opened(row.id, row.id + 1))
    assert "The answer of this call is no longer in the cache." in told


def test_its_picture_is_shown_where_the_same_one_was_uploaded(open_app, use_upstream):
    use_upstream(fine)
    workbench().originals.put(LAKE.read_bytes())
    row = asked_by_command_line()
    sent = _opened(row.id, row.id + 1).kept.sent
    assert sent.width_px > 100
    assert workbench().sent.get(sent.digest)


def test_another_question_about_a_picture_is_not_taken_for_this_one(open_app, use_upstream):
    use_upstream(fine)
    ask(open_app(samples=("lake",)))
    row = asked_by_command_line("How deep is it?")
    workbench().cache.clear()
    assert _opened(row.id, row.id + 1).kept.outcome is None


def test_a_page_of_a_pdf_is_not_guessed(open_app, use_upstream):
    planned = asked_by_command_line().call.planned
    digest = workbench().originals.put(pdf(3))
    workbench().ledger.record(
        CallRecord(
            replace(planned, source_digest=digest, request_key="gone"),
            CallStatus.FAILED,
            Cost(None, CostBasis.UNKNOWN),
            code="API006",
        )
    )
    (row,) = workbench().metrics.latest(1)
    opened = _opened(row.id, row.id + 1)
    assert opened.kept.sent is None
    assert "API006" in shown(open_live(open_app), opened)


def test_downloads_hold_what_is_looked_at(open_app):
    record(3)
    record(2, model="gpt-4.1")
    open_live(open_app)
    view = View("1h", Filters(model="gpt-4.1"))
    assert "Requests: 2" in _markdown(view, "en", "UTC")
    assert "<td>gpt-4.1</td>" in _html(view, "en", "UTC")
    assert len(_calls(view, "en", "UTC").splitlines()) == 3
    steps = _steps(view, "en", "UTC").splitlines()
    assert sum(int(line.split(",")[1].strip('"')) for line in steps[1:]) == 2
