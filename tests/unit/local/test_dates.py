"""Dates in running text."""

from datetime import date

import pytest

from core.local.fields.dates import document_date, find_dates
from tests.unit.local.texts import rows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Date: 2024-05-06", date(2024, 5, 6)),
        ("2024/5/6 10:00", date(2024, 5, 6)),
        ("开票日期：2024年05月06日", date(2024, 5, 6)),
        ("二〇二四年三月二十一日", date(2024, 3, 21)),
        ("签于二〇二三年十二月十日", date(2023, 12, 10)),
        ("21/03/2018", date(2018, 3, 21)),
        ("21.03.18", date(2018, 3, 21)),
        ("21-03-201809:15:00", date(2018, 3, 21)),
        ("12/13/2016 9:52 AM", date(2016, 12, 13)),
        ("14 Mar 2018 18:40", date(2018, 3, 14)),
        ("14-MAR-18", date(2018, 3, 14)),
        ("7. Mai 2014", date(2014, 5, 7)),
        ("19 april 2014", date(2014, 4, 19)),
        ("August 3 , 2014", date(2014, 8, 3)),
        ("March 1st, 2020", date(2020, 3, 1)),
        ("01/02/99", date(1999, 2, 1)),
        ("Date : 25 -12-2018", date(2018, 12, 25)),
        ("25-12-18/14:20", date(2018, 12, 25)),
        ("25/12/18TIME:20:20", date(2018, 12, 25)),
        ("25DEC 2018 18:09", date(2018, 12, 25)),
        ("Dec-25-2018", date(2018, 12, 25)),
    ],
)
def test_dates_are_read_in_many_spellings(text, expected):
    assert [found.value for found in find_dates(rows(text))] == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "TEL 03-1234 5678",
        "31/02/2018",
        "GST 001234567890",
        "192.168.10.1.5",
        "1851-A & 1851-B",
        "10-20-30-40",
        "version 1.2.3",
        "2018-13-45",
    ],
)
def test_other_numbers_are_no_dates(text):
    assert find_dates(rows(text)) == ()


def test_days_come_first_and_the_other_reading_is_kept():
    found = document_date(rows("Date 05/01/2018"))

    assert (found.value, found.alternatives) == (date(2018, 1, 5), (date(2018, 5, 1),))
    assert "2018-05-01" in str(found.note)


def test_a_certain_date_on_the_page_decides_the_order():
    found = find_dates(rows("Ordered 12/25/2018\nShipped 01/05/2019"))

    assert [item.value for item in found] == [date(2018, 12, 25), date(2019, 1, 5)]
    assert found[1].alternatives == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Due date 30/04/2018\nInvoice date 31/03/2018", date(2018, 3, 31)),
        ("交货日期：2024年6月1日\n签订日期：2024年5月6日", date(2024, 5, 6)),
        ("15/01/2018 10:00\n16/01/2018", date(2018, 1, 15)),
    ],
)
def test_the_date_of_the_document_goes_before_others(text, expected):
    found = document_date(rows(text))

    assert found.value == expected
    assert len(found.alternatives) == 1


def test_a_page_without_dates_has_none():
    assert document_date(rows("hello")) is None
