"""The System page: checks and quality runs, as a person meets them."""

from pathlib import Path

import pytest

from core.api_checks import red_picture
from core.quality.types import Case, Contains, Suite
from tests import upstream as faults
from ui.resources import runtime, workbench

SUITE = """\
suite: Totals
cases:
  - id: sum
    title: The sum
    image: red.png
    prompt: What is the total?
    expect: {contains: ["%s"]}
"""


def text_of(at):
    kinds = ("markdown", "caption", "error", "warning", "info", "success", "text", "code")
    return "\n".join(str(element.value) for kind in kinds for element in at.get(kind))


@pytest.fixture
def own_suite(monkeypatch, tmp_path):
    """Put a suite of a team into the data directory."""
    monkeypatch.setenv("TESSERA_DATA_DIR", str(tmp_path))
    folder = tmp_path / "quality"
    folder.mkdir()
    (folder / "red.png").write_bytes(red_picture().data)

    def write(text):
        (folder / "own.yaml").write_text(SUITE % text)
        return str(folder / "own.yaml")

    return write


def run_suite(text, id_="sum"):
    """Put a suite of one case to the model, as the page would, and wait."""
    case = Case(id_, "The sum", _red_file(), "custom", (Contains((text,)),), prompt="What?")
    quality = workbench().quality

    async def work():
        run_id = await quality.start(Suite("Totals", (case,)), workbench().settings.model)
        await quality.wait(run_id)

    runtime().run(work(), 60)


def _red_file():
    return str(workbench().settings.tessera_data_dir / "quality" / "red.png")


def test_the_checks_of_the_embedded_engine_are_shown(open_app):
    at = open_app("system")
    at.button(key="system.check").click().run()
    assert not at.exception
    said = text_of(at)
    assert "the engine inside Tessera needs no network" in said
    assert "saw that the picture is red" in said
    assert [line.value for line in at.success] == ["No problem was found."]


def test_checks_name_what_is_wrong_and_what_to_do(open_app, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    at = open_app("system")
    at.button(key="system.check").click().run()
    said = text_of(at)
    assert "`NET002`" in said
    assert "Check OPENAI_BASE_URL and the network" in said
    assert "a step before it failed" in said
    assert [line.value for line in at.error] == ["Checks that failed: 1."]


def test_what_costs_is_priced_before_it_is_asked(open_app, use_upstream):
    server = use_upstream(faults.fine)
    at = open_app("system")
    assert at.toggle(key="system.check_paid").value is False
    at.toggle(key="system.check_paid").set_value(True).run()
    assert "expected cost \\$0.00" in text_of(at)
    assert server.requests == []


def test_without_a_run_the_page_says_what_suites_are_for(open_app):
    at = open_app("system")
    assert "No run yet." in text_of(at)
    assert "4 questions, each asked anew" in text_of(at)


def test_a_run_is_started_and_its_result_shown(open_app, use_upstream, own_suite):
    path = own_suite("12.5")
    use_upstream(faults.fine)
    at = open_app("system")
    at.selectbox(key="system.quality.suite.en").set_value(path).run()
    at.button(key="system.quality.run").click().run()
    agree = at.button(key="system.quality.agree")
    assert agree.label.startswith("Run for about \\$0.00")
    agree.click().run()
    runtime().run(_all_done(), 60)
    at.run()
    assert not at.exception
    assert "Contains “12.5”." in text_of(at)
    assert at.metric[0].value == "1 / 1"


def test_a_run_may_ask_another_question_at_another_detail(open_app, use_upstream, own_suite):
    path = own_suite("12.5")
    use_upstream(faults.fine)
    at = open_app("system")
    at.selectbox(key="system.quality.suite.en").set_value(path).run()
    at.selectbox(key="system.quality.detail.en").set_value("low").run()
    at.text_input(key="system.quality.prompt").set_value("How much is it?").run()
    at.button(key="system.quality.run").click().run()
    at.button(key="system.quality.agree").click().run()
    runtime().run(_all_done(), 60)
    quality = workbench().quality
    [result] = quality.progress(quality.latest(1)[0].id).results
    assert (result.prompt, result.detail) == ("How much is it?", "low")


async def _all_done():
    quality = workbench().quality
    while run := quality.under_way():
        await quality.wait(run.id)


def test_two_runs_are_compared(open_app, use_upstream, own_suite):
    own_suite("12.5")
    use_upstream(faults.fine)
    open_app()
    run_suite("12.5")
    run_suite("99")
    at = open_app("system")
    assert not at.exception
    assert "Worse: 1 passed before and fail now." in text_of(at)
    assert "The same answer as before" in text_of(at)


def test_a_suite_with_a_mistake_is_explained_where_it_is_chosen(open_app, own_suite):
    path = own_suite("x")
    Path(path).write_text(Path(path).read_text() + "    detail: sharp\n")
    at = open_app("system")
    at.selectbox(key="system.quality.suite.en").set_value(path).run()
    assert not at.exception
    assert "own.yaml, line 8, case sum" in text_of(at)
