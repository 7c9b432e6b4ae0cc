"""Tests of core/tables.py: files that spreadsheets show and never compute."""

import csv
import io
import json
import re
import zipfile
from datetime import date
from decimal import Decimal

import pytest

from core.tables import Column, TableData, table_to_csv, table_to_json, table_to_xlsx

TABLE = TableData(
    (Column("name"), Column("usd", "unknown"), Column("on"), Column("count")),
    (
        ("商品", Decimal("0.0000045"), date(2027, 1, 14), 7),
        ('=HYPERLINK("http://x","y")', None, None, None),
        ("a\x07b\x1f", Decimal(12), None, 0),
    ),
)


def sheet(table):
    with zipfile.ZipFile(io.BytesIO(table_to_xlsx(table))) as book:
        return (
            book.read("xl/worksheets/sheet1.xml").decode(),
            book.read("xl/sharedStrings.xml").decode(),
        )


def test_csv_is_for_excel():
    text = table_to_csv(TABLE)
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert rows[0] == ["name", "usd", "on", "count"]
    assert rows[1] == ["商品", "0.0000045", "2027-01-14", "7"]
    assert rows[2] == ['\'=HYPERLINK("http://x","y")', "unknown", "", ""]
    assert rows[3] == ["ab", "12", "", "0"]


def test_json_keeps_money_exact_and_the_unknown_null():
    rows = json.loads(table_to_json(TABLE))["rows"]
    assert rows[0] == {"name": "商品", "usd": "0.0000045", "on": "2027-01-14", "count": 7}
    assert rows[1]["usd"] is None


def test_xlsx_holds_numbers_as_numbers_and_no_formula():
    cells, texts = sheet(TABLE)
    assert "<f>" not in cells
    assert re.search(r'<c r="B2"><v>4\.5\d*[eE]-0?6</v>|<c r="B2"><v>0\.0000045</v>', cells)
    assert 'r="A3" t="s"' in cells
    assert "=HYPERLINK" in texts
    assert "unknown" in texts
    assert "商品" in texts


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "＝", "http://", "file://"])
def test_whatever_a_text_begins_with_it_stays_a_text(start):
    table = TableData((Column("=1+1"),), ((f"{start}1+1",),))
    cells, _ = sheet(table)
    assert cells.count('t="s"') == 2
    assert "<f>" not in cells
    assert "hyperlink" not in cells.lower()
    body = list(csv.reader(io.StringIO(table_to_csv(table).removeprefix("\ufeff"))))
    assert body[0] == ["'=1+1"]
    if not start.startswith(("http", "file")):
        assert body[1][0].startswith("'")


def test_a_table_without_rows_is_only_its_header():
    empty = TableData((Column("a"),), ())
    assert table_to_csv(empty) == '\ufeff"a"\r\n'
    assert json.loads(table_to_json(empty)) == {"rows": []}
    assert table_to_xlsx(empty).startswith(b"PK")
