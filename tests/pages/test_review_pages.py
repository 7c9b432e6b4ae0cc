"""Held answers, offered words and explained codes as a visitor sees them."""

import time

import pytest

from core.batch import BatchState
from core.images.intake import Accepted
from core.runs import Question
from core.types import Detail, ImageSource, Sampling
from tests import upstream
from tests.pages.test_batch import png
from ui.resources import runtime, workbench

WAIT_S = 60
LONG = "The lake lies between two wooded hills under a clear evening sky. " * 5
QUESTION = Question(
    "describe", "What is this?", "Be honest.", "gpt-4o", Detail.LOW, Sampling(300, 0.1)
)


async def always_the_same(exchange):
    await exchange.complete({"content": LONG})


async def refused_unless_objective(exchange):
    asked = str(exchange.body["messages"])
    if "factually" in asked:
        await exchange.complete({"content": "A red square."})
    else:
        await upstream.refusal(exchange)


def text_of(at):
    kinds = ("title", "markdown", "caption", "subheader", "error", "warning", "info", "code")
    return "\n".join(str(element.value) for kind in kinds for element in at.get(kind))


def button(at, label):
    return next(each for each in at.button if each.label == label)


def run_of(at):
    found = at.query_params["run"]
    return found if isinstance(found, str) else found[0]


def finished(at):
    for _ in range(200):
        items = workbench().runs.items(run_of(at))
        if items and all(item.state.is_final for item in items):
            return at.run()
        time.sleep(0.05)  # the work goes on in another thread
        at.run()
    pytest.fail("the run did not end")


def run_batch(count):
    found = [Accepted(ImageSource(f"{n}.png", png(n))) for n in range(count)]
    batches = workbench().batches
    batch_id = runtime().run(batches.create("Shelves", found, QUESTION), WAIT_S)
    runtime().run(batches.start(batch_id), WAIT_S)
    runtime().run(batches.wait(), WAIT_S)
    return batch_id


def open_batch(open_app, batch_id):
    at = open_app()
    at.query_params["batch"] = batch_id
    return at.switch_page("pages/batch.py").run()


def test_analyze_holds_the_same_answer_until_a_person_accepts_it(open_app, use_upstream):
    use_upstream(always_the_same)
    at = open_app(samples=("invoice", "lake"))
    at = finished(at.button(key="analyze.go").click().run())
    run_id = run_of(at)
    runtime().run(workbench().runs.stop(run_id), WAIT_S)
    at.run()
    assert not at.exception
    assert "2 to look at" in text_of(at)
    assert "Different pictures got the same answer." in text_of(at)

    button(at, "Looks right").click().run()
    assert not at.exception
    assert "1 to look at" in text_of(at)
    assert workbench().runs.items(run_id)[0].outcome.held is None


def test_analyze_offers_a_refused_question_in_other_words(open_app, use_upstream):
    server = use_upstream(refused_unless_objective)
    at = open_app(samples=("lake",))
    at = finished(at.button(key="analyze.go").click().run())
    asked = len(server.requests)
    assert "The same question in more objective words:" in text_of(at)
    assert asked == 1  # nothing was asked by itself

    at = finished(button(at, "Ask like this").click().run())
    assert not at.exception
    assert "A red square." in text_of(at)
    assert len(server.requests) == 2


def test_a_batch_names_its_held_answers_and_lets_a_person_decide(open_app, use_upstream):
    use_upstream(always_the_same)
    at = open_batch(open_app, run_batch(2))
    assert not at.exception
    assert any("<li>To look at<b>2" in html.proto.body for html in at.get("html"))
    assert "Different pictures got the same answer." in text_of(at)
    assert at.toggle(key="batch.include_held").value is False

    button(at, "Show these").click().run()
    assert at.selectbox(key="batch.code").value == "CNT008"

    button(at, "All look right").click().run()
    assert not at.exception
    [progress] = workbench().batches.list_batches()
    assert (progress.held, progress.state) == (0, BatchState.SUCCEEDED)


def test_a_batch_offers_refused_items_in_other_words(open_app, use_upstream):
    use_upstream(refused_unless_objective)
    at = open_batch(open_app, run_batch(2))
    assert "Describe factually" in text_of(at)
    button(at, "Ask like this").click().run()
    runtime().run(workbench().batches.wait(), WAIT_S)
    [progress] = workbench().batches.list_batches()
    assert (progress.failed, progress.succeeded) == (0, 2)


def test_system_explains_a_code_and_says_how_often_it_was_met(open_app, use_upstream):
    use_upstream(upstream.refusal)
    workbench()
    run_batch(2)
    at = open_app()
    at.query_params["code"] = "CNT004"
    at.switch_page("pages/system.py").run()
    assert not at.exception
    written = text_of(at)
    assert "The model declined to answer." in written
    assert "Happened 2× here" in written
    assert "What Tessera does:" in written


def test_system_explains_codes_that_were_never_met(open_app):
    at = open_app("system")
    assert not at.exception
    assert "Nothing went wrong so far." in text_of(at)
    assert "This has not happened here." in text_of(at)
