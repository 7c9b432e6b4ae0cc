"""One quote for pictures that are asked different questions. Pure."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import reduce
from operator import add
from typing import Final, TypeVar

from core.quote import SelectionQuote, UsdRange
from core.tokens import TokenRange

Amount = TypeVar("Amount", TokenRange, UsdRange)

_NO_TOKENS: Final = TokenRange(0, 0, 0)
_NO_USD: Final = UsdRange(Decimal(0), Decimal(0), Decimal(0))


def add_selections(parts: Sequence[SelectionQuote]) -> SelectionQuote:
    """Return the quote of all selections together; one unknown part makes a sum unknown."""
    notes = {note.template: note for part in parts for note in part.notes}
    return SelectionQuote(
        total=sum(part.total for part in parts),
        answered=sum(part.answered for part in parts),
        identical=sum(part.identical for part in parts),
        to_pay=sum(part.to_pay for part in parts),
        input_tokens=_total(_NO_TOKENS, parts, lambda part: part.input_tokens),
        output_tokens=reduce(add, (part.output_tokens for part in parts), _NO_TOKENS),
        realtime=_total(_NO_USD, parts, lambda part: part.realtime),
        batch=_total(_NO_USD, parts, lambda part: part.batch),
        flex=_total(_NO_USD, parts, lambda part: part.flex),
        saved=_total(_NO_USD, parts, lambda part: part.saved),
        notes=tuple(notes.values()),
    )


def _total(
    nothing: Amount,
    parts: Sequence[SelectionQuote],
    amount_of: Callable[[SelectionQuote], Amount | None],
) -> Amount | None:
    amounts = [amount_of(part) for part in parts]
    known = [amount for amount in amounts if amount is not None]
    return reduce(add, known, nothing) if len(known) == len(amounts) else None
