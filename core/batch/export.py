"""A batch as a file, item by item: a hundred thousand answers are never in memory together."""

import csv
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from core.batch.types import BatchItem, ExportFormat
from core.export import ExportItem, json_item, spreadsheet_safe
from core.phrases import Phrase
from core.review import withheld
from core.types import Cost, CostBasis, Failure

T = TypeVar("T")
Items = Callable[[], Iterable[BatchItem]]
"""Starts reading from the first item each time it is called."""
_Value = str | int | float | bool | None

_COLUMNS: Final[Mapping[str, type]] = {
    "id": str,
    "source": str,
    "status": str,
    "model": str,
    "detail": str,
    "input_tokens": int,
    "output_tokens": int,
    "cost_usd": str,
    "cost_basis": str,
    "cached": bool,
    "latency_s": float,
    "attempts": int,
    "held": str,
    "error_code": str,
    "error_message": str,
    "notes": str,
    "text": str,
}
_MOST_DATA_COLUMNS: Final = 300
_PIECE_BYTES: Final = 64 * 1024
_ROWS_TOGETHER: Final = 500
_XLSX_CELL: Final = 32_767
_XLSX_ROWS: Final = 1_048_575
_CUT: Final = " […]"
_NOTHING_YET: Final = Failure(
    "", Phrase(""), False, Cost(None, CostBasis.UNKNOWN), attempts=0, latency_s=0.0
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def export_items(
    items: Items, kind: ExportFormat, *, include_held: bool = False
) -> Iterator[bytes]:
    """Yield the file piece by piece: every item in intake order, also those still to come.

    A held answer is a line without its words, unless `include_held`. CSV begins with a byte order
    mark, without which Excel garbles Chinese, and holds nothing that a spreadsheet would compute;
    nor does XLSX.
    """
    if not include_held:
        items = partial(_without_held, items)
    match kind:
        case ExportFormat.JSONL:
            return _jsonl(items())
        case ExportFormat.CSV:
            return _csv(items)
        case ExportFormat.XLSX:
            return _through_file(items, ".xlsx", _write_xlsx)
        case ExportFormat.PARQUET:
            return _through_file(items, ".parquet", _write_parquet)


def _without_held(items: Items) -> Iterator[BatchItem]:
    for item in items():
        yield item if item.outcome is None else replace(item, outcome=withheld(item.outcome))


def item_json(item: BatchItem) -> dict[str, Any]:
    """Return an item in the form of `analyze --json`; what is not known yet is null."""
    asked = item.question
    name = item.label or str(item.position + 1)
    if item.outcome is not None:
        return json_item(
            ExportItem(name, item.name, item.outcome, asked.model, asked.detail, item.estimate)
        )
    blank = json_item(ExportItem(name, item.name, _NOTHING_YET, asked.model, asked.detail))
    kept = {"id", "source", "model", "detail", "estimate", "notes", "cached", "attempts"}
    known = {field: value if field in kept else None for field, value in blank.items()}
    return known | {"status": item.state.value}


def _jsonl(items: Iterable[BatchItem]) -> Iterator[bytes]:
    for item in items:
        yield json.dumps(item_json(item), ensure_ascii=False).encode() + b"\n"


def _csv(items: Items) -> Iterator[bytes]:
    yield "\ufeff".encode()  # at once: the columns take a look at every item
    data_columns = _data_columns(items())
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([*_COLUMNS, *map(spreadsheet_safe, data_columns)])
    for row in _rows(items(), data_columns):
        writer.writerow([_csv_cell(value) for value in row])
        if text.tell() >= _PIECE_BYTES:
            yield _emptied(text)
    yield _emptied(text)


def _emptied(text: io.StringIO) -> bytes:
    piece = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return piece


def _through_file(
    items: Items, suffix: str, write: Callable[[Items, Path], None]
) -> Iterator[bytes]:
    """Yield a file that can only be written as a whole."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"batch{suffix}"
        write(items, path)
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece


def _write_xlsx(items: Items, path: Path) -> None:
    import xlsxwriter  # type: ignore[import-untyped]  # only when somebody downloads

    data_columns = _data_columns(items())
    # Row by row to disk; text is stored as text, whatever it begins with.
    options = {"constant_memory": True, "tmpdir": str(path.parent)}
    with xlsxwriter.Workbook(str(path), options) as book:
        sheet = book.add_worksheet()
        for at, name in enumerate([*_COLUMNS, *data_columns]):
            sheet.write_string(0, at, _xlsx_text(name))
        for down, row in enumerate(islice(_rows(items(), data_columns), _XLSX_ROWS), start=1):
            for at, value in enumerate(row):
                if isinstance(value, bool):
                    sheet.write_boolean(down, at, value)
                elif isinstance(value, int | float):
                    sheet.write_number(down, at, value)
                elif value is not None:
                    sheet.write_string(down, at, _xlsx_text(value))
        sheet.freeze_panes(1, 0)


def _xlsx_text(text: str) -> str:
    clean = _CONTROL.sub("", text)
    return clean if len(clean) <= _XLSX_CELL else clean[: _XLSX_CELL - len(_CUT)] + _CUT


def _write_parquet(items: Items, path: Path) -> None:
    import pyarrow as pa  # type: ignore[import-untyped]  # only when somebody downloads
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    fields = [pa.field(name, types[kind]) for name, kind in _COLUMNS.items()]
    schema = pa.schema([*fields, pa.field("data", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for documents in _together(map(item_json, items()), _ROWS_TOGETHER):
            rows = [
                _fixed(each)
                | {
                    "data": None
                    if each["data"] is None
                    else json.dumps(each["data"], ensure_ascii=False)
                }
                for each in documents
            ]
            writer.write_table(pa.Table.from_pylist(rows, schema))


def _together(values: Iterable[T], count: int) -> Iterator[list[T]]:
    stream = iter(values)
    while found := list(islice(stream, count)):
        yield found


def _rows(items: Iterable[BatchItem], data_columns: Sequence[str]) -> Iterator[list[_Value]]:
    for item in items:
        document = item_json(item)
        data = _flat(document["data"], "data")
        yield [*_fixed(document).values(), *(_as_text(data.get(name)) for name in data_columns)]


def _fixed(document: Mapping[str, Any]) -> dict[str, _Value]:
    """Return the columns that every batch has."""
    usage, error = document["usage"] or {}, document["error"] or {}
    own = {
        "held": document.get("held"),
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "error_code": error.get("code"),
        "error_message": error.get("message"),
        "notes": "; ".join(document["notes"]),
    }
    return {name: own[name] if name in own else document[name] for name in _COLUMNS}


def _data_columns(items: Iterable[BatchItem]) -> list[str]:
    """Return the names of all fields of structured answers, in the order of their appearance."""
    names: dict[str, None] = {}
    for item in items:
        if item.outcome is not None and not isinstance(item.outcome, Failure):
            names.update(dict.fromkeys(_flat(item.outcome.data, "data")))
        if len(names) >= _MOST_DATA_COLUMNS:
            break
    return list(names)[:_MOST_DATA_COLUMNS]


def _flat(value: Any, path: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not value:
        return {path: value}
    return {
        name: leaf
        for key, child in value.items()
        for name, leaf in (_flat(child, f"{path}.{key}") or {f"{path}.{key}": None}).items()
    }


def _as_text(value: Any) -> _Value:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return "; ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _csv_cell(value: _Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return spreadsheet_safe(value)
