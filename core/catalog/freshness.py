"""How old a card's price is, and what a reader should know about its dates."""

from datetime import date

from core.catalog.models import ModelCard, Origin
from core.phrases import Phrase

MAX_PRICE_AGE_DAYS = 120
"""A price that was read longer ago than this is called old."""


def price_age_days(card: ModelCard, today: date) -> int | None:
    """Return how long ago the price was read, or None where no day of reading is known."""
    if card.price is None or card.read_date is None:
        return None
    return (today - card.read_date).days


def date_notes(card: ModelCard, today: date) -> tuple[Phrase, ...]:
    """Return what the dates on a card mean today: shutdown, old price, ended promotion, own price.

    The first is the most urgent.
    """
    notes = (
        _shutdown_note(card, today),
        _age_note(card, today),
        _promotion_note(card, today),
        _origin_note(card),
    )
    return tuple(note for note in notes if note is not None)


def _shutdown_note(card: ModelCard, today: date) -> Phrase | None:
    if card.shutdown_date is None:
        return None
    values: dict[str, str | int] = {
        "model": card.name,
        "date": card.shutdown_date.isoformat(),
        "days": (card.shutdown_date - today).days,
        "successor": card.successor or "",
    }
    match card.is_shut_down(today), card.successor is None:
        case True, True:
            return Phrase("{model} was shut down on {date}.", values)
        case True, False:
            return Phrase(
                "{model} was shut down on {date}; its vendor names {successor} as the successor.",
                values,
            )
        case False, True:
            return Phrase("{model} will be shut down on {date} (days left: {days}).", values)
        case _:
            return Phrase(
                "{model} will be shut down on {date} (days left: {days}); its vendor names "
                "{successor} as the successor.",
                values,
            )


def _age_note(card: ModelCard, today: date) -> Phrase | None:
    age_days = price_age_days(card, today)
    if age_days is None or age_days <= MAX_PRICE_AGE_DAYS:
        return None
    return Phrase(
        "The price of {model} was read {days} days ago and may have changed.",
        {"model": card.name, "days": age_days},
    )


def _promotion_note(card: ModelCard, today: date) -> Phrase | None:
    if card.price_until is None or today <= card.price_until:
        return None
    return Phrase(
        "The price of {model} is a promotion that was announced until {date}; the bill may be "
        "higher.",
        {"model": card.name, "date": card.price_until.isoformat()},
    )


def _origin_note(card: ModelCard) -> Phrase | None:
    if card.origin is not Origin.USER:
        return None
    return Phrase("Your models.toml describes {model}.", {"model": card.name})
