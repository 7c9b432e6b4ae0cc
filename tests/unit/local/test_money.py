"""Amounts and currencies in running text."""

from decimal import Decimal

import pytest

from core.local.fields.money import amounts_in, currency_note, find_amounts, find_currency
from tests.unit.local.texts import rows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Total RM 5.90", ["5.90"]),
        ("1,234.50 and 1.234,50 and 5,39", ["1234.50", "1234.50", "5.39"]),
        ("Cash -50.00 (GST :8.70)", ["-50.00", "8.70"]),
        ("9.00-", ["-9.00"]),
        ("1708.108540.50", ["1708.10", "8540.50"]),
        ("17.00SR 25.70* .12", ["17.00", "25.70", "0.12"]),
        ("Rs 1939", ["1939"]),
        ("人民币31676.53元", ["31676.53"]),
        ("合计32407.96", ["32407.96"]),
    ],
)
def test_amounts_are_read_as_they_are_written(text, expected):
    assert [str(amount.value) for amount in amounts_in(text) if amount.exact] == expected


@pytest.mark.parametrize(
    "text", ["Tel 03-9201 6281/6920", "6.00%", "26-05-2018 15:16:13", "No 0020070154", "GST @ 6 %"]
)
def test_other_numbers_are_no_money(text):
    assert not any(amount.exact for amount in amounts_in(text))


def test_found_amounts_keep_their_row_and_spelling():
    (found,) = find_amounts(rows("Total | RM 5.90"))

    assert (found.value, found.written, found.row, found.score) == (
        Decimal("5.90"), "RM 5.90", "Total  RM 5.90", 0.9,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Amount (RM)\nTotal 5.90", "MYR"),
        ("€ 12,50", "EUR"),
        ("US$ 5.00", "USD"),
        ("All prices are in US Dollars", "USD"),
        ("价税合计 ¥615.00", "CNY"),
        ("合計 ¥615 です", "JPY"),
        ("合同金额：615.00元", "CNY"),
        ("Total $5.90", None),
        ("¥615.00", None),
        ("Total 5.90", None),
        ("FARM GOODS", None),
    ],
)
def test_a_currency_is_said_only_where_the_page_decides(text, expected):
    found = find_currency(rows(text))

    assert (found and found.value) == expected


def test_a_sign_that_decides_nothing_is_named():
    assert "$" in str(currency_note(rows("Total $5.90")))
    assert currency_note(rows("Total 5.90")) is None
    assert currency_note(rows("Total RM 5.90")) is None
