"""What scenarios cost, and what changes when one thing in them changes. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from core.catalog import Catalog, ModelCard
from core.catalog.freshness import date_notes
from core.catalog.rules import PixelsRule, UnpublishedRule
from core.guide_estimate import GUIDE_PRICES, GuideEstimate, guide_estimate
from core.phrases import Phrase
from core.quote import Lane, Quote, UsdRange, quote_request
from core.scenarios import Scenario, SizeShare, sizes_to_text
from core.sizing import best_size
from core.tables import Cell, Column, TableData
from core.tokens import ImageTokensError, Size, TokenRange
from core.types import Detail

Correction = Callable[[str, Detail], float]
"""From a model and a detail to the drift of its bills (0.03: they are 3 % above estimates)."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A scenario with its price.

    `image_tokens` and `requests` (the money on each lane) are averages over the sizes, for one
    picture that is sent. None is unknown, never 0. `problem` says why the model cannot take these
    pictures; then nothing is known. `correction` is the drift of bills that is in the numbers.
    """

    scenario: Scenario
    card: ModelCard
    image_tokens: TokenRange | None = None
    requests: tuple[tuple[Lane, UsdRange | None], ...] = ()
    notes: tuple[Phrase, ...] = ()
    problem: Phrase | None = None
    correction: float = 0.0

    def month_on(self, lane: Lane) -> UsdRange | None:
        """Return the money of the month on another lane."""
        request = dict(self.requests).get(lane)
        return None if request is None else request * self.scenario.paid_images

    @property
    def month(self) -> UsdRange | None:
        """Return the money of the month."""
        return self.month_on(self.scenario.lane)

    @property
    def request(self) -> UsdRange | None:
        """Return the money of one picture that is sent."""
        return dict(self.requests).get(self.scenario.lane)

    @property
    def is_range(self) -> bool:
        """Say whether the tokens are a range because the vendor keeps the rule to itself."""
        return isinstance(self.card.image_rule, UnpublishedRule) and self.image_tokens is not None


def no_correction(_model: str, _detail: Detail) -> float:
    """Return that bills are as estimated."""
    return 0.0


def price_scenario(scenario: Scenario, card: ModelCard, correction: float = 0.0) -> Priced:
    """Price a month of one scenario with the model on `card`."""
    shares = scenario.sizes
    try:
        quotes = [_quote(scenario, share.size, card, correction) for share in shares]
    except ImageTokensError as error:
        return Priced(scenario, card, problem=error.phrase)
    parts = list(zip(quotes, shares, strict=True))
    total = sum(share.count for share in shares)
    return Priced(
        scenario,
        card,
        image_tokens=_mean_tokens(parts, total),
        requests=tuple((lane, _mean_usd(parts, total, lane)) for lane in Lane),
        notes=tuple({note.template: note for quote in quotes for note in quote.notes}.values()),
        correction=correction,
    )


def _quote(scenario: Scenario, size: Size, card: ModelCard, correction: float) -> Quote:
    limit = max(scenario.output_tokens, scenario.output_limit_tokens)
    return quote_request(
        card,
        size.width_px,
        size.height_px,
        scenario.detail,
        scenario.prompt_tokens,
        max_output_tokens=limit,
        expected_output_tokens=scenario.output_tokens,
        cached_share=scenario.prompt_cached_percent / 100,
        correction=correction,
    )


def _mean_tokens(parts: Sequence[tuple[Quote, SizeShare]], total: int) -> TokenRange | None:
    sums = TokenRange(0, 0, 0)
    for quote, share in parts:
        if quote.image_tokens is None:
            return None
        sums += quote.image_tokens * share.count
    return TokenRange(*(round(each / total) for each in (sums.low, sums.expected, sums.high)))


def _mean_usd(parts: Sequence[tuple[Quote, SizeShare]], total: int, lane: Lane) -> UsdRange | None:
    sums = UsdRange(Decimal(0), Decimal(0), Decimal(0))
    for quote, share in parts:
        usd = quote.usd(lane)
        if usd is None:
            return None
        sums += usd * share.count
    return sums * (1 / Decimal(total))


def total_month(priced: Iterable[Priced]) -> UsdRange | None:
    """Return the money of several scenarios together; unknown as soon as one is unknown."""
    total = UsdRange(Decimal(0), Decimal(0), Decimal(0))
    for each in priced:
        if each.month is None:
            return None
        total += each.month
    return total


def guide_month(scenario: Scenario) -> Decimal | None:
    """Return what the guide's calculator says of this month, or None for models it has no price of.

    It knows neither details nor caches of the vendor; its batch price is half.
    """
    one = guide_request(scenario)
    if one is None:
        return None
    factor = Decimal(1) if scenario.lane is Lane.REALTIME else Decimal("0.5")
    return one.usd * scenario.paid_images * factor


def guide_request(scenario: Scenario) -> GuideEstimate | None:
    """Return what the guide's calculator says of one request, by the most frequent size."""
    if scenario.model not in GUIDE_PRICES:
        return None
    size = scenario.main_size
    return guide_estimate(
        scenario.model,
        size.width_px,
        size.height_px,
        scenario.prompt_tokens,
        scenario.output_tokens,
    )


# One thing changes


class Axis(StrEnum):
    """What is different from row to row."""

    MODEL = "model"
    DETAIL = "detail"
    SIZE = "size"
    IMAGES = "images"
    OUTPUT = "output"
    CACHE = "cache"
    LANE = "lane"


_SIZES = (
    Size(512, 512),
    Size(800, 600),
    Size(1024, 1024),
    Size(1400, 2000),
    Size(1920, 1080),
    Size(2048, 2048),
    Size(4032, 3024),
)
_NUMBERS = {
    Axis.IMAGES: ("images", (100, 1000, 10_000, 100_000, 1_000_000)),
    Axis.OUTPUT: ("output_tokens", (100, 250, 500, 1000, 2000, 4000)),
    Axis.CACHE: ("cached_percent", (0, 25, 50, 75, 90)),
}


def what_if(
    scenario: Scenario,
    axis: Axis,
    catalog: Catalog,
    today: date,
    correction: Correction = no_correction,
) -> list[Priced]:
    """Return the scenario with each value of one axis, its own among them.

    Models are sorted by the month's price, unknown ones last; anything else by its value. A model
    that does not take the scenario's detail is priced at high.
    """
    variants = _variants(scenario, axis, catalog, today)
    priced = [
        price_scenario(each, catalog.card(each.model), correction(each.model, each.detail))
        for each in variants
    ]
    return by_price(priced) if axis is Axis.MODEL else priced


def _variants(scenario: Scenario, axis: Axis, catalog: Catalog, today: date) -> list[Scenario]:
    if axis in _NUMBERS:
        field, usual = _NUMBERS[axis]
        return [_with(scenario, field, n) for n in sorted({*usual, getattr(scenario, field)})]
    match axis:
        case Axis.DETAIL:
            details = catalog.card(scenario.model).details
            return [replace(scenario, detail=detail) for detail in details]
        case Axis.SIZE:
            mix = [scenario] if len(scenario.sizes) > 1 else []
            sizes = {*_SIZES, *(() if mix else [scenario.main_size])}
            ordered = sorted(sizes, key=lambda size: size.width_px * size.height_px)
            return [*mix, *(replace(scenario, sizes=(SizeShare(size),)) for size in ordered)]
        case Axis.LANE:
            return [replace(scenario, lane=lane) for lane in Lane]
        case _:
            names = dict.fromkeys([scenario.model, *comparable_models(catalog, today)])
            return [_with_model(scenario, catalog.card(name)) for name in names]


def _with_model(scenario: Scenario, card: ModelCard) -> Scenario:
    """Return the scenario for another model, at high detail where it does not take the own."""
    keeps = card.name == scenario.model or scenario.detail in card.details
    detail = scenario.detail if keeps else Detail.HIGH
    return replace(scenario, model=card.name, detail=detail)


def _with(scenario: Scenario, field: str, value: int) -> Scenario:
    changes: dict[str, Any] = {field: value}
    return replace(scenario, **changes)


def comparable_models(catalog: Catalog, today: date) -> tuple[str, ...]:
    """Return the models that answer today over the network."""
    cards = catalog.live_cards(today)
    return tuple(card.name for card in cards if not isinstance(card.image_rule, PixelsRule))


def by_price(priced: Iterable[Priced]) -> list[Priced]:
    """Return the cheapest first and the unknown last."""
    return sorted(priced, key=lambda each: (each.month is None, _expected(each)))


def _expected(priced: Priced) -> Decimal:
    return priced.month.expected if priced.month else Decimal(0)


# Under a budget


def within(priced: Iterable[Priced], budget_usd: Decimal) -> list[Priced]:
    """Return what is expected to cost no more than the budget, the cheapest first."""
    known = [each for each in priced if each.month and each.month.expected <= budget_usd]
    return by_price(known)


def images_within(priced: Priced, budget_usd: Decimal) -> int | None:
    """Return how many pictures a month the budget is expected to pay for, cached ones included."""
    if priced.month is None or not priced.month.expected:
        return None
    return int(budget_usd * priced.scenario.images / priced.month.expected)


@dataclass(frozen=True, slots=True)
class SizeOption:
    """A size to send instead of the original, and what that gives up.

    `loss` is the part of each side's resolution, 0 to 1, against what the model sees now.
    """

    size: Size
    image_tokens: int
    loss: float
    priced: Priced


def main_size_only(priced: Priced) -> Priced:
    """Return the price of the same month if every picture had the most frequent size."""
    if len(priced.scenario.sizes) == 1:
        return priced
    scenario = replace(priced.scenario, sizes=(SizeShare(priced.scenario.main_size),))
    return price_scenario(scenario, priced.card, priced.correction)


def size_options(priced: Priced, max_loss: float, most: int = 6) -> list[SizeOption]:
    """Return smaller sizes for the scenario's main size, the largest first, each cheaper.

    At most `most` of them, spread over the prices; empty where nothing is saved or known.
    """
    scenario, size = priced.scenario, priced.scenario.main_size
    try:
        steps = best_size(size.width_px, size.height_px, priced.card, scenario.detail, max_loss)
    except ImageTokensError:
        return []
    if len(steps) > most:
        steps = [steps[round(n * (len(steps) - 1) / (most - 1))] for n in range(most)]
    return [
        SizeOption(
            size=Size(step.width_px, step.height_px),
            image_tokens=step.image_tokens,
            loss=step.loss,
            priced=price_scenario(
                replace(scenario, sizes=(SizeShare(Size(step.width_px, step.height_px)),)),
                priced.card,
                priced.correction,
            ),
        )
        for step in steps
    ]


# Rows to take away

_UNKNOWN = "unknown"
_COLUMNS = (
    Column("name"),
    Column("model"),
    Column("detail"),
    Column("sizes"),
    Column("images_per_month"),
    Column("cached_percent"),
    Column("prompt_tokens"),
    Column("output_tokens"),
    Column("lane"),
    Column("image_tokens", _UNKNOWN),
    Column("image_tokens_low", _UNKNOWN),
    Column("image_tokens_high", _UNKNOWN),
    Column("request_usd", _UNKNOWN),
    Column("month_usd", _UNKNOWN),
    Column("month_usd_low", _UNKNOWN),
    Column("month_usd_high", _UNKNOWN),
    Column("month_cny", _UNKNOWN),
    Column("rule"),
    Column("shutdown_date"),
    Column("price_read"),
    Column("notes"),
)


def scenario_table(
    priced: Iterable[Priced],
    today: date,
    translate: Callable[[str], str],
    cny_per_usd: Decimal | None = None,
) -> TableData:
    """Return priced scenarios as rows for a file; without a rate there is no column for CNY."""
    columns = tuple(c for c in _COLUMNS if cny_per_usd is not None or c.name != "month_cny")
    rows = [_row(each, today, translate, cny_per_usd) for each in priced]
    return TableData(columns, tuple(tuple(row[c.name] for c in columns) for row in rows))


def _row(
    priced: Priced,
    today: date,
    translate: Callable[[str], str],
    cny_per_usd: Decimal | None,
) -> dict[str, Cell]:
    scenario, card, month = priced.scenario, priced.card, priced.month
    tokens = priced.image_tokens
    notes = [priced.problem] if priced.problem else [*date_notes(card, today), *priced.notes]
    return {
        "name": scenario.name,
        "model": scenario.model,
        "detail": scenario.detail.value,
        "sizes": sizes_to_text(scenario.sizes),
        "images_per_month": scenario.images,
        "cached_percent": scenario.cached_percent,
        "prompt_tokens": scenario.prompt_tokens,
        "output_tokens": scenario.output_tokens,
        "lane": scenario.lane.name.lower(),
        "image_tokens": tokens.expected if tokens else None,
        "image_tokens_low": tokens.low if tokens else None,
        "image_tokens_high": tokens.high if tokens else None,
        "request_usd": priced.request.expected if priced.request else None,
        "month_usd": month.expected if month else None,
        "month_usd_low": month.low if month else None,
        "month_usd_high": month.high if month else None,
        "month_cny": month.expected * cny_per_usd if month and cny_per_usd else None,
        "rule": card.rule_basis.value,
        "shutdown_date": card.shutdown_date,
        "price_read": card.read_date,
        "notes": " ".join(note.translated(translate) for note in notes),
    }
