"""How models turn pictures into tokens, as data. The arithmetic is in core/tokens.py.

Nothing heavy is imported here: the decoder's child processes need these rules to know the size to
make. Source of the published families:
https://developers.openai.com/api/docs/guides/images-vision, read 2026-11-23.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, assert_never

from core.types import Detail

RuleJson = dict[str, Any]
"""A rule as TOML and JSON hold it: plain numbers, strings and nested tables."""


@dataclass(frozen=True, slots=True)
class TileRule:
    """A fixed price, and at high detail a price for each square tile of 512 px.

    The picture is fitted into 2048x2048 first and then brought to 768 px on its short side;
    neither step enlarges.
    """

    base_tokens: int
    tile_tokens: int
    fit_px: int = 2048
    short_side_px: int = 768
    tile_px: int = 512


@dataclass(frozen=True, slots=True)
class PatchView:
    """How much a patch model takes in at one detail; None means that there is no such limit."""

    max_side_px: int | None = None
    patch_budget: int | None = None


@dataclass(frozen=True, slots=True)
class PatchRule:
    """A price for each square of 32 px, times a factor in hundredths (120 means 1.2).

    `original` is None where the model does not take that detail. `auto` is the detail that the
    model uses when nobody chooses. Pictures of more than `max_patches` are rejected.
    """

    multiplier_percent: int
    low: PatchView
    high: PatchView
    auto: Detail
    original: PatchView | None = None
    patch_px: int = 32
    max_patches: int = 30_000


@dataclass(frozen=True, slots=True)
class PixelsRule:
    """Pictures are read up to a longest side and cost no tokens: the embedded engine."""

    max_side_px: int


@dataclass(frozen=True, slots=True)
class UnpublishedRule:
    """The vendor does not say. `candidates` are rules of its relatives, the likeliest first.

    Without candidates nothing can be said about tokens; `max_side_px` then bounds what is sent
    when the detail is not `original`.
    """

    candidates: tuple[TileRule | PatchRule, ...] = ()
    max_side_px: int = 2048


ImageRule = TileRule | PatchRule | PixelsRule | UnpublishedRule

UNKNOWN_RULE = UnpublishedRule()


def details_of(rule: ImageRule) -> tuple[Detail, ...]:
    """Return the details that a model with this rule accepts."""
    match rule:
        case TileRule():
            return (Detail.AUTO, Detail.LOW, Detail.HIGH)
        case PatchRule(original=None):
            return (Detail.AUTO, Detail.LOW, Detail.HIGH)
        case PatchRule() | PixelsRule():
            return tuple(Detail)
        case UnpublishedRule(candidates=candidates):
            return tuple(d for d in Detail if all(d in details_of(c) for c in candidates))
        case _:
            assert_never(rule)


def rule_to_json(rule: ImageRule) -> RuleJson:
    """Return the rule as plain data that `rule_from_json` reads back."""
    match rule:
        case TileRule():
            return {"kind": "tile", **asdict(rule)}
        case PatchRule():
            return {"kind": "patch", **_without_none(asdict(rule)), "auto": rule.auto.value}
        case PixelsRule():
            return {"kind": "pixels", **asdict(rule)}
        case UnpublishedRule(candidates=candidates, max_side_px=max_side_px):
            likely = [rule_to_json(candidate) for candidate in candidates]
            return {"kind": "unpublished", "candidates": likely, "max_side_px": max_side_px}
        case _:
            assert_never(rule)


def rule_from_json(data: Mapping[str, Any]) -> ImageRule:
    """Read a rule back.

    Raises:
        ValueError: Naming the part that is missing, unknown or no positive whole number.
    """
    fields = dict(data)
    match fields.pop("kind", None):
        case "tile":
            return TileRule(**_numbers(fields, TileRule))
        case "pixels":
            return PixelsRule(**_numbers(fields, PixelsRule))
        case "patch":
            return _patch_rule(fields)
        case "unpublished":
            return _unpublished_rule(fields)
        case kind:
            raise ValueError(f"kind: {kind!r} is not tile, patch, pixels or unpublished")


def _patch_rule(fields: RuleJson) -> PatchRule:
    views = {name: _view(name, fields.pop(name, None)) for name in ("low", "high", "original")}
    auto = fields.pop("auto", None)
    if views["low"] is None or views["high"] is None or auto not in ("low", "high", "original"):
        raise ValueError("patch: low, high and auto (low, high or original) are needed")
    if views[auto] is None:
        raise ValueError(f"auto: the rule has no {auto}")
    numbers = _numbers(fields, PatchRule, known={"multiplier_percent", "patch_px", "max_patches"})
    return PatchRule(
        low=views["low"],
        high=views["high"],
        original=views["original"],
        auto=Detail(auto),
        **numbers,
    )


def _unpublished_rule(fields: RuleJson) -> UnpublishedRule:
    candidates = tuple(rule_from_json(each) for each in fields.pop("candidates", ()))
    known = tuple(each for each in candidates if isinstance(each, TileRule | PatchRule))
    if len(known) != len(candidates):
        raise ValueError("candidates: only tile and patch rules can stand in for another")
    return UnpublishedRule(known, **_numbers(fields, UnpublishedRule, known={"max_side_px"}))


def _view(name: str, data: Any) -> PatchView | None:
    if data is None:
        return None
    if not isinstance(data, Mapping):
        raise ValueError(f"{name}: a table is needed")  # noqa: TRY004 - one error for bad data
    return PatchView(**_numbers(dict(data), PatchView))


def _numbers(fields: RuleJson, kind: type, known: set[str] | None = None) -> dict[str, int]:
    """Return `fields` if each is a field of `kind` and a positive whole number."""
    for name, value in fields.items():
        if name not in (known or set(kind.__dataclass_fields__)):  # type: ignore[attr-defined]
            raise ValueError(f"{name}: unknown")
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name}: {value!r} is not a positive whole number")
    needed = {"base_tokens", "tile_tokens", "multiplier_percent"} | (
        {"max_side_px"} if kind is PixelsRule else set()
    )
    if missing := needed & set(kind.__dataclass_fields__) - set(fields):  # type: ignore[attr-defined]
        raise ValueError(f"{min(missing)}: missing")
    return fields


def _without_none(data: RuleJson) -> RuleJson:
    """Drop what is None at any depth: TOML has no null."""
    return {
        name: _without_none(value) if isinstance(value, dict) else value
        for name, value in data.items()
        if value is not None
    }
