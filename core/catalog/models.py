"""What is known about each model, and how a name finds it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from core.catalog.rules import UNKNOWN_RULE, ImageRule, details_of
from core.pricing import ModelPrice
from core.types import Detail

_SNAPSHOT_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}$")


class Origin(StrEnum):
    """Who stands behind a card."""

    VENDOR = "vendor"  # shipped with Tessera, from the vendor's pages
    USER = "user"  # the user's file changed or added it: show the mark
    UNKNOWN = "unknown"  # nobody described this model


class RuleBasis(StrEnum):
    """How we know the way a model counts pictures."""

    PUBLISHED = "published"
    MEASURED = "measured"  # from live bills, the vendor is silent
    UNPUBLISHED = "unpublished"  # a range over its relatives' rules


class TemperatureRule(StrEnum):
    """When a model takes temperature and top_p."""

    ALWAYS = "always"
    WITHOUT_REASONING = "without_reasoning"  # only at reasoning effort `none`
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One model; None always means that it is not known.

    `reasoning_efforts` is empty where the model does not take the parameter.
    `price_until` is the last day of a promotional price.
    """

    name: str
    provider: str | None = None
    image_rule: ImageRule = UNKNOWN_RULE
    rule_basis: RuleBasis = RuleBasis.UNPUBLISHED
    price: ModelPrice | None = None
    price_until: date | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    structured_output: bool | None = None
    temperature: TemperatureRule | None = None
    reasoning_efforts: tuple[str, ...] | None = None
    default_reasoning_effort: str | None = None
    shutdown_date: date | None = None
    successor: str | None = None
    source_url: str | None = None
    read_date: date | None = None
    aliases: tuple[str, ...] = ()
    origin: Origin = Origin.UNKNOWN

    @property
    def details(self) -> tuple[Detail, ...]:
        """Return the details that the model takes."""
        return details_of(self.image_rule)

    @property
    def supports_temperature(self) -> bool | None:
        """Say whether the model takes a temperature at all, perhaps only without reasoning."""
        return None if self.temperature is None else self.temperature is not TemperatureRule.NEVER

    def is_shut_down(self, today: date) -> bool:
        """Say whether the vendor has switched the model off."""
        return self.shutdown_date is not None and self.shutdown_date <= today


class Catalog:
    """Every model that is described, in the order of the file, and the named image rules."""

    def __init__(self, cards: Mapping[str, ModelCard], rules: Mapping[str, ImageRule]) -> None:
        self.rules = dict(rules)
        self._cards = dict(cards)
        self._names = {alias: card.name for card in cards.values() for alias in card.aliases}

    def names(self) -> tuple[str, ...]:
        """Return the names of all models, those that were shut down included."""
        return tuple(self._cards)

    def cards(self) -> tuple[ModelCard, ...]:
        """Return all cards."""
        return tuple(self._cards.values())

    def live_cards(self, today: date) -> tuple[ModelCard, ...]:
        """Return the cards of models that still answer on this day."""
        return tuple(card for card in self.cards() if not card.is_shut_down(today))

    def card(self, name: str) -> ModelCard:
        """Return what is known about `name`; an undescribed model has a card of unknowns.

        A dated snapshot without an entry of its own is taken for the model it belongs to.
        """
        for known in (name, self._names.get(name), _SNAPSHOT_DATE.sub("", name)):
            if known in self._cards:
                return replace(self._cards[known], name=name)
        return ModelCard(name)
