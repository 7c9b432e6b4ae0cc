"""What a request or a whole selection will cost, said before it is paid. Pure."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import ceil
from typing import TypeVar

from core.catalog.models import ModelCard, RuleBasis
from core.catalog.rules import UnpublishedRule
from core.phrases import Phrase
from core.pricing import ModelPrice, UnpricedTierError, request_cost_usd
from core.tokens import (
    Size,
    TokenRange,
    TooManyPatchesError,
    UnknownRuleError,
    image_tokens_range,
    seen_size,
)
from core.types import Detail, TokenUsage

MESSAGE_TOKENS = TokenRange(8, 11, 14)
"""Fixed tokens of a request with one image, besides image and text.

Source: live bills of minimal requests, 8 to 14 (docs/estimates.md).
"""

PROMPT_CACHE_MIN_TOKENS = 1024
"""The vendor's prompt cache takes no shorter input.

Source: https://developers.openai.com/api/docs/guides/prompt-caching, read 2026-11-23.
"""

_ENOUGH_ANSWERS = 5

Amount = TypeVar("Amount", "TokenRange", "UsdRange")


class Lane(StrEnum):
    """A way to be served; the name is the service tier that it is priced at."""

    REALTIME = "default"
    BATCH = "batch"
    FLEX = "flex"


@dataclass(frozen=True, slots=True)
class UsdRange:
    """The least, the likeliest and the most money, unrounded USD."""

    low: Decimal
    expected: Decimal
    high: Decimal

    def __add__(self, other: "UsdRange") -> "UsdRange":
        return UsdRange(
            self.low + other.low, self.expected + other.expected, self.high + other.high
        )

    def __mul__(self, factor: Decimal | int) -> "UsdRange":
        return UsdRange(self.low * factor, self.expected * factor, self.high * factor)


@dataclass(frozen=True, slots=True)
class Quote:
    """The tokens and money of one request about one picture.

    `sent` is the size after preparation. `image_tokens` and `input_tokens` are None when nobody
    knows how the model counts; a lane is None when it is not offered or its price is not known.
    """

    model: str
    detail: Detail
    sent: Size
    image_tokens: TokenRange | None
    text_tokens: int
    input_tokens: TokenRange | None
    output_tokens: TokenRange
    realtime: UsdRange | None
    batch: UsdRange | None
    flex: UsdRange | None
    notes: tuple[Phrase, ...] = ()

    def usd(self, lane: Lane) -> UsdRange | None:
        """Return the money on this lane."""
        return {Lane.REALTIME: self.realtime, Lane.BATCH: self.batch, Lane.FLEX: self.flex}[lane]

    @property
    def reserve_usd(self) -> Decimal | None:
        """Return the most that one attempt can cost at once, or None when that is not known."""
        return self.realtime.high if self.realtime else None


@dataclass(frozen=True, slots=True)
class SelectionImage:
    """One picture of a selection. `key` is equal for two requests that share an answer.

    `layer_tokens` is the text that a PDF page carries itself and that is sent with its picture.
    """

    key: str
    width_px: int
    height_px: int
    layer_tokens: int = 0


@dataclass(frozen=True, slots=True)
class SelectionQuote:
    """The money for many pictures, each distinct unanswered one paid once.

    `saved` is what the answered and identical ones would cost at once.
    """

    total: int
    answered: int
    identical: int
    to_pay: int
    input_tokens: TokenRange | None
    output_tokens: TokenRange
    realtime: UsdRange | None
    batch: UsdRange | None
    flex: UsdRange | None
    saved: UsdRange | None
    notes: tuple[Phrase, ...] = ()

    @property
    def summary(self) -> Phrase:
        """Return the counts as one sentence."""
        return Phrase(
            "{total:,} images: {answered:,} already answered, {identical:,} identical, "
            "{to_pay:,} to ask",
            {
                "total": self.total,
                "answered": self.answered,
                "identical": self.identical,
                "to_pay": self.to_pay,
            },
        )


def expect_output_tokens(
    history: Sequence[int], default_tokens: int, max_output_tokens: int
) -> TokenRange:
    """Return how long an answer will be: the mean of earlier ones, else the task's default.

    The high end is the limit. The low end is the shortest tenth of the history, or half of the
    default where there are fewer than five answers to learn from.
    """
    if len(history) < _ENOUGH_ANSWERS:
        expected = min(default_tokens, max_output_tokens)
        return TokenRange(expected // 2, expected, max_output_tokens)
    expected = min(ceil(sum(history) / len(history)), max_output_tokens)
    low = sorted(history)[len(history) // 10]
    return TokenRange(min(low, expected), expected, max_output_tokens)


def quote_request(
    card: ModelCard,
    width_px: int,
    height_px: int,
    detail: Detail,
    text_tokens: int,
    *,
    max_output_tokens: int,
    expected_output_tokens: int,
    low_output_tokens: int | None = None,
    cached_share: float = 0.0,
    correction: float = 0.0,
) -> Quote:
    """Quote one request for a picture of this original size.

    The size is first brought to what the model sees, as the pipeline does. `cached_share` is the
    part of the expected input, 0 to 1, that the vendor is thought to read from its prompt cache.
    `correction` is the drift measured for this model and detail (0.03: bills are 3 % above the
    estimates); it moves the input. The low output is half of the expected one unless it is given.

    Raises:
        UnsupportedDetailError: If the model does not take `detail`.
        ValueError: If a size, a count or a share is impossible.
    """
    if text_tokens < 0 or not 0 <= cached_share <= 1 or correction <= -1:
        raise ValueError("impossible text_tokens, cached_share or correction")
    output = _output_range(low_output_tokens, expected_output_tokens, max_output_tokens)
    sent = seen_size(width_px, height_px, card.image_rule, detail)
    image = _image_tokens(sent, card, detail)
    tokens = None if image is None else _input_range(image, text_tokens, correction)
    lanes = {lane: _usd(card.price, lane, tokens, output, cached_share) for lane in Lane}
    return Quote(
        model=card.name,
        detail=detail,
        sent=sent,
        image_tokens=image,
        text_tokens=text_tokens,
        input_tokens=tokens,
        output_tokens=output,
        realtime=lanes[Lane.REALTIME],
        batch=lanes[Lane.BATCH],
        flex=lanes[Lane.FLEX],
        notes=tuple(_notes(card, Size(width_px, height_px), sent, detail)),
    )


def quote_selection(
    images: Iterable[SelectionImage],
    answered: Container[str],
    quote_one: Callable[[int, int, int], Quote],
) -> SelectionQuote:
    """Quote many pictures: the answered and the identical are free, each size is quoted once.

    `answered` holds the keys whose answers are in the cache. `quote_one` quotes one request for a
    width and height in pixels and the tokens of a text layer.
    """
    seen: set[str] = set()
    paid, answered_sizes, identical_sizes = Counter[_Kind](), Counter[_Kind](), Counter[_Kind]()
    for image in images:
        known = image.key in answered
        sizes = answered_sizes if known else identical_sizes if image.key in seen else paid
        sizes[image.width_px, image.height_px, image.layer_tokens] += 1
        seen.add(image.key)
    free = answered_sizes + identical_sizes
    quotes = {size: quote_one(*size) for size in paid | free}
    bill = [(quotes[size], count) for size, count in paid.items()]
    return SelectionQuote(
        total=paid.total() + free.total(),
        answered=answered_sizes.total(),
        identical=identical_sizes.total(),
        to_pay=paid.total(),
        input_tokens=_total(_NO_TOKENS, [(quote.input_tokens, count) for quote, count in bill]),
        output_tokens=sum((quote.output_tokens * count for quote, count in bill), _NO_TOKENS),
        realtime=_total(_NO_USD, [(quote.realtime, count) for quote, count in bill]),
        batch=_total(_NO_USD, [(quote.batch, count) for quote, count in bill]),
        flex=_total(_NO_USD, [(quote.flex, count) for quote, count in bill]),
        saved=_total(_NO_USD, [(quotes[size].realtime, count) for size, count in free.items()]),
        notes=_distinct(note for quote, _ in bill for note in quote.notes),
    )


_Kind = tuple[int, int, int]
_NO_TOKENS = TokenRange(0, 0, 0)
_NO_USD = UsdRange(Decimal(0), Decimal(0), Decimal(0))


def _total(nothing: Amount, parts: Sequence[tuple[Amount | None, int]]) -> Amount | None:
    """Add up; one unknown part makes the whole unknown, never smaller."""
    total = nothing
    for amount, count in parts:
        if amount is None:
            return None
        total += amount * count
    return total


def _distinct(notes: Iterable[Phrase]) -> tuple[Phrase, ...]:
    """Keep the first note of each kind; sizes in them differ from picture to picture."""
    return tuple({note.template: note for note in notes}.values())


def _output_range(low: int | None, expected: int, limit: int) -> TokenRange:
    if limit < 1 or expected < 0 or (low is not None and low < 0):
        raise ValueError("impossible number of output tokens")
    expected = min(expected, limit)
    return TokenRange(expected // 2 if low is None else min(low, expected), expected, limit)


def _image_tokens(sent: Size, card: ModelCard, detail: Detail) -> TokenRange | None:
    try:
        return image_tokens_range(sent.width_px, sent.height_px, card.image_rule, detail)
    except UnknownRuleError:
        return None


def _input_range(image: TokenRange, text_tokens: int, correction: float) -> TokenRange:
    plain = image + MESSAGE_TOKENS + TokenRange(text_tokens, text_tokens, text_tokens)
    factor = 1 + correction
    return TokenRange(
        int(plain.low * min(factor, 1)),
        round(plain.expected * factor),
        ceil(plain.high * max(factor, 1)),
    )


def _usd(
    price: ModelPrice | None,
    lane: Lane,
    tokens: TokenRange | None,
    output: TokenRange,
    cached_share: float,
) -> UsdRange | None:
    """Price the three cases; the high one reads nothing from the vendor's cache and fills it."""
    if price is None or tokens is None:
        return None
    read = round(tokens.expected * cached_share)
    written = tokens.expected - read if tokens.expected >= PROMPT_CACHE_MIN_TOKENS else 0
    low = TokenUsage(tokens.low, output.low, round(tokens.low * cached_share))
    expected = TokenUsage(tokens.expected, output.expected, read, written)
    high = TokenUsage(tokens.high, output.high, 0, tokens.high)
    try:
        return UsdRange(*(request_cost_usd(usage, price, lane) for usage in (low, expected, high)))
    except UnpricedTierError:
        return None


def _notes(card: ModelCard, original: Size, sent: Size, detail: Detail) -> Iterator[Phrase]:
    if card.price is None:
        yield Phrase("The price of {model} is not known.", {"model": card.name})
    if _is_rejected(original, card, detail):
        yield Phrase(
            "{model} would reject {width}×{height}: the image is sent as {sent_width}×"
            "{sent_height}.",
            {
                "model": card.name,
                "width": original.width_px,
                "height": original.height_px,
                "sent_width": sent.width_px,
                "sent_height": sent.height_px,
            },
        )
    if isinstance(card.image_rule, UnpublishedRule):
        yield _unpublished_note(card)
    elif card.rule_basis is RuleBasis.MEASURED:
        yield Phrase(
            "The image tokens of {model} follow measured bills; its vendor does not publish a "
            "rule.",
            {"model": card.name},
        )


def _unpublished_note(card: ModelCard) -> Phrase:
    if isinstance(card.image_rule, UnpublishedRule) and card.image_rule.candidates:
        return Phrase(
            "The vendor does not publish how {model} counts images: the range covers the rules of "
            "its relatives.",
            {"model": card.name},
        )
    return Phrase("It is not known how {model} counts images.", {"model": card.name})


def _is_rejected(original: Size, card: ModelCard, detail: Detail) -> bool:
    try:
        image_tokens_range(original.width_px, original.height_px, card.image_rule, detail)
    except TooManyPatchesError:
        return True
    except UnknownRuleError:
        return False
    return False
