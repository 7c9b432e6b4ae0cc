"""What was bought: the rows between the head of a receipt or invoice and its sums."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from core.local.fields.columns import Columns, columns_of, leading_count
from core.local.fields.dates import find_dates
from core.local.fields.money import amounts_in
from core.local.lines import Row


@dataclass(frozen=True, slots=True)
class Item:
    """One article; `quantity` and `amount` (of the line, not of the unit) may be unknown."""

    name: str
    quantity: Decimal | None
    amount: Decimal | None
    row: str


_HEADING: Final = re.compile(
    r"\b(?:description|desc|item|qty|quantity|u\.?\s?price|unit\s*price|price|amount|amt|total|disc"
    r"|tax|rm|code|artikel|aantal|prijs|menge|betrag)\b|货物|品名|商品|名称|规格|数量|单价|金额|税率|税额",
    re.IGNORECASE,
)
_HEAD: Final = re.compile(
    r"invoice|receipt|\bgst\b|\bvat\b|\breg\b|\btel\b|\bfax\b|\bdate\b|cashier|staff|served|jalan|\bjln\b"
    r"|\btable\b|\border\b|\bbill\b|\bno\b|cash\s*(?:sale|bill)|counter|\d{1,2}:\d{2}|^\W*\([^)]*\)\W*$"
    r"|日期|收.员|小票|单号|电话|地址|发票|公司",
    re.IGNORECASE,
)
_SUM: Final = re.compile(
    r"\btotal\b|sub\s*-?\s*total|totaal|^\W*(?:rm\s*)?(?:cash|change|visa|master|n[eo]tt|balance"
    r"|payment|round(?:ing|ed)?|amount\s*due|gst|vat|tax)\b|^\W*items?\s*(?:\(s\))?\s*:|合\s*计|总\s*计|小\s*计|价税|实收|应付",
    re.IGNORECASE,
)
_COUNT: Final = re.compile(
    r"^\W*(?:items?\s*(?:\(s\))?\s*:|total\s*(?:qty|items?)|total\W*$)", re.IGNORECASE
)
_REDUCTION: Final = re.compile(
    r"\b(?:disc|discount|savings?|rebate|voucher|less)\b|优惠|折扣", re.IGNORECASE
)
_LABELLED: Final = re.compile(r"\W*[^\W\d][^\d:：]{2,25}[:：]\s?\S")  # "Order number: 17"
_UNREAD_AMOUNT: Final = re.compile(r"\d[.,]\d{2}\W*$")  # glued to the words before it


def find_items(rows: Sequence[Row]) -> tuple[Item, ...]:
    """Return the articles in order; none where no sum ends the list.

    A name may stand in the row with its amount, before it or behind it. Quantities are taken where
    they are written as such, where a number times another gives the amount, or where every name
    of the list begins with one.
    """
    table = _Table()
    for row in _item_rows(rows):
        table.add(row)
    return table.finished()


def _item_rows(rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows below the column headings, or else below the head, and above the sums."""
    end = next((at for at, row in enumerate(rows) if _is_sum(row)), 0)
    headings = [at for at in range(end) if _is_heading(rows[at])]
    first = headings[0] + 1 if headings else _below_the_head(rows[:end])
    return [row for row in rows[first:end] if not _is_heading(row)]


def _below_the_head(rows: Sequence[Row]) -> int:
    priced = (at for at, row in enumerate(rows) if columns_of(row.text).amount is not None)
    first = next(priced, len(rows))
    head = [at for at in range(first) if _HEAD.search(rows[at].text) or find_dates([rows[at]])]
    return head[-1] + 1 if head else first


def _is_heading(row: Row) -> bool:
    kinds = {kind.lower() for kind in _HEADING.findall(row.text)}
    needed = 1 if len(row.pieces) > 2 else 2
    return len(kinds) >= needed and not re.search(r"\d", row.text)


def _is_sum(row: Row) -> bool:
    if not _SUM.search(row.text) or _is_heading(row):
        return False
    amounts = amounts_in(row.text)
    if "total" in row.text.lower():
        return bool(amounts) or bool(_COUNT.search(row.text))
    return any(amount.exact for amount in amounts) or bool(_COUNT.search(row.text))


@dataclass(slots=True)
class _Table:
    """The items so far, and the words that wait for an amount."""

    items: list[Item] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    names_follow: bool = False  # the first amount stood above its name

    def add(self, row: Row) -> None:
        columns = columns_of(row.text)
        if _REDUCTION.search(row.text):
            self._reduce(columns)
        elif not columns.has_name and self._repeats_the_last(columns):
            self.items[-1] = replace(
                self.items[-1], quantity=columns.quantity, amount=columns.amount
            )
        elif columns.amount is not None or _UNREAD_AMOUNT.search(row.text):
            self._start_item(columns, row)
        else:
            is_name = columns.has_name and not _LABELLED.match(row.text)
            self.waiting += [columns.words] if is_name else []

    def finished(self) -> tuple[Item, ...]:
        if self.items and (self.names_follow or columns_of(self.items[-1].row).has_name):
            self._give_words_to_the_last()
        return _with_leading_counts([item for item in self.items if item.name])

    def _start_item(self, columns: Columns, row: Row) -> None:
        if not self.items:
            self.names_follow = not columns.has_name and not self.waiting
        if self.items and (self.names_follow or columns.has_name):
            self._give_words_to_the_last()
        words = [*self.waiting, columns.words] if columns.has_name else self.waiting
        self.items.append(Item(" ".join(words), columns.quantity, columns.amount, row.text))
        self.waiting = []

    def _give_words_to_the_last(self) -> None:
        last = self.items[-1]
        name = " ".join(part for part in (last.name, *self.waiting) if part)
        self.items[-1], self.waiting = replace(last, name=name), []

    def _repeats_the_last(self, columns: Columns) -> bool:
        """Say whether "4 x 1.80" explains the amount, or the price, that stands beside the name."""
        if not self.items or self.waiting or columns.quantity is None or columns.amount is None:
            return False
        last = self.items[-1]
        amounts = {columns.amount, columns.amount / (columns.quantity or 1)}
        return last.quantity is None and last.amount in amounts

    def _reduce(self, columns: Columns) -> None:
        """Take the amount behind a discount as the line's; a discount alone changes no line."""
        if self.items and not self.waiting and columns.amount is not None and columns.amount > 0:
            self.items[-1] = replace(self.items[-1], amount=columns.amount)


def _with_leading_counts(items: Sequence[Item]) -> tuple[Item, ...]:
    """Move the numbers in front of the names to the quantities, where they can only be that."""
    leads = [leading_count(item.name) for item in items]
    agree = len(items) > 1 and all(
        (lead is None) == (item.quantity is not None)
        for item, lead in zip(items, leads, strict=True)
    )
    counts = [int(lead.count) for lead in leads if lead]
    is_numbered = counts == list(range(1, len(items) + 1))  # the lines of the list, one after other
    return tuple(
        replace(item, name=lead.name, quantity=lead.count)
        if lead and item.quantity is None and (lead.is_explicit or (agree and not is_numbered))
        else item
        for item, lead in zip(items, leads, strict=True)
    )
