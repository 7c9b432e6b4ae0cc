"""Line items."""

import pytest

from core.local.fields.items import find_items
from tests.unit.local.texts import CHINESE_INVOICE, RECEIPT, rows


def table(text):
    return [
        (item.name, item.quantity and f"{item.quantity:g}", str(item.amount))
        for item in find_items(rows(text))
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RECEIPT, [("Sourdough loaf", "2", "13.00"), ("Butter croissant", "3", "7.20")]),
        (CHINESE_INVOICE, [("打印纸", "10", "255.00"), ("墨盒", "2", "360.00")]),
        ("日期：2024年05月06日\n茶叶 x16 12111.20\n合计：12111.20", [("茶叶", "16", "12111.20")]),
        (
            "TAX INVOICE\nCLOTH PEG | *S\n9555112901406 | 1 X | 5.90 | 5.90\nTotal | 5.90",
            [("CLOTH PEG", "1", "5.90")],
        ),
        (
            "Item | Qty | RM\n0016 | 5 | 1.00 | 5.00 SR\nTape\n76627 | 1 | 22.00\nGlue\nTotal 27",
            [("Tape", "5", "5.00"), ("Glue", "1", "22.00")],
        ),
        (
            "Item | Qty | Price\nOrder number: 17\nTea | 1 | 2.00\nTotal | 2.00",
            [("Tea", "1", "2.00")],
        ),
        (
            "Date 21/03/2018\n9178 SNACKS | RM2.10\n02 x 1.05\nTotal | 2.10",
            [("SNACKS", "2", "2.10")],
        ),
        (
            "Item | Amount\n2)0253K COUGH DROPS\n2 X 68.00\nDISC | -28.00 | 108.00\nTOTAL | 108.00",
            [("COUGH DROPS", "2", "108.00")],
        ),
        (
            "Item | Qty | Price\nBraised pork | 1 | 7.00\nwith rice\nTea | 1 | 2.00\nTotal | 9.00",
            [("Braised pork with rice", "1", "7.00"), ("Tea", "1", "2.00")],
        ),
    ],
)
def test_items_are_read_in_the_forms_that_tills_print(text, expected):
    assert table(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Item | Amount\n2 Flat white | 7.60\n1 Tomato soup | 6.20\nTotal | 13.80",
            [("Flat white", "2", "7.60"), ("Tomato soup", "1", "6.20")],
        ),
        (
            "品名 金额\n2 拿铁咖啡 | 60.00\n2 番茄汤 | 36.00\n合计：96.00",
            [("拿铁咖啡", "2", "60.00"), ("番茄汤", "2", "36.00")],
        ),
        (
            "Item | Price\n2 Flat white | 3.80 | 7.60\n1 Soup | 6.20\nTotal | 13.80",
            [("Flat white", "2", "7.60"), ("Soup", "1", "6.20")],
        ),
        (
            "Item | Amount\n2 x Flat white | 7.60\nSoup | 6.20\nTotal | 13.80",
            [("Flat white", "2", "7.60"), ("Soup", None, "6.20")],
        ),
    ],
)
def test_a_number_before_the_name_is_the_quantity_where_all_agree_or_it_is_confirmed(
    text, expected
):
    assert table(text) == expected


@pytest.mark.parametrize(
    "names",
    [
        ["7UP can", "3M tape"],
        ["100 PLUS", "100 PLUS lime"],
        ["2 Flat white", "Tomato soup"],
        ["5 Star bar"],
        ["1 Flat white", "2 Tomato soup", "3 Lemon tart"],
        ["12 oz steak", "2 kg potatoes"],
        ["4 x 4 tyre", "2 x 4 timber"],
    ],
)
def test_a_number_that_may_belong_to_the_name_stays_there(names):
    lines = "\n".join(f"{name} | 2.00" for name in names)

    assert table(f"Item | Amount\n{lines}\nTotal | 9.00") == [
        (name, None, "2.00") for name in names
    ]


@pytest.mark.parametrize(
    "text", ["Dear Sir\nthe rent of 12.50 is due", "合同金额：人民币31676.53元", ""]
)
def test_a_page_without_a_list_has_no_items(text):
    assert find_items(rows(text) if text else ()) == ()


def test_a_quantity_that_does_not_fit_its_price_is_left_out():
    assert table("Item | Qty | Price | Amount\nPork | 20 | 7.00 | 14.00\nTotal | 14.00") == [
        ("Pork", None, "14.00")
    ]


def test_an_amount_that_runs_into_the_name_is_unknown_rather_than_wrong():
    assert table("品名 数量 金额\n键盘套装x914339.61\n合计：14339.61") == [
        ("键盘套装x914339.61", None, "None")
    ]
