"""Everything that was found on one page, put together."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image

from core.local.fields.dates import document_date, find_dates
from core.local.fields.found import Found
from core.local.fields.items import Item, find_items
from core.local.fields.kind import Kind, Outline, find_kinds, find_outline
from core.local.fields.money import currency_note, find_amounts, find_currency
from core.local.fields.parties import (
    find_document_number,
    find_names,
    find_organisations,
    find_vendor,
)
from core.local.fields.totals import find_tax, find_total
from core.local.lines import Reading, Row, TextLine, read_rows, reading_of_text
from core.local.looks import Looks, Pixels
from core.local.ocr import read_text
from core.local.tables import Table, find_tables
from core.phrases import Phrase


@dataclass(frozen=True, slots=True)
class Fields:
    """The values that the rules found in the text; None and empty where there is nothing."""

    dates: tuple[Found[date], ...]
    date: Found[date] | None
    amounts: tuple[Found[Decimal], ...]
    currency: Found[str] | None
    total: Found[Decimal] | None
    tax: Found[Decimal] | None
    vendor: Found[str] | None
    organisations: tuple[Found[str], ...]
    names: tuple[Found[str], ...]
    number: Found[str] | None
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class PageFacts:
    """One page: how it looks, what is written on it, and what that means by the rules.

    `given_text` says that the text came with the page and was not recognised. `mean_score` is the
    recogniser's confidence from 0 to 1, None for given or no text.
    """

    looks: Looks
    rows: tuple[Row, ...]
    given_text: bool
    mean_score: float | None
    kinds: tuple[Kind, ...]
    outline: Outline
    fields: Fields
    tables: tuple[Table, ...]
    notes: tuple[Phrase, ...]


def load_pixels(picture: bytes) -> Pixels:
    """Decode a JPEG or PNG that a decoder child made; never call it on anything else."""
    with Image.open(BytesIO(picture), formats=("JPEG", "PNG")) as image:
        return np.asarray(image.convert("RGB"))


def read_page(pixels: Pixels, looks: Looks, text_layer: str | None) -> PageFacts:
    """Read and judge one page; takes seconds of one core unless the text is given."""
    reading = reading_of_text(text_layer) if text_layer else read_text(pixels)
    tables = find_tables(pixels, reading.lines) if not text_layer else ()
    return page_facts(reading, looks, tables, given_text=bool(text_layer))


def page_facts(
    reading: Reading, looks: Looks, tables: tuple[Table, ...] = (), *, given_text: bool = False
) -> PageFacts:
    """Apply the rules to what was read."""
    rows = read_rows(reading)
    judged = tuple(map(_bounded, rows))
    kinds = find_kinds(judged, looks.width_px, looks.height_px)
    fields = find_fields(judged)
    score = reading.mean_score
    notes = (*_field_notes(judged, fields), *_quality_notes(looks, score))
    return PageFacts(
        looks, rows, given_text, score, kinds, find_outline(judged), fields, tables, notes
    )


_JUDGED_CHARACTERS: Final = 250  # a row of print has fewer; the rules slow down on hostile length


def _bounded(row: Row) -> Row:
    """Return the row as the rules see it: its beginning, where it is longer than print can be."""
    if len(row.text) <= _JUDGED_CHARACTERS:
        return row
    return Row((TextLine(row.text[:_JUDGED_CHARACTERS], row.score),))


def find_fields(rows: tuple[Row, ...]) -> Fields:
    """Return every value that the rules find."""
    total = find_total(rows)
    return Fields(
        dates=find_dates(rows),
        date=document_date(rows),
        amounts=find_amounts(rows),
        currency=find_currency(rows),
        total=total,
        tax=find_tax(rows, total.value if total else None),
        vendor=find_vendor(rows),
        organisations=find_organisations(rows),
        names=find_names(rows),
        number=find_document_number(rows),
        items=find_items(rows),
    )


def _field_notes(rows: tuple[Row, ...], fields: Fields) -> Iterator[Phrase]:
    for found in (fields.date, fields.total):
        if found and found.note:
            yield found.note
    if fields.total and fields.total.alternatives:
        yield Phrase(
            "Other amounts could be meant as the total: {amounts}.",
            {"amounts": ", ".join(map(str, fields.total.alternatives))},
        )
    if note := currency_note(rows):
        yield note


_DOUBTFUL: Final = 0.85  # print in focus is read at 0.95 and more


def _quality_notes(looks: Looks, score: float | None) -> Iterator[Phrase]:
    if score is None:
        return
    if looks.is_blurred:
        yield Phrase("The picture is blurred: expect misread characters.")
    if score < _DOUBTFUL:
        yield Phrase(
            "The text was read with low confidence ({score} of 1): check it against the picture.",
            {"score": f"{score:.2f}"},
        )
