"""The amount to pay and the tax in it, chosen by the words beside the numbers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from core.local.fields.found import Found
from core.local.fields.money import Amount, amounts_in
from core.local.lines import Row
from core.phrases import Phrase


@dataclass(frozen=True, slots=True)
class _Label:
    words: re.Pattern[str]
    weight: int


def _label(weight: int, words: str) -> _Label:
    return _Label(re.compile(words, re.IGNORECASE), weight)


_FINAL_LABELS: Final = (
    _label(
        100,
        r"grand\s*total|final\s*total|rounded\s*total|total\s*rounded|(?:total|amt|amount|balance)\s*"
        r"(?:amt\s*|amount\s*)?(?:due|payable|to\s*pay)|n[eo]tt?\s*(?:total|amount|amt)|to\s*pay\b"
        r"|^\W*due\b|价税合计|小写|[应实]付(?:款|金额|总额|合计)?(?![\u4e00-\u9fff])|应收(?:金额)?(?![\u4e00-\u9fff])|合同(?:总)?(?:金额|价款|总价)",
    ),
    _label(85, r"^\W*total\W*(?:amount|amt)?\W*(?:rm|myr|usd|eur|gbp|[$€£])?\W*$"),
    _label(
        80,
        r"total.{0,20}\b(?:incl?(?:usive|uding)?|after\s*(?:rounding|adj\w*|disc\w*))\b|\btotaa?l\b\W*(?:€|eur)"
        r"|gesamt(?:betrag)?\b|rechnungsbetrag|total\s*ttc",
    ),
    _label(78, r"合计|总计|总额|总金额|共计|消费金额"),
    _label(70, r"\btotal\b|\btotaal\b|\bsumme\b"),
    _label(30, r"sub\s*-?\s*tota+l|小计|^\W*amount\W*$"),
    _label(15, r"^\W*(?:cash|visa|master(?:card)?|credit\s*card|debit)\b|实收|收款金额"),
)
_NOT_TOTAL: Final = re.compile(
    r"qty|quantity|\bitems?\b|\bpcs?\b|saving|disc(?:ount)?\b|points?\b|\bno\b\.?\s*of|tender|change"
    r"|exclu|excl?\b|included\s*in\s*total|total\s*rounding|before\s*(?:tax|gst)|\d\s*%\s*suppl|total\s*(?:tax|gst|vat|sst)\b(?!\s*incl)|税额合计"
    r"|balance\s*(?:b/?f|brought)|数量|找零|优惠|折扣",
    re.IGNORECASE,
)
_TAX_SUMMARY: Final = re.compile(
    r"(?:gst|tax|vat|sst)\s*(?:summary|analysis|code|breakdown)|\btax\s*\((?:rm|\$|€|£|myr)\)",
    re.IGNORECASE,
)
_CASH: Final = re.compile(
    r"^\W*(?:rm\s*)?(?:cash|tender(?:ed)?|paid\s*amount|amount\s*paid|payment)\b|实收|现金",
    re.IGNORECASE,
)
_CHANGE: Final = re.compile(r"^\W*change\b|找零|找赎", re.IGNORECASE)
_MISREAD_TOTAL: Final = re.compile(r"\bt[o0]ta\s?[l1](?:\b|(?=RM))", re.IGNORECASE)
_ROUNDING: Final = re.compile(r"\bround(?:ing|ed)?\b|舍入|抹零", re.IGNORECASE)
_FIVE_CENTS: Final = Decimal("0.05")

_CONFIRMED = 25  # what cash minus change adds to the candidate it equals
_SUM_WEIGHT = 30  # rows of less are payments, not sums
_CLOSE = 30  # candidates this near to the best are worth showing
_SUMMARY_PENALTY = 60  # a total below the tax summary is most often the summary's own
_INTEGER_PENALTY = 25  # a lost decimal point is likelier than a total without cents


@dataclass(frozen=True, slots=True)
class _Candidate:
    amount: Amount
    row: Row
    weight: int


def find_total(rows: Sequence[Row]) -> Found[Decimal] | None:
    """Return the amount to pay, or None where no row says that it is one.

    What was handed over minus the change confirms a candidate; candidates of nearly equal standing
    become alternatives.
    """
    paid = _paid(rows)
    ranked = sorted(
        (_confirmed(candidate, paid) for candidate in _candidates(rows)),
        key=lambda candidate: -candidate.weight,
    )
    if not ranked or (paid and ranked[0].weight < _SUM_WEIGHT):
        return paid
    best = ranked[0]
    others = [
        item.amount.value
        for item in ranked
        if item.amount.value != best.amount.value and best.weight - item.weight <= _CLOSE
    ]
    found = Found(
        best.amount.value,
        best.amount.written,
        best.row.text,
        best.row.score,
        tuple(dict.fromkeys(others)),
    )
    return _rounded(found, rows)


def _rounded(total: Found[Decimal], rows: Sequence[Row]) -> Found[Decimal]:
    """Add a rounding that is printed below the total and brings it to a full five cents."""
    below = [row.text for row in rows].index(total.row) + 1
    rounding = _labelled(rows[below : below + 2], _ROUNDING)
    if rounding is None or not 0 < abs(rounding.value) < _FIVE_CENTS:
        return total
    payable = total.value + rounding.value
    if total.value % _FIVE_CENTS == 0 or payable % _FIVE_CENTS != 0:
        return total
    note = Phrase("The printed rounding was added to {total}.", {"total": str(total.value)})
    others = dict.fromkeys([total.value, *total.alternatives])
    others.pop(payable, None)
    return replace(total, value=payable, alternatives=tuple(others), note=note)


def _confirmed(candidate: _Candidate, paid: Found[Decimal] | None) -> _Candidate:
    if paid is None or candidate.amount.value != paid.value:
        return candidate
    return replace(candidate, weight=candidate.weight + _CONFIRMED)


def _candidates(rows: Sequence[Row]) -> Iterator[_Candidate]:
    """Yield labelled amounts; of equal labels the later row weighs more, as sums come last."""
    had_total = in_summary = False
    for position, row in enumerate(rows):
        in_summary |= had_total and bool(_TAX_SUMMARY.search(row.text))
        weight = _total_weight(row.text)
        amount = _amount_for(rows, position) if weight else None
        if weight is None or amount is None or amount.value == 0:
            continue
        weight -= 0 if amount.exact or "." in amount.written else _INTEGER_PENALTY
        weight -= _SUMMARY_PENALTY if in_summary else 0
        had_total = True
        yield _Candidate(amount, row, weight + (position > len(rows) / 2))


def _total_weight(text: str) -> int | None:
    if _NOT_TOTAL.search(text):
        return None
    words = re.sub(r"(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])", "", text)
    label = _MISREAD_TOTAL.sub("Total ", _without_amounts(words))
    if re.search(r"sub\s*-?\s*tota+l", label, re.IGNORECASE):
        return _SUM_WEIGHT
    return next((item.weight for item in _FINAL_LABELS if item.words.search(label)), None)


def _without_amounts(text: str) -> str:
    for amount in amounts_in(text):
        text = text.replace(amount.written, " ", 1)
    return text.strip()


def _amount_for(rows: Sequence[Row], position: int) -> Amount | None:
    """Return the last amount of the row, else that of a following row which has nothing else."""
    if own := _last(amounts_in(rows[position].text)):
        return own
    if position + 1 == len(rows):
        return None
    following = rows[position + 1].text
    if re.search(r"[A-Za-z\u4e00-\u9fff]{3}", following):
        return None
    return _last(amounts_in(following))


def _last(amounts: Sequence[Amount]) -> Amount | None:
    chosen = [amount for amount in amounts if amount.exact] or amounts
    return chosen[-1] if chosen else None


def _paid(rows: Sequence[Row]) -> Found[Decimal] | None:
    """Return cash minus change, when both are printed."""
    cash = _labelled(rows, _CASH)
    change = _labelled(rows, _CHANGE)
    if cash is None or change is None or abs(cash.value) <= abs(change.value):
        return None
    value = abs(cash.value) - abs(change.value)
    note = Phrase("The total was worked out as what was paid minus the change.")
    return Found(value, str(value), change.row, change.score, note=note)


def _labelled(rows: Sequence[Row], label: re.Pattern[str]) -> Found[Decimal] | None:
    for position, row in enumerate(rows):
        amount = _amount_for(rows, position) if label.search(row.text) else None
        if amount and amount.exact:
            return Found(amount.value, amount.written, row.text, row.score)
    return None


_TAX: Final = re.compile(
    r"\b(?:gst|vat|sst|tax|btw|mwst|tva|ust)\b|税额|增值税(?!.{0,4}发票)", re.IGNORECASE
)
_NOT_TAX: Final = re.compile(
    r"invoice|\bre?g\b|\bid\b|\bno\b|\bi[od1]\b|exclu|excl?\b|inclusive|\bincl?\b\.?\s*(?:of\s*)?(?:gst|vat|tax)"
    r"|total\s*(?:sales|amt|amount|rm|inc)|\binc\b|summary|supplies|发票|识别号|价税|税率",
    re.IGNORECASE,
)
_INCLUDED_TAX: Final = re.compile(
    r"^\W*inc(?:l|luding|lusive)?\b.{0,10}(?:gst|vat|tax)|included\s*in\s*total", re.IGNORECASE
)


def find_tax(rows: Sequence[Row], total: Decimal | None) -> Found[Decimal] | None:
    """Return the tax contained in the total or added to it, or None where none is printed."""
    found = [*_tax_rows(rows), *_tax_summary_rows(rows)]
    fitting = [item for item in found if total is None or abs(item.value) < abs(total)]
    if not fitting:
        return None
    values = dict.fromkeys(item.value for item in fitting)
    return replace(fitting[0], alternatives=tuple(values)[1:])


def _tax_rows(rows: Sequence[Row]) -> Iterator[Found[Decimal]]:
    for position, row in enumerate(rows):
        if _TAX_SUMMARY.search(row.text):
            return
        if not _TAX.search(row.text):
            continue
        if _NOT_TAX.search(row.text) and not _INCLUDED_TAX.search(row.text):
            continue
        amount = _amount_for(rows, position)
        if amount and amount.exact:
            yield Found(amount.value, amount.written, row.text, row.score)


def _tax_summary_rows(rows: Sequence[Row]) -> Iterator[Found[Decimal]]:
    """Yield the last column of the table "tax code, net, tax" that receipts end with."""
    headers = [position for position, row in enumerate(rows) if _TAX_SUMMARY.search(row.text)]
    if not headers:
        return
    parts: list[Found[Decimal]] = []
    for row in rows[headers[0] + 1 : headers[0] + 6]:
        exact = [amount for amount in amounts_in(row.text) if amount.exact]
        if len(exact) < 2:
            continue
        part = Found(exact[-1].value, exact[-1].written, row.text, row.score)
        if re.search(r"\btotal\b", row.text, re.IGNORECASE):
            yield part
            return
        parts.append(part)
    if parts:
        yield replace(parts[0], value=sum((part.value for part in parts), Decimal()))
