"""The Analyze page as a visitor sees it."""

import time

import pytest

from tests import upstream
from ui.resources import workbench

WAIT_S = 60


def text_of(at):
    """Everything that is written on the page."""
    kinds = ("title", "markdown", "caption", "subheader", "error", "warning", "info", "text")
    return "\n".join(str(element.value) for kind in kinds for element in at.get(kind))


def run_id_of(at):
    """The run that the address names."""
    value = at.query_params["run"]
    return value if isinstance(value, str) else value[0]


def ask(at):
    """Press the button and look again until the run has ended."""
    at.button(key="analyze.go").click().run()
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        items = workbench().runs.items(run_id_of(at))
        if items and all(item.state.is_final for item in items):
            return items
        time.sleep(0.05)  # the engine works in another thread
    raise AssertionError("the run did not end")


def test_an_empty_page_says_what_to_do(open_app):
    at = open_app()
    assert not at.exception
    assert at.title[0].value == "Analyze"
    assert "Try one of these" in text_of(at)
    assert at.button(key="analyze.go").disabled


def test_the_price_is_named_before_the_question(open_app, use_upstream):
    use_upstream(upstream.fine)
    at = open_app(samples=("receipt",))
    assert not at.exception
    assert "≈ \\$0.0" in text_of(at)
    assert "input tokens" in text_of(at)
    assert workbench().metrics.measure().requests == 0


def test_the_embedded_engine_names_its_price_and_what_gpt_4o_would_charge(open_app):
    written = text_of(open_app(samples=("receipt",)))
    assert "**Free.**" in written
    assert "gpt-4o would charge about" in written


@pytest.mark.slow
def test_a_receipt_is_read_without_key_and_network(open_app):
    at = open_app(samples=("receipt",))
    at.selectbox(key="analyze.task.en").set_value("receipt").run()
    (item,) = ask(at)
    assert item.outcome.data["total"] == 20.3
    at.run()
    assert not at.exception
    assert "SAMPLE CORNER CAFE" in [field.value for field in at.text_input]


def test_a_correction_is_kept(open_app, use_upstream):
    use_upstream(upstream.fine)
    at = open_app(samples=("receipt",))
    at.selectbox(key="analyze.task.en").set_value("custom").run()
    at.text_area(key="analyze.own_prompt").set_value("Read the total.").run()
    schema = '{"type":"object","properties":{"total":{"type":"number"}}}'
    at.text_area(key="analyze.own_schema").set_value(schema).run()
    ask(at)
    at.run()
    (total,) = [field for field in at.text_input if field.label == "Total"]
    assert total.value == "12.5"
    total.set_value("13").run()
    assert workbench().runs.items(run_id_of(at))[0].corrected == {"total": 13}
    assert "Corrected by you: 1" in [expander.label for expander in at.expander]


@pytest.mark.parametrize(
    ("fault", "code", "advice"),
    [
        (upstream.quota, "API003", "What to do"),
        (upstream.key_echoed, "API001", "What to do"),
        (upstream.length, "CNT003", "What to do"),
        (upstream.refusal, "CNT004", "What to do"),
    ],
)
def test_a_failure_is_a_diagnosis_and_never_a_traceback(
    open_app, use_upstream, fault, code, advice
):
    use_upstream(fault)
    at = open_app(samples=("lake",))
    ask(at)
    at.run()
    written = text_of(at)
    assert code in written
    assert advice in written
    assert not at.exception
    assert "canary" not in written
    assert "Traceback" not in written


def test_results_are_still_there_after_another_page(open_app, use_upstream):
    use_upstream(upstream.fine)
    at = open_app(samples=("lake",))
    ask(at)
    at.switch_page("pages/system.py").run()
    at.switch_page("pages/analyze.py").run()
    assert "1 of 1 done" in text_of(at)


def test_a_link_with_the_run_shows_it_in_a_fresh_session(open_app, use_upstream):
    use_upstream(upstream.fine)
    first = open_app(samples=("lake",))
    ask(first)
    second = open_app()
    second.query_params["run"] = run_id_of(first)
    second.run()
    assert "1 of 1 done" in text_of(second)


def test_an_unknown_run_is_said_to_be_gone(open_app):
    at = open_app()
    at.query_params["run"] = "nobody-knows-this"
    at.run()
    assert "no longer kept" in text_of(at)


def test_one_bad_answer_does_not_stop_the_others(open_app, use_upstream):
    async def first_is_refused(exchange) -> None:
        is_first = len(exchange.upstream.requests) == 1
        await (upstream.refusal if is_first else upstream.fine)(exchange)

    use_upstream(first_is_refused)
    at = open_app(samples=("lake", "chart", "invoice"))
    items = ask(at)
    assert sorted(item.state for item in items) == ["failed", "succeeded", "succeeded"]


def test_asking_again_without_the_cache_pays_again(open_app, use_upstream):
    server = use_upstream(upstream.fine)
    at = open_app(samples=("lake",))
    ask(at)
    ask(at)
    assert len(server.paid) == 1
    at.run()
    (again,) = [b for b in at.button if b.label == "Run again without cache"]
    again.click().run()
    deadline = time.monotonic() + WAIT_S
    while len(server.paid) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(server.paid) == 2


def test_a_custom_question_needs_words(open_app):
    at = open_app(samples=("lake",))
    at.selectbox(key="analyze.task.en").set_value("custom").run()
    assert at.button(key="analyze.go").disabled


def test_a_bad_schema_is_explained(open_app):
    at = open_app(samples=("lake",))
    at.selectbox(key="analyze.task.en").set_value("custom").run()
    at.text_area(key="analyze.own_prompt").set_value("What is it?").run()
    at.text_area(key="analyze.own_schema").set_value("{not json").run()
    assert "CFG002" in text_of(at)
    assert "What was entered cannot be used" in text_of(at)
    assert at.button(key="analyze.go").disabled


def test_a_smaller_picture_is_offered_with_its_saving_and_sent_when_chosen(open_app, use_upstream):
    server = use_upstream(upstream.fine)
    at = open_app(samples=("lake",))
    size = at.selectbox(key="analyze.size.en")
    assert size.value == ""
    assert "less" in size.options[1]
    before = [line.value for line in at.markdown if "≈" in line.value]
    size.select_index(1).run()
    assert [line.value for line in at.markdown if "≈" in line.value] != before
    (item,) = ask(at)
    chosen = item.question.max_size
    assert (item.sent.width_px, item.sent.height_px) == chosen
    assert len(server.paid) == 1
