"""The amount to pay and the tax."""

from decimal import Decimal

import pytest

from core.local.fields.totals import find_tax, find_total
from tests.unit.local.texts import CHINESE_INVOICE, RECEIPT, rows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RECEIPT, "21.40"),
        (CHINESE_INVOICE, "615.00"),
        ("Subtotal | 9.00\nService | 0.90\nTotal | 9.90", "9.90"),
        ("Total Qty: 3 | 12.00\nGrand Total | 11.50", "11.50"),
        ("TOTAL\n11.50", "11.50"),
        ("Total | 0.00\nTotal Amount: $8.20", "8.20"),
        ("Total Amt | 2700\nTotal Amt Payable : | 27.00", "27.00"),
        ("Total Savings | -6.40\nTotal RM | 21.00", "21.00"),
        ("合 计 ￥79.80 ***", "79.80"),
        ("合同金额：人民币31676.53元", "31676.53"),
        ("应付：88.00\n实收：100.00\n找零：12.00", "88.00"),
        ("Totaal € 717,97", "717.97"),
        ("Net Total Inc GST 25.20", "25.20"),
        ("BILL T0TAL | 25. 20", "25.20"),
        ("TOTAL\nRM25.20", "25.20"),
        ("Total Before Rounding 25.18\nRounding 0.02\nTotal After Rounding 25.20", "25.20"),
        ("Total Paid | 30.00\nTotal | 25.20\nChange 4.80", "25.20"),
        ("TOTAL GST | 1.43\nTotal Tax Incl | 25.20", "25.20"),
        ("实付款 25.20", "25.20"),
        ("金额合计（大写）贰拾伍元贰角 ￥25.20", "25.20"),
        ("(小写)￥25.20\n价税合计（大写）贰拾伍元贰角", "25.20"),
        ("Total Incl. GST | 5.90\nGST Summary | Amount | Tax\nTotal | 5.57 | 0.33", "5.90"),
    ],
)
def test_the_amount_to_pay_is_told_from_other_sums(text, expected):
    assert find_total(rows(text)).value == Decimal(expected)


@pytest.mark.parametrize("text", ["12.00", "Thank you", "Total Qty: 3", "应收账款 678000.00"])
def test_no_total_is_invented(text):
    assert find_total(rows(text)) is None


def test_cash_minus_change_stands_in_for_a_missing_total():
    found = find_total(rows("Tea | 8.50\nCASH | 10.00\nCHANGE | 1.50"))

    assert found.value == Decimal("8.50")
    assert "minus the change" in str(found.note)


def test_a_printed_rounding_below_the_total_is_added():
    found = find_total(rows("Tea | 8.52\nTotal | 8.52\nRounding | -0.02\nCash | 8.50"))

    assert (found.value, found.alternatives) == (Decimal("8.50"), (Decimal("8.52"),))


def test_candidates_of_equal_standing_are_kept():
    found = find_total(rows(RECEIPT))

    assert found.alternatives == (Decimal("21.41"),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RECEIPT, "1.21"),
        ("INC 6% GST | 1.62", "1.62"),
        ("Total 6% supplies (Inc. GST): | 15.26\nGST: | 0.86", "0.86"),
        ("GST Summary | Amount(RM) | Tax(RM)\nSR @ 6% | 31.60 | 1.90", "1.90"),
        ("GST Summary | Amt | Tax\nSR 6% | 20.00 | 1.20\nZR 0% | 5.00 | 0.00", "1.20"),
        ("税额：12.50", "12.50"),
    ],
)
def test_tax_is_found_beside_the_total_or_in_the_summary(text, expected):
    assert find_tax(rows(text), None).value == Decimal(expected)


@pytest.mark.parametrize(
    "text", ["TAX INVOICE 12.50", "GST Reg No 001234567890", "增值税电子普通发票", "Total 5.90"]
)
def test_other_rows_are_no_tax(text):
    assert find_tax(rows(text), None) is None


def test_tax_is_less_than_the_total():
    assert find_tax(rows("GST | 90.00"), Decimal("9.00")) is None
