"""Plain tables as files: CSV and XLSX for spreadsheets, JSON for programs.

Text from anywhere may be in them, so nothing that a spreadsheet would compute is written.
"""

import csv
import io
import json
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from core.export import money, spreadsheet_safe

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

Cell = str | int | Decimal | date | None

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_WIDEST = 60


@dataclass(frozen=True, slots=True)
class Column:
    """A column by the name that programs know; `unknown` is written where a value is None."""

    name: str
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class TableData:
    """Rows of cells, each as long as `columns`."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


def table_to_csv(table: TableData) -> str:
    """Return the table with a byte order mark, without which Excel garbles Chinese."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([spreadsheet_safe(column.name) for column in table.columns])
    for row in table.rows:
        writer.writerow(
            [_csv_cell(cell, column) for cell, column in zip(row, table.columns, strict=True)]
        )
    return "\ufeff" + text.getvalue()


def _csv_cell(cell: Cell, column: Column) -> str:
    match cell:
        case None:
            return column.unknown
        case str():
            return spreadsheet_safe(cell)
        case Decimal():
            return f"{cell:f}"
        case _:
            return str(cell)


def table_to_json(table: TableData) -> str:
    """Return `{"rows": [...]}`, money as text and the unknown as null."""
    names = [column.name for column in table.columns]
    rows = [
        {name: _json_cell(cell) for name, cell in zip(names, row, strict=True)}
        for row in table.rows
    ]
    return json.dumps({"rows": rows}, ensure_ascii=False, indent=2)


def _json_cell(cell: Cell) -> str | int | None:
    match cell:
        case Decimal():
            return money(cell)
        case date():
            return cell.isoformat()
        case _:
            return cell


def table_to_xlsx(table: TableData) -> bytes:
    """Return a workbook with one sheet; texts are stored as texts, whatever they begin with."""
    import xlsxwriter  # type: ignore[import-untyped]  # only when somebody downloads

    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        bold = book.add_format({"bold": True})
        for at, column in enumerate(table.columns):
            sheet.write_string(0, at, _plain(column.name), bold)
            sheet.set_column(at, at, _width(table, at))
        for down, row in enumerate(table.rows, start=1):
            for at, cell in enumerate(row):
                _write_cell(sheet, down, at, cell, table.columns[at])
        sheet.freeze_panes(1, 0)
    return file.getvalue()


def _write_cell(sheet: "Worksheet", down: int, at: int, cell: Cell, column: Column) -> None:
    match cell:
        case None:
            sheet.write_string(down, at, column.unknown)
        case int() | Decimal():
            sheet.write_number(down, at, float(cell))
        case date():
            sheet.write_string(down, at, cell.isoformat())
        case _:
            sheet.write_string(down, at, _plain(cell))


def _plain(text: str) -> str:
    return _CONTROL.sub("", text)


def _width(table: TableData, at: int) -> int:
    longest = max((len(str(row[at])) for row in table.rows if row[at] is not None), default=0)
    return min(_WIDEST, max(longest, len(table.columns[at].name)) + 2)
