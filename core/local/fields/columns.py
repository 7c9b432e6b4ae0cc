"""One row of a receipt taken apart: words at the left, numbers at the right."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import permutations
from typing import Final

from core.local.fields.money import separated


@dataclass(frozen=True, slots=True)
class Columns:
    """The words of a row, and what its numbers say.

    `amount` is the amount of the line, `quantity` how many; None where the row does not say.
    """

    words: str
    quantity: Decimal | None
    amount: Decimal | None

    @property
    def has_name(self) -> bool:
        """Say whether the words can name an article."""
        return bool(_NAME.search(self.words))


@dataclass(frozen=True, slots=True)
class LeadingCount:
    """A number in front of an article's name that may say how many, and the name behind it.

    `is_explicit` means that a sign of multiplication stands between them.
    """

    count: Decimal
    name: str
    is_explicit: bool


def leading_count(name: str) -> LeadingCount | None:
    """Take "2 Flat white" apart; "7UP", "100 PLUS", "12 oz steak" and "4 x 4 tyre" are names."""
    match = _LEADING.match(name)
    if match is None or not _NAME.search(match["name"]):
        return None
    return LeadingCount(Decimal(match["count"]), match["name"], match["times"] is not None)


_NAME: Final = re.compile(r"[^\W\d_]{3}|[\u4e00-\u9fff]{2}")
_LEADING: Final = re.compile(
    r"(?P<count>[1-9]\d?)(?:\s?(?P<times>[x×*])\s|\s)\s*"
    r"(?!(?:[kcm]?[gml]|mm|oz|lbs?|inch|in|pcs?|packs?|ply|[x×*])\b)(?P<name>\D.*)",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(
    r"(?:RM|Rs\.?|S?[$€£¥￥]|S(?=\d+\.\d\d))?(?P<value>-?\s?(?:\d{1,3}(?:,\d{3}){1,4}\.\d{2}|\d{0,12}[.,]?\d{1,12}))(?P<mark>-|[^\W\d]{1,2}|[*℃≤])?",
    re.IGNORECASE,
)
_QUANTITY: Final = re.compile(
    r"(-?\d{1,12}(?:\.\d{1,4})?)(?:pcs?|ea|units?|nos?)\W?", re.IGNORECASE
)
_TIMES: Final = frozenset("xX×*@")
_BETWEEN: Final = re.compile(r"(?<=\d)\s?[x×X*@](?=\s*(?:R[MHN]?\s?)?\d*[.,]\d{2}|\s{2}|\s*$)")
_COUNT_BEHIND: Final = re.compile(r"[xX×](\d{1,12})")
_MARK: Final = re.compile(
    r"[A-Z]{1,2}\d?|[^\w\u4e00-\u9fff]+|\d{1,2}%|R[MHN]|免税|[套个件台张瓶盒份包只米]|z", re.ASCII
)
_PRICE: Final = re.compile(r"\d+[.,]\d{2,5}")
_CODE: Final = re.compile(
    r"[\d.-]{6,}|(?:\d+\))?\d{4,}[A-Z]?-?|\d{1,2}[.)]|\d{3,4}-\d{3,4}|\*S|[*|…]+"
)


def columns_of(text: str) -> Columns:
    """Take a row apart; `text` is the row as it was read."""
    tokens = _spaced(text).split()
    start = _numbers_start(tokens)
    words, numbers = tokens[:start], tokens[start:]
    while numbers and not _is_money(numbers[-1]):
        numbers.pop()  # tax marks behind the amount
    if not numbers:
        return Columns(_joined(tokens), None, None)
    return _counted(words, numbers)


def _spaced(text: str) -> str:
    """Set "2x5.00" and "name x2" apart into tokens."""
    text = _BETWEEN.sub(" x ", separated(text))
    return re.sub(r"(?<=[\u4e00-\u9fff])([x×X]\d+)(?=\s|$)", r" \1", text)


def _numbers_start(tokens: Sequence[str]) -> int:
    """Return where the columns of numbers begin: behind the last word."""
    start = len(tokens)
    while start and _is_column(tokens[start - 1]):
        start -= 1
    while start < len(tokens) and _MARK.fullmatch(tokens[start]):
        start += 1  # marks before the first number belong to the words
    if start + 1 < len(tokens) and re.fullmatch(r"\d{4,}", tokens[start]):
        start += 1  # an article number, not a column
    return start


def _is_column(token: str) -> bool:
    return bool(
        token in _TIMES
        or _NUMBER.fullmatch(token)
        or _QUANTITY.fullmatch(token)
        or _COUNT_BEHIND.fullmatch(token)
        or _MARK.fullmatch(token)
    )


def _value(token: str) -> Decimal | None:
    match = _NUMBER.fullmatch(token)
    if match is None:
        return None
    digits = re.sub(r",(?=\d{3})|\s", "", match["value"]).replace(",", ".")
    return -Decimal(digits) if match["mark"] == "-" else Decimal(digits)


def _is_money(token: str) -> bool:
    value = _value(token)
    return value is not None and bool(re.search(r"[.,]\d{2}\D*$", token))


def _counted(words: Sequence[str], numbers: Sequence[str]) -> Columns:
    """Read the quantity: as "2 x", "x2" or "2pcs", else as the number whose product fits."""
    values = [value for token in numbers if (value := _value(token)) is not None]
    name, amount = _joined(words), values[-1]
    for position, token in enumerate(numbers):
        if behind := _COUNT_BEHIND.fullmatch(token):
            return Columns(name, Decimal(behind[1]), amount)
        unit = _QUANTITY.fullmatch(token)
        count = Decimal(unit[1]) if unit else _value(token)
        if count is None or not (unit or numbers[position + 1 : position + 2] == ["x"]):
            continue
        prices = [value for item in numbers[position + 1 :] if (value := _value(item)) is not None]
        if len(prices) == 1 and not unit:
            return Columns(name, count, count * amount)
        return Columns(name, count, amount)
    return _with_fitting_count(words, values)


def _with_fitting_count(words: Sequence[str], values: Sequence[Decimal]) -> Columns:
    name, amount = _joined(words), values[-1]
    glued = re.search(r"\d{1,12}$", words[-1]) if words else None  # the recogniser dropped a space
    counts = [*values[:-1], Decimal(glued[0])] if glued else [*values[:-1]]
    counts.sort(key=lambda value: value.as_tuple().exponent != 0)  # "2" before "180.00"
    for count, price in permutations(counts, 2):
        if count and count == int(count) and abs(count * price - amount) < Decimal("0.006"):
            if glued and count == Decimal(glued[0]):
                name = name.removesuffix(glued[0]).rstrip()
            return Columns(name, count.quantize(Decimal(1)), amount)
    lead = leading_count(name)
    prices = [value for value in values[:-1] if value.as_tuple().exponent]
    if lead and any(abs(lead.count * price - amount) < Decimal("0.006") for price in prices):
        return Columns(lead.name, lead.count, amount)
    only_one = len(values) == 2 and "." not in str(values[0])
    return Columns(name, values[0] if only_one else None, amount)


def _joined(tokens: Sequence[str]) -> str:
    """Return the words up to a price, without the article number in front."""
    kept = list(tokens)
    while kept and _CODE.fullmatch(kept[0]):
        kept.pop(0)
    price = next((at for at, token in enumerate(kept) if at and _PRICE.fullmatch(token)), len(kept))
    kept = kept[:price]
    while kept and (not re.search(r"\w", kept[-1]) or _CODE.fullmatch(kept[-1])):
        kept.pop()
    return " ".join(kept)
