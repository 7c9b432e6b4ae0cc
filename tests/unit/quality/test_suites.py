"""Tests of core/quality/suites.py: what is read, and how a mistake is told."""

from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import InputNotUsableError
from core.quality.suites import BUILTIN, load_suite, suite_files
from core.quality.types import (
    AnswersWithin,
    Contains,
    CostsAtMost,
    FailsWith,
    FieldEquals,
    FieldWithin,
    FitsSchema,
    Matches,
)
from core.types import Detail

WHOLE = """\
suite: Everything
cases:
  - id: one
    title: The first
    image: pictures/a.png
    task: receipt
    prompt: What is on it?
    detail: low
    max_output_tokens: 50
    expect:
      contains: [Yes]
      regex: "\\\\d+"
      json: {date: 2026-03-14, "items[0].name": Shelf, tax: null}
      number: {total: [1, 2.5]}
      schema_valid: true
      max_latency_s: 3
      max_cost_usd: 0.01
  - id: two
    image: https://example.com/a.png
    prompt: What is on it?
    schema: {title: Colour, type: object, properties: {name: {type: string}}, required: [name]}
    expect: {fails_with: IMG003}
"""


def write(folder, text):
    file = folder / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_suite_is_read_whole(tmp_path):
    suite = load_suite(write(tmp_path, WHOLE.replace("[Yes]", "['Yes']")))
    one, two = suite.cases
    assert (suite.name, one.title, two.title) == ("Everything", "The first", "two")
    assert (one.image, two.image) == (
        str(tmp_path / "pictures/a.png"),
        "https://example.com/a.png",
    )
    assert (one.task, one.detail, one.max_output_tokens) == ("receipt", Detail.LOW, 50)
    assert one.expectations == (
        Contains(("Yes",)),
        Matches(r"\d+"),
        FieldEquals("date", "2026-03-14"),
        FieldEquals("items[0].name", "Shelf"),
        FieldEquals("tax", None),
        FieldWithin("total", 1, 2.5),
        FitsSchema(),
        AnswersWithin(3),
        CostsAtMost(Decimal("0.01")),
    )
    assert (two.task, two.schema.name) == ("custom", "Colour")
    assert two.expectations == (FailsWith("IMG003"),)


def case(**lines):
    """Return a suite whose second case has these lines in place of its own."""
    usual = {"id": "b", "image": "a.png", "prompt": "What?", "expect": "{schema_valid: true}"}
    both = "".join(f"    {name}: {text}\n" for name, text in (usual | lines).items())
    first = "  - {id: a, image: a.png, prompt: 'What?', expect: {contains: [x]}}\n"
    return f"suite: S\ncases:\n{first}  -\n{both}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (case(expect="{contain: [x]}"), "line 8, case b: Additional properties"),
        (case(expect="{contains: [no]}"), "line 8, case b: False is not of type 'string'"),
        (case(expect="{}"), "line 8, case b: {} should be non-empty"),
        (case(task="paint"), "case b: 'paint' is not one of"),
        (case(id="a"), "line 5, case a: Another case has the id a."),
        (case(id='"b c"'), "line 5, case b c: 'b c' does not match"),
        (case(expect='{regex: "(a"}'), "case b: (a is no regular expression"),
        (case(expect=f"{{regex: {'a' * 501}}}"), "A pattern may have 500 characters"),
        (case(expect="{json: {a..b: 1}}"), "case b: a..b is no path"),
        (case(expect="{number: {total: [2, 1]}}"), "no number lies between 2 and 1"),
        (case(expect="{number: {total: 2}}"), "2 is not of type 'array'"),
        (case(expect="{fails_with: XYZ001}"), "There is no diagnosis code XYZ001"),
        (case(schema="{type: string}"), "The schema must describe an object"),
        (case(prompt='" "'), "Write what you want to know"),
        ("suite: S\n", "line 1: 'cases' is a required property"),
        ("- a\n", "line 1: ['a'] is not of type 'object'"),
        ("", "cannot be read: empty"),
        ("suite: [", "cannot be read: line 1, column 9: "),
        ("suite: S\nsuite: T\n", "line 2, column 1"),
        ("suite: &name S\ncases: *name\n", "line 2, column 8: *name"),
        ("suite: !!python/object/apply:os.getpid []\n", "could not determine a constructor"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path, text, words):
    with pytest.raises(InputNotUsableError) as caught:
        load_suite(write(tmp_path, text))
    assert "mine.yaml" in str(caught.value)
    assert words in str(caught.value)


def test_a_file_that_is_missing_large_or_no_text_is_refused(tmp_path):
    for file in (tmp_path / "gone.yaml", write(tmp_path, "# " + "x" * 600_000)):
        with pytest.raises(InputNotUsableError, match="cannot be read"):
            load_suite(file)
    (tmp_path / "mine.yaml").write_bytes(b"\xff\xfe\x00 suite")
    with pytest.raises(InputNotUsableError, match="cannot be read"):
        load_suite(tmp_path / "mine.yaml")


def test_suites_of_a_team_stand_behind_those_that_came_along(tmp_path):
    (tmp_path / "quality").mkdir()
    (tmp_path / "quality" / "own.yaml").write_text(case())
    files = suite_files(tmp_path)
    assert [file.is_builtin for file in files] == [True] * (len(files) - 1) + [False]
    assert files[0].path.parent == BUILTIN


def test_the_suite_that_came_along_has_the_guides_four_cases():
    suite = load_suite(BUILTIN / "guide.yaml")
    assert [each.id for each in suite.cases] == ["basic", "complex", "broken-address", "large"]


def test_the_suite_that_the_documentation_shows_can_be_read(tmp_path):
    page = Path(__file__).resolve().parents[3] / "docs" / "quality.md"
    shown = page.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    assert [case.id for case in load_suite(write(tmp_path, shown)).cases] == [
        "corner-cafe",
        "not-a-picture",
    ]
