"""Vendors, organisations, people and document numbers."""

import pytest

from core.local.fields.parties import (
    find_document_number,
    find_names,
    find_organisations,
    find_vendor,
)
from tests.unit.local.texts import CHINESE_INVOICE, RECEIPT, rows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RECEIPT, ["CORNER BAKERY SDN BHD"]),
        ("BLUE MOON BOOK\nCO. (M) SDN BHD", ["BLUE MOON BOOK CO. (M) SDN BHD"]),
        ("HILL HOLDINGS\nSDN. BHD.", ["HILL HOLDINGS SDN. BHD."]),
        ("Acme Web Services, Inc.", ["Acme Web Services, Inc."]),
        ("NORTH MART S/B (519537-X)", ["NORTH MART S/B"]),
        (CHINESE_INVOICE, ["青山软件有限公司", "白河贸易有限公司"]),
        ("甲方：青山物流集团股份有限公司", ["青山物流集团股份有限公司"]),
        ("争议提交甲方所在地人民法院诉讼解决", []),
        ("Total 6% supplies (Inc. GST) 15.26", []),
        ("Shop with confidence at our store.", []),
    ],
)
def test_organisations_are_known_by_their_legal_form_or_kind(text, expected):
    assert [found.value for found in find_organisations(rows(text))] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RECEIPT, "CORNER BAKERY SDN BHD"),
        (CHINESE_INVOICE, "白河贸易有限公司"),
        ("名 称：青山大学\n四川省税务局\n名 称：白河网络有限公司", "白河网络有限公司"),
        ("STARFISH\n12 SEA ROAD", "STARFISH"),
        ("TAX INVOICE\nSTARFISH", "STARFISH"),
        ("WHITE ROSE SHOP\nOwned By:\nROSE SUPPLY SDN BHD", "WHITE ROSE SHOP"),
        ("Sushi Palace\nKFM FOODS SDN BHD (1132106-H)", "KFM FOODS SDN BHD"),
        ("12.50\n13.50", None),
        ("* May include the tax\nmore\nAcme Services, Inc.", "Acme Services, Inc."),
        ("科目汇总表\n1 | 2 | 3", None),
    ],
)
def test_the_vendor_is_labelled_or_stands_at_the_top(text, expected):
    found = find_vendor(rows(text))

    assert (found and found.value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Cashier: Mei Lin", ["Mei Lin"]),
        ("收款人：王芳开票人：李强", ["王芳", "李强"]),
        ("甲方代表：王芳乙方代表：李强", ["王芳", "李强"]),
        ("收银员: 陈静", ["陈静"]),
        ("Guest Name: Sana Date: 31/12/2017", ["Sana"]),
        ("Cashier: USER", []),
        ("Staff: 00023122", []),
        ("Dr House met Mei Lin", []),
    ],
)
def test_only_labelled_people_are_named(text, expected):
    assert [found.value for found in find_names(rows(text))] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RECEIPT, "CB-000417"),
        (CHINESE_INVOICE, "20417733"),
        ("Invoice #:OR180314", "OR180314"),
        ("Invoice No.\n42183017", "42183017"),
        ("Doc No. | SO00022185", "SO00022185"),
        ("GST No: 001234567890", None),
    ],
)
def test_the_document_number_has_a_label(text, expected):
    found = find_document_number(rows(text))

    assert (found and found.value) == expected
