"""Cards as TOML tables, and back. Every complaint names the key it is about."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from core.catalog.models import ModelCard, Origin, RuleBasis, TemperatureRule
from core.catalog.rules import ImageRule, rule_from_json, rule_to_json
from core.pricing import LongContext, ModelPrice, Rates

T = TypeVar("T")
Choice = TypeVar("Choice", bound=StrEnum)

_TIERS = ("standard", "batch", "flex", "priority")


class EntryError(ValueError):
    """An entry says something that cannot be used."""


class _Reader:
    """Takes typed values out of a table and remembers what is left."""

    def __init__(self, path: str, table: Any) -> None:
        if not isinstance(table, Mapping):
            raise EntryError(f"{path}: a table is needed")
        self.path = path
        self._left = dict(table)

    def take(self, key: str, kind: type[T]) -> T | None:
        value = self._left.pop(key, None)
        if value is None or type(value) is kind:  # exactly: True is no number, a datetime no date
            return value
        raise EntryError(f"{self.path}.{key}: {value!r} is not usable here")

    def take_choice(self, key: str, choices: type[Choice]) -> Choice | None:
        value = self.take(key, str)
        if value is not None and value not in tuple(choices):
            raise EntryError(f"{self.path}.{key}: {value!r} is not one of {', '.join(choices)}")
        return None if value is None else choices(value)

    def take_texts(self, key: str) -> tuple[str, ...] | None:
        values = self.take(key, list)
        if values is not None and not all(isinstance(each, str) for each in values):
            raise EntryError(f"{self.path}.{key}: a list of texts is needed")
        return None if values is None else tuple(values)

    def take_count(self, key: str) -> int | None:
        value = self.take(key, int)
        if value is not None and value < 1:
            raise EntryError(f"{self.path}.{key}: {value} is not a positive number")
        return value

    def take_number(self, key: str) -> Decimal | None:
        value = self._left.pop(key, None)
        usable = isinstance(value, int | Decimal) and not isinstance(value, bool)
        if value is None:
            return None
        if not usable or not Decimal(value).is_finite() or value < 0:
            raise EntryError(f"{self.path}.{key}: {value!r} is not a number of 0 or more")
        return Decimal(value)

    def need_number(self, key: str) -> Decimal:
        value = self.take_number(key)
        if value is None:
            raise EntryError(f"{self.path}.{key}: missing")
        return value

    def take_table(self, key: str) -> "_Reader | None":
        value = self._left.pop(key, None)
        return None if value is None else _Reader(f"{self.path}.{key}", value)

    def take_any(self, key: str) -> Any:
        return self._left.pop(key, None)

    def finish(self) -> None:
        if self._left:
            raise EntryError(f"{self.path}.{min(self._left)}: unknown key")


def read_rules(tables: Mapping[str, Any]) -> dict[str, ImageRule]:
    """Read the table of named image rules.

    Raises:
        EntryError: Naming the rule and its part.
    """
    return {name: _read_rule(f"image_rules.{name}", table, {}) for name, table in tables.items()}


def read_card(name: str, table: Any, rules: Mapping[str, ImageRule], origin: Origin) -> ModelCard:
    """Read the entry of one model; what it does not say stays unknown.

    Raises:
        EntryError: Naming the key.
    """
    entry = _Reader(f"models.{name}", table)
    price = entry.take_table("price")
    rule = entry.take_any("image_rule")
    card = ModelCard(
        name=name,
        provider=entry.take("provider", str),
        rule_basis=entry.take_choice("rule_basis", RuleBasis) or RuleBasis.PUBLISHED,
        price=None if price is None else _read_price(price),
        price_until=entry.take("price_until", date),
        context_tokens=entry.take_count("context_tokens"),
        max_output_tokens=entry.take_count("max_output_tokens"),
        structured_output=entry.take("structured_output", bool),
        temperature=entry.take_choice("temperature", TemperatureRule),
        reasoning_efforts=entry.take_texts("reasoning_efforts"),
        default_reasoning_effort=entry.take("default_reasoning_effort", str),
        shutdown_date=entry.take("shutdown_date", date),
        successor=entry.take("successor", str),
        source_url=entry.take("source_url", str),
        read_date=entry.take("read_date", date),
        aliases=entry.take_texts("aliases") or (),
        origin=origin,
    )
    entry.finish()
    if rule is None:
        return replace(card, rule_basis=RuleBasis.UNPUBLISHED)
    return replace(card, image_rule=_read_rule(f"models.{name}.image_rule", rule, rules))


def entry_of(card: ModelCard, rules: Mapping[str, ImageRule]) -> dict[str, Any]:
    """Return the card as a table that `read_card` reads back; unknowns are left out.

    An image rule that has a name in `rules` is written by its name.
    """
    entry = {
        "provider": card.provider,
        "image_rule": _rule_entry(card.image_rule, rules),
        "rule_basis": card.rule_basis.value,
        "context_tokens": card.context_tokens,
        "max_output_tokens": card.max_output_tokens,
        "structured_output": card.structured_output,
        "temperature": None if card.temperature is None else card.temperature.value,
        "reasoning_efforts": _as_list(card.reasoning_efforts),
        "default_reasoning_effort": card.default_reasoning_effort,
        "shutdown_date": card.shutdown_date,
        "successor": card.successor,
        "price_until": card.price_until,
        "source_url": card.source_url,
        "read_date": card.read_date,
        "aliases": _as_list(card.aliases or None),
        "price": None if card.price is None else _price_entry(card.price),
    }
    return {key: value for key, value in entry.items() if value is not None}


def _read_rule(path: str, value: Any, rules: Mapping[str, ImageRule]) -> ImageRule:
    if isinstance(value, str):
        if value not in rules:
            raise EntryError(f"{path}: there is no image rule {value!r}")
        return rules[value]
    if not isinstance(value, Mapping):
        raise EntryError(f"{path}: the name of a rule or a table is needed")
    try:
        return rule_from_json(value)
    except ValueError as error:
        raise EntryError(f"{path}.{error}") from error


def _rule_entry(rule: ImageRule, rules: Mapping[str, ImageRule]) -> str | dict[str, Any]:
    names = [name for name, each in rules.items() if each == rule]
    return names[0] if names else rule_to_json(rule)


def _read_price(table: _Reader) -> ModelPrice:
    tiers = {name: table.take_table(name) for name in _TIERS}
    long = table.take_table("long_context")
    table.finish()
    rates = {name: None if tier is None else _read_rates(tier) for name, tier in tiers.items()}
    standard = rates["standard"]
    if standard is None:
        raise EntryError(f"{table.path}.standard: missing")
    return ModelPrice(
        standard=standard,
        batch=rates["batch"],
        flex=rates["flex"],
        priority=rates["priority"],
        long_context=None if long is None else _read_long_context(long),
    )


def _read_rates(table: _Reader) -> Rates:
    rates = Rates(
        input_usd=table.need_number("input"),
        output_usd=table.need_number("output"),
        cached_input_usd=table.take_number("cached_input"),
        cache_write_usd=table.take_number("cache_write"),
    )
    table.finish()
    return rates


def _read_long_context(table: _Reader) -> LongContext:
    above = table.take_count("above_input_tokens")
    if above is None:
        raise EntryError(f"{table.path}.above_input_tokens: missing")
    long = LongContext(above, table.need_number("input_factor"), table.need_number("output_factor"))
    table.finish()
    return long


def _price_entry(price: ModelPrice) -> dict[str, Any]:
    tiers = {name: getattr(price, name) for name in _TIERS}
    entry: dict[str, Any] = {name: _rates_entry(rates) for name, rates in tiers.items() if rates}
    if long := price.long_context:
        entry["long_context"] = {
            "above_input_tokens": long.above_input_tokens,
            "input_factor": long.input_factor,
            "output_factor": long.output_factor,
        }
    return entry


def _rates_entry(rates: Rates) -> dict[str, Decimal]:
    entry = {
        "input": rates.input_usd,
        "cached_input": rates.cached_input_usd,
        "cache_write": rates.cache_write_usd,
        "output": rates.output_usd,
    }
    return {key: value for key, value in entry.items() if value is not None}


def _as_list(texts: tuple[str, ...] | None) -> list[str] | None:
    return None if texts is None else list(texts)
