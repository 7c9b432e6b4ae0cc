"""Dates in running text: English, Chinese, and month names of the neighbours."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

from core.local.fields.found import Found
from core.local.lines import Row
from core.phrases import Phrase

_MONTHS: Final = {
    "jan": 1, "feb": 2, "fev": 2, "mar": 3, "maa": 3, "mrt": 3, "apr": 4, "avr": 4, "may": 5,
    "mai": 5, "mei": 5, "jun": 6, "juin": 6, "jul": 7, "juil": 7, "aug": 8, "aou": 8, "sep": 9,
    "oct": 10, "okt": 10, "nov": 11, "dec": 12, "dez": 12,
}  # fmt: skip
_MONTH: Final = r"(?P<month>[A-Za-zäéû]{3,10})\.?"
_CHINESE_DIGITS: Final = {digit: value for value, digit in enumerate("〇一二三四五六七八九")} | {
    "零": 0,
    "○": 0,
}

# A time may be glued to a four-digit year, because recognisers drop spaces.
_END: Final = r"(?=\d{1,2}:\d{2}|\D|$)"
_YEAR_FIRST: Final = re.compile(
    rf"(?<!\d)(?P<year>(?:19|20)\d{{2}})\s?(?P<mark>[-/.年])\s?(?P<month>\d{{1,2}})\s?[-/.月]"
    rf"\s?(?P<day>\d{{1,2}})\s?日?{_END}"
)
_NUMERIC: Final = re.compile(
    rf"(?<![\d./-])(?P<first>\d{{1,2}})\s?(?P<mark>[-/.])\s?(?P<second>\d{{1,2}})\s?(?P=mark)\s?"
    rf"(?P<year>(?:19|20)\d{{2}}|\d{{2}}(?!\d|[./-]\d(?!\d?:))){_END}"
)
_DAY_MONTH: Final = re.compile(
    rf"(?<!\d)(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[.\s/-]{{0,3}}{_MONTH}[,\s/-]{{0,3}}"
    rf"(?P<year>(?:19|20)\d{{2}}|\d{{2}}(?!\d)){_END}"
)
_MONTH_DAY: Final = re.compile(
    rf"{_MONTH}[\s-]?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s?[,.\s-]\s?(?P<year>(?:19|20)\d{{2}}){_END}"
)
_CHINESE: Final = re.compile(
    r"(?P<year>[一二][〇零○一二三四五六七八九]{3})年(?P<month>[一二三四五六七八九十]{1,2})月"
    r"(?P<day>[一二三四五六七八九十]{1,3})日"
)

_LABELS: Final = re.compile(
    r"\bdates?\b|日期|\bdatum\b|rechnungsdatum|factuurdatum|\bfecha\b|\bdata\b|时间", re.IGNORECASE
)
_STRONG_LABELS: Final = re.compile(
    r"invoice\s*date|date\s*of\s*(?:issue|invoice)|bill\s*date|receipt\s*date|issued|开票日期|签订日期"
    r"|签署日期|rechnungsdatum|factuurdatum",
    re.IGNORECASE,
)
_OTHER_LABELS: Final = re.compile(
    r"\bdue\b|expir|valid|deliver|ship|order\s*date|orderdatum|print|birth|check\s*-?\s*(?:in|out)|"
    r"period|since|until|到期|有效期|截止|交货|出生|打印",
    re.IGNORECASE,
)
_TIME: Final = re.compile(r"\d{1,2}:\d{2}")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A date as printed.

    `swapped` is the reading with day and month exchanged, if it exists. `order` says what comes
    first where the numbers can be read one way only.
    """

    value: date
    written: str
    row: Row
    swapped: date | None = None
    order: Literal["day", "month"] | None = None


def find_dates(rows: Sequence[Row]) -> tuple[Found[date], ...]:
    """Return every date in reading order.

    Days come before months where nothing on the page decides; a date on the same page that can only
    be read one way decides for all. The other reading is kept as an alternative.
    """
    candidates = [candidate for row in rows for candidate in _dates_in(row)]
    month_first = _month_comes_first(candidates)
    return tuple(_settle(candidate, month_first) for candidate in candidates)


def document_date(rows: Sequence[Row]) -> Found[date] | None:
    """Return the date of the document itself, or None; other dates become alternatives."""
    dates = find_dates(rows)
    if not dates:
        return None
    best = max(dates, key=_weight)  # the first of equals
    others = [found.value for found in dates if found.value != best.value]
    return replace(best, alternatives=tuple(dict.fromkeys([*best.alternatives, *others])))


def _weight(found: Found[date]) -> int:
    weight = 0
    if _STRONG_LABELS.search(found.row):
        weight += 6
    elif _LABELS.search(found.row):
        weight += 3
    if _TIME.search(found.row):
        weight += 2
    if _OTHER_LABELS.search(found.row):
        weight -= 5
    return weight


def _dates_in(row: Row) -> Iterator[_Candidate]:
    """Yield the dates of one row from left to right, none of them twice."""
    text = row.text
    taken: list[tuple[int, _Candidate]] = []
    for pattern, read in _READERS:
        for match in pattern.finditer(text):
            candidate = read(match, row)
            if candidate:
                taken.append((match.start(), candidate))
        text = pattern.sub(lambda match: " " * len(match[0]), text)
    yield from (candidate for _, candidate in sorted(taken, key=lambda item: item[0]))


def _read_named(match: re.Match[str], row: Row) -> _Candidate | None:
    name = match["month"].lower().replace("é", "e").replace("û", "u").replace("ä", "a")
    month = _MONTHS.get(name[:4]) or _MONTHS.get(name[:3])
    value = _date(match["year"], month, match["day"])
    return _Candidate(value, match[0].strip(), row) if value else None


def _read_year_first(match: re.Match[str], row: Row) -> _Candidate | None:
    value = _date(match["year"], match["month"], match["day"])
    return _Candidate(value, match[0].strip(), row) if value else None


def _read_numeric(match: re.Match[str], row: Row) -> _Candidate | None:
    day_first = _date(match["year"], match["second"], match["first"])
    month_first = _date(match["year"], match["first"], match["second"])
    value = day_first or month_first
    if value is None:
        return None
    if day_first and month_first:
        swapped = month_first if month_first != day_first else None
        return _Candidate(value, match[0].strip(), row, swapped)
    return _Candidate(value, match[0].strip(), row, order="day" if day_first else "month")


def _read_chinese(match: re.Match[str], row: Row) -> _Candidate | None:
    year = "".join(str(_CHINESE_DIGITS[digit]) for digit in match["year"])
    value = _date(year, _chinese_number(match["month"]), _chinese_number(match["day"]))
    return _Candidate(value, match[0], row) if value else None


_READERS: Final = (
    (_YEAR_FIRST, _read_year_first),
    (_CHINESE, _read_chinese),
    (_DAY_MONTH, _read_named),
    (_MONTH_DAY, _read_named),
    (_NUMERIC, _read_numeric),
)


def _chinese_number(text: str) -> int:
    """Read a number from 1 to 99, such as 二十三."""
    tens, ten, ones = text.rpartition("十")
    if not ten:
        return _CHINESE_DIGITS[text] if len(text) == 1 else 0
    return (_CHINESE_DIGITS.get(tens, 0) if tens else 1) * 10 + _CHINESE_DIGITS.get(ones, 0)


def _date(year: str, month: str | int | None, day: str | int) -> date | None:
    """Return the date, or None when there is no such day; two digits mean 1970 to 2069."""
    number = int(year)
    if number < 100:
        number += 2000 if number < 70 else 1900
    try:
        return date(number, int(month or 0), int(day))
    except ValueError:
        return None


def _month_comes_first(candidates: Sequence[_Candidate]) -> bool:
    """Say whether the certain dates on the page are all written month first."""
    orders = {item.order for item in candidates if item.order}
    return orders == {"month"}


def _settle(item: _Candidate, month_first: bool) -> Found[date]:
    value, other = item.value, item.swapped
    if other is None:
        return Found(value, item.written, item.row.text, item.row.score)
    if month_first:
        return Found(other, item.written, item.row.text, item.row.score)
    note = Phrase(
        "The date {written} was read with the day first; with the month first it is {other}.",
        {"written": item.written, "other": other.isoformat()},
    )
    return Found(value, item.written, item.row.text, item.row.score, (other,), note)
