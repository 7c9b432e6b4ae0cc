"""Tests of `python -m core qa`: what it prints, and how it ends."""

import json

import pytest

from core.cli import main
from tests import upstream as faults
from tests.serving import serving

SUITE = """\
suite: Own
cases:
  - id: sum
    image: red.png
    prompt: What is the total?
    expect: {contains: ["%s"]}
  - id: gone
    image: gone.png
    prompt: What is it?
    expect: {fails_with: IMG003}
"""


@pytest.fixture
def suite(tmp_path):
    """Write a suite that wants a text in the answer, beside its picture."""
    from core.api_checks import red_picture

    (tmp_path / "red.png").write_bytes(red_picture().data)

    def write(text="12.5"):
        file = tmp_path / "own.yaml"
        file.write_text(SUITE % text)
        return str(file)

    return write


@pytest.fixture
def run(capsys, monkeypatch):
    def run(*arguments, fault=faults.fine):
        with serving(fault) as server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
            monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789abcdef")
            code = main(["qa", *arguments])
        return code, *capsys.readouterr()

    return run


def test_all_passed_ends_with_0(run, suite):
    code, out, err = run(suite(), "--compare", "last")  # there is none: nothing to compare with
    assert code == 0
    assert "Passed: 2, failed: 0, cost: $0.000830." in out
    assert err.startswith("Own: 2 questions, expected cost $0.00")
    assert "past the cache" in err


def test_a_failed_case_ends_with_1_and_says_why(run, suite):
    code, out, _ = run(suite("13.5"))
    assert code == 1
    assert "sum: Does not contain “13.5”." in out


@pytest.mark.parametrize("fault", [faults.key_echoed, faults.quota])
def test_a_refused_key_or_no_money_ends_with_3(run, suite, fault):
    code, out, err = run(suite(), fault=fault)
    assert code == 3
    assert "canary" not in out + err


def test_a_suite_that_cannot_be_read_ends_with_2(run, suite, tmp_path):
    (tmp_path / "own.yaml").write_text("suite: x")
    code, _, err = run(str(tmp_path / "own.yaml"))
    assert code == 2
    assert "own.yaml, line 1: 'cases' is a required property" in err


def test_runs_are_compared(run, suite):
    code, out, _ = run(suite(), "--json")
    before = json.loads(out)["runs"][0]
    assert code == 0
    code, out, _ = run(suite("13.5"), "--compare", before["id"], "--json")
    assert code == 1
    (comparison,) = json.loads(out)["comparisons"]
    assert (comparison["before"], comparison["broken"], comparison["fixed"]) == (before["id"], 1, 0)
    assert {case["id"]: case["change"] for case in comparison["cases"]} == {
        "sum": "broken",
        "gone": "still_passes",
    }
    _, out, _ = run(suite(), "--compare", "last", "--model", "gpt-4.1")
    assert "sum: failed before, passes now" in out


def test_another_question_and_detail_are_compared_with_the_suites_own(run, suite):
    run(suite())
    options = ("--prompt", "How much is it?", "--detail", "low", "--compare", "last")
    code, out, _ = run(suite(), *options, "--json")
    assert code == 0
    sum_case = json.loads(out)["comparisons"][0]["cases"][0]
    assert sum_case["settings"] == ["prompt", "detail"]


def test_an_earlier_run_that_is_not_there_ends_with_2(run, suite):
    code, _, err = run(suite(), "--compare", "none")
    assert code == 2
    assert "There is no earlier run none" in err
