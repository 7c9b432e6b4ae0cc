"""Read a manifest: a .csv or .jsonl that lists sources and what to ask about each."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Any, BinaryIO, TextIO

from core.errors import InputNotUsableError
from core.phrases import Phrase
from core.types import Detail

MANIFEST_SUFFIXES = frozenset({".csv", ".jsonl"})
_PRIORITIES = range(1, 6)
_MAX_OUTPUT_TOKENS = range(1, 1_000_001)


@dataclass(frozen=True, slots=True)
class ItemOverrides:
    """What a manifest says about one item; None leaves the batch's own setting."""

    id: str | None = None
    prompt: str | None = None
    task: str | None = None
    detail: Detail | None = None
    max_output_tokens: int | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One line: where the picture is, or what is wrong with the line. Lines count from 1."""

    line: int
    content: "ManifestItem | InputNotUsableError"


@dataclass(frozen=True, slots=True)
class ManifestItem:
    """A usable line."""

    source: str
    overrides: ItemOverrides


def read_manifest(file: BinaryIO, suffix: str) -> Iterator[ManifestRow]:
    """Yield the lines of a manifest in order as they are read; blank ones are left out.

    Args:
        file: UTF-8, with or without a byte order mark; closed by whoever opened it.
        suffix: ".csv" (with a header line) or ".jsonl" (an object on each line).

    Raises:
        InputNotUsableError: If the file cannot be read on from here.
    """
    text = TextIOWrapper(file, encoding="utf-8-sig", newline="" if suffix == ".csv" else "\n")
    try:
        for line, values in (_csv_lines if suffix == ".csv" else _json_lines)(text):
            yield _row(line, values)
    except UnicodeDecodeError as error:
        raise InputNotUsableError(Phrase("The manifest is not UTF-8 text.")) from error
    finally:
        text.detach()


def _row(line: int, values: Any) -> ManifestRow:
    try:
        return ManifestRow(line, _item(line, values))
    except InputNotUsableError as error:
        return ManifestRow(line, error)


def _csv_lines(text: TextIO) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(text, strict=True)
    try:
        if "source" not in (reader.fieldnames or ()):
            raise InputNotUsableError(Phrase("The manifest has no column named source."))
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise InputNotUsableError(
            Phrase("Line {line} of the manifest is not valid CSV.", {"line": reader.line_num})
        ) from error


def _json_lines(text: TextIO) -> Iterator[tuple[int, Any]]:
    for line, content in enumerate(text, start=1):
        if not content.strip():
            continue
        try:
            yield line, json.loads(content)
        except (ValueError, RecursionError):
            yield line, None


def _item(line: int, values: Any) -> ManifestItem:
    if not isinstance(values, Mapping):
        raise InputNotUsableError(
            Phrase("Line {line} of the manifest is not a JSON object.", {"line": line})
        )
    source = _text(values, "source")
    if source is None:
        raise InputNotUsableError(
            Phrase("Line {line} of the manifest names no source.", {"line": line})
        )
    return ManifestItem(
        source,
        ItemOverrides(
            id=_text(values, "id"),
            prompt=_text(values, "prompt"),
            task=_text(values, "task"),
            detail=_detail(line, values),
            max_output_tokens=_number(line, values, "max_output_tokens", _MAX_OUTPUT_TOKENS),
            priority=_number(line, values, "priority", _PRIORITIES),
        ),
    )


def _text(values: Mapping[str, Any], column: str) -> str | None:
    value = values.get(column)
    return str(value).strip() or None if value is not None else None


def _detail(line: int, values: Mapping[str, Any]) -> Detail | None:
    text = _text(values, "detail")
    if text is None:
        return None
    try:
        return Detail(text.lower())
    except ValueError as error:
        raise _unusable(line, "detail", ", ".join(Detail)) from error


def _number(line: int, values: Mapping[str, Any], column: str, allowed: range) -> int | None:
    text = _text(values, column)
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 9 or int(text) not in allowed:
        raise _unusable(line, column, f"{allowed.start}-{allowed.stop - 1}")
    return int(text)


def _unusable(line: int, column: str, expected: str) -> InputNotUsableError:
    return InputNotUsableError(
        Phrase(
            "Line {line} of the manifest: {column} must be {expected}.",
            {"line": line, "column": column, "expected": expected},
        )
    )
