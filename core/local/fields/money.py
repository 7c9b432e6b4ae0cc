"""Amounts of money in running text, and the currency they are in."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from core.local.fields.found import Found
from core.local.lines import Row
from core.phrases import Phrase

_CODES: Final = {
    "RM": "MYR", "MYR": "MYR", "USD": "USD", "US$": "USD", "SGD": "SGD", "S$": "SGD",
    "HKD": "HKD", "HK$": "HKD", "AUD": "AUD", "A$": "AUD", "CAD": "CAD", "C$": "CAD",
    "NT$": "TWD", "TWD": "TWD", "EUR": "EUR", "€": "EUR", "GBP": "GBP", "£": "GBP",
    "CHF": "CHF", "JPY": "JPY", "CNY": "CNY", "RMB": "CNY", "人民币": "CNY", "INR": "INR",
    "₹": "INR", "RS": "INR", "RS.": "INR", "IDR": "IDR", "RP": "IDR", "THB": "THB", "฿": "THB",
    "KRW": "KRW", "₩": "KRW", "VND": "VND", "₫": "VND", "元": "CNY", "圆": "CNY",
    "US DOLLARS": "USD",
}  # fmt: skip
_SIGNS: Final = (
    r"人民币|US\$|HK\$|NT\$|[SAC]\$|RM|MYR|USD|SGD|HKD|AUD|CAD|TWD|EUR|GBP|CHF|JPY|CNY|RMB|INR|IDR"
    r"|THB|KRW|VND|Rs\.?|Rp\.?|[$€£¥￥₹฿₩₫]"
)
_DIGITS: Final = (
    r"(?:\d{1,3}(?:,\d{3}){1,4}(?:\.\d{1,2})?"  # 1,234.50
    r"|\d{1,3}(?:\.\d{3}){1,4},\d{2}"  # 1.234,50
    r"|\d{1,12}[.,]\d{1,4}|\.\d{2}|\d{1,12})"  # no longer: arithmetic stays exact
)
_AMOUNT: Final = re.compile(
    rf"(?<![A-Za-z0-9_.,/#-])(?<!\d:)(?P<sign>(?:{_SIGNS})(?![A-Za-z]))?\s?(?P<minus>-\s?)?"
    rf"(?P<digits>{_DIGITS})(?P<tail>-(?![\d\w])|元|圆)?(?![\d/:%]|\s%|[.,]\d|-\d)",
    re.IGNORECASE,
)
_RUN_TOGETHER: Final = re.compile(r"(\d\.\d{2})(?=\d+\.\d{2}(?!\d))")
_TORN_APART: Final = re.compile(r"(?<=\d)\s?\.\s?(?=\d{2}\W*$)")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number on the page that may be money.

    `exact` says that it is written as money: with two decimals or a currency sign.
    """

    value: Decimal
    written: str
    sign: str | None
    exact: bool


def separated(text: str) -> str:
    """Undo what the recogniser does to amounts: 12.5025.00 run together, 12. 50 torn apart."""
    return _RUN_TOGETHER.sub(r"\1 ", _TORN_APART.sub(".", text))


def amounts_in(text: str) -> tuple[Amount, ...]:
    """Return the numbers of one row that stand alone, from left to right."""
    return tuple(_amount(match) for match in _AMOUNT.finditer(separated(text)))


def _amount(match: re.Match[str]) -> Amount:
    value = _number(match["digits"])
    if match["minus"] or match["tail"] == "-":
        value = -value
    sign = match["sign"] or (match["tail"] if match["tail"] in {"元", "圆"} else None)
    return Amount(
        value,
        match[0].strip(),
        sign.upper() if sign else None,
        exact=bool(sign) or bool(re.search(r"[.,]\d{2}$", match["digits"])),
    )


def _number(digits: str) -> Decimal:
    """Read a number whose last separator, when two digits follow it, is the decimal one."""
    if re.search(r",\d{1,2}$", digits):
        return Decimal(digits.replace(".", "").replace(",", "."))
    return Decimal(digits.replace(",", ""))


def find_amounts(rows: Sequence[Row]) -> tuple[Found[Decimal], ...]:
    """Return every number that is written as money, in reading order."""
    return tuple(
        Found(amount.value, amount.written, row.text, row.score)
        for row in rows
        for amount in amounts_in(row.text)
        if amount.exact
    )


_BARE_CODE: Final = re.compile(rf"(?<![A-Za-z])(?:{_SIGNS}|US Dollars)(?![A-Za-z])", re.IGNORECASE)
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]{2}")
_KANA: Final = re.compile(r"[\u3040-\u30ff]")


def find_currency(rows: Sequence[Row]) -> Found[str] | None:
    """Return the ISO 4217 code that the page's signs agree on most, or None.

    A bare $ belongs to a dozen currencies and decides nothing; ¥ is read by the script around it.
    """
    page = "\n".join(row.text for row in rows)
    votes: Counter[str] = Counter()
    first: dict[str, tuple[str, Row]] = {}
    for row in rows:
        for sign in _signs_of(row):
            if code := _code(sign, page):
                votes[code] += 1
                first.setdefault(code, (sign, row))
    if not votes:
        return None
    code = votes.most_common(1)[0][0]
    sign, row = first[code]
    others = tuple(other for other, _ in votes.most_common() if other != code)
    return Found(code, sign, row.text, row.score, others)


def currency_note(rows: Sequence[Row]) -> Phrase | None:
    """Say which sign could not be turned into a currency, if one could not."""
    page = "\n".join(row.text for row in rows)
    signs = [sign for row in rows for sign in _signs_of(row)]
    if not signs or any(_code(sign, page) for sign in signs):
        return None
    return Phrase("The sign {sign} alone does not decide the currency.", {"sign": signs[0]})


def _signs_of(row: Row) -> list[str]:
    signs = _BARE_CODE.findall(row.text)
    return signs + [amount.sign for amount in amounts_in(row.text) if amount.sign in {"元", "圆"}]


def _code(sign: str, page: str) -> str | None:
    if sign in "¥￥":
        if _KANA.search(page):
            return "JPY"
        return "CNY" if _CHINESE.search(page) else None
    return _CODES.get(sign.upper())
