"""Kinds of documents and their outline."""

import pytest

from core.local.fields.kind import find_kinds, find_outline
from core.local.lines import Box, Row, TextLine
from tests.unit.local.texts import CHINESE_INVOICE, RECEIPT, rows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RECEIPT, "receipt"),
        (CHINESE_INVOICE, "invoice"),
        ("产品购销合同\n甲方：青山\n乙方：白河", "contract"),
        ("Dear Ms Lee,\nYours sincerely", "letter"),
        ("Invoice\nBill to: A\nDue date: tomorrow", "invoice"),
    ],
)
def test_the_words_tell_the_kind(text, expected):
    kinds = find_kinds(rows(text), 600, 700)

    assert kinds[0].name == expected
    assert kinds[0].evidence


def test_a_single_coincidence_is_no_evidence():
    assert find_kinds(rows("change your mind"), 600, 700) == ()


def test_a_till_slip_that_says_tax_invoice_keeps_both_readings():
    kinds = find_kinds(rows("TAX INVOICE\nCASH 5.00\nCHANGE 1.00"), 300, 900)

    assert [kind.name for kind in kinds] == ["receipt", "invoice"]


def test_the_title_names_the_kind_or_is_set_largest():
    assert find_outline(rows(RECEIPT)).title == "TAX INVOICE"
    small = Row((TextLine("some words", 0.9, Box(0, 40, 100, 60)),))
    large = Row((TextLine("Annual Review", 0.9, Box(0, 0, 100, 34)),))
    assert find_outline([large, small]).title == "Annual Review"
    assert find_outline([small]).title is None


def test_numbered_headings_are_sections_and_addresses_are_not():
    page = rows(
        "1. Introduction\n2.1 Method\n第一章 总则\n43300 SERI KEMBANGAN\n7 Hill Road\n3. 5.00"
    )

    assert find_outline(page).sections == ("1. Introduction", "2.1 Method", "第一章 总则")
