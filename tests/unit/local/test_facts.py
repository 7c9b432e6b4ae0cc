"""Facts of a page put together."""

import pytest

from core.local.facts import page_facts
from core.local.lines import Reading, TextLine, reading_of_text
from tests.unit.local.texts import looks


def test_an_empty_page_has_no_facts():
    page = page_facts(Reading(()), looks())

    assert (page.rows, page.kinds, page.notes, page.mean_score) == ((), (), (), None)
    assert (page.fields.total, page.fields.date, page.fields.items) == (None, None, ())


def test_doubtful_reading_is_said():
    page = page_facts(Reading((TextLine("Total 9.90", 0.6),)), looks(sharpness=10.0))

    assert [str(note)[:24] for note in page.notes] == [
        "The picture is blurred: ",
        "The text was read with l",
    ]


@pytest.mark.parametrize("unit", ["a", "1", "公", "1 x ", "12-12-", "公司", "total ", "( "])
def test_a_hostile_line_is_judged_by_its_beginning_only(unit):
    line = unit * (100_000 // len(unit))

    page = page_facts(reading_of_text(line), looks(), given_text=True)  # without the bound: hours

    assert page.rows[0].text == line.strip()
