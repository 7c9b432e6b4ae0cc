"""Answering in the form of a JSON Schema: filled where a fact exists, refused where one must."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from core.errors import ConfigurationError
from core.local.facts import PageFacts
from core.local.fields.items import Item
from core.local.problems import invalid_value
from core.local.values import Known, Values, as_number, item_value
from core.phrases import Phrase, Translate
from core.tasks.user_schema import parse_user_schema

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SchemaAnswer:
    """Either the JSON text of an answer that satisfies the schema, or why there is none."""

    text: str | None
    refusal: Phrase | None


class _Unfillable(Exception):  # noqa: N818 - a way out of the walk, not an error
    """No fact fits here, and neither null nor an empty list is allowed."""


_MISSING: Final = object()


def check_schema(schema: Schema) -> Schema:
    """Return the schema with its references written out and every property required.

    Raises:
        RequestError: If it is outside of what strict structured answers allow.
    """
    try:
        return parse_user_schema(json.dumps(schema)).schema
    except ConfigurationError as error:
        raise invalid_value("response_format", error.detail) from None


def answer_schema(
    strict: Schema, original: Schema, page: PageFacts, say: Translate
) -> SchemaAnswer:
    """Fill the schema from the facts of a page.

    Args:
        strict: What `check_schema` made of `original`.
        original: The schema as it was sent, which the answer must satisfy.
        page: The facts.
        say: The language of values that are our own words, such as the kind of document.
    """
    walk = _Walk(page, say)
    value = walk.fill_object(strict, "")
    if walk.missing:
        return SchemaAnswer(None, _refusal(walk.missing))
    if not walk.filled:
        return SchemaAnswer(None, _nothing_known())
    problem = None
    for candidate in (value, _without_nulls(value)):  # an optional property may not be null
        try:
            Draft202012Validator(original).validate(candidate)
        except ValidationError as error:
            problem = problem or error
            continue
        return SchemaAnswer(json.dumps(candidate, ensure_ascii=False), None)
    return SchemaAnswer(None, _refusal([problem.json_path.removeprefix("$.")] if problem else []))


def _refusal(missing: Sequence[str]) -> Phrase:
    return Phrase(
        "The local engine found nothing in the picture for: {keys}. The schema allows no null "
        "there, and this engine does not invent values.",
        {"keys": ", ".join(missing)},
    )


def _nothing_known() -> Phrase:
    return Phrase(
        "The local engine reads text and measures pictures; it knows nothing of what is asked here."
    )


class _Walk:
    """Goes through a schema once; remembers what is missing and whether anything was filled."""

    def __init__(self, page: PageFacts, say: Translate) -> None:
        self._values = Values(page, say)
        self.missing: list[str] = []
        self.filled = False

    def fill_object(self, schema: Schema, path: str) -> dict[str, Any]:
        """Fill each property; the path of one that cannot be is noted."""
        answer: dict[str, Any] = {}
        for name, child in schema.get("properties", {}).items():
            child_path = f"{path}.{name}" if path else name
            try:
                answer[name] = self._fill(name, child, child_path)
            except _Unfillable:
                self.missing.append(child_path)
        return answer

    def _fill(self, name: str, schema: Schema, path: str) -> Any:
        for option in _options(schema):
            value = self._fill_option(name, option, path)
            if value is not _MISSING:
                return value
        if _allows_null(schema):
            return None
        raise _Unfillable

    def _fill_option(self, name: str, schema: Schema, path: str) -> Any:
        if "const" in schema:
            return schema["const"]
        types = _types(schema)
        if "object" in types:
            return self.fill_object(schema, path)
        known = self._values.known(name, str(schema.get("description", "")))
        if "array" in types:
            return self._noted(self._array(known, schema))
        if "enum" in schema:
            return self._noted(_member(known, schema["enum"]))
        return self._noted(_scalar(known, types))

    def _array(self, known: Known, schema: Schema) -> Any:
        items = schema.get("items", {})
        if known.items is not None and "object" in _types(items):
            values: list[Any] = [_article(item, items) for item in known.items]
            if None in values:  # to leave an article out would be false
                return _MISSING
        elif known.numbers is not None and _types(items) & {"number", "integer"}:
            values = [as_number(number) for number in known.numbers]
        elif known.texts is not None and "string" in _types(items) and "enum" not in items:
            values = list(known.texts)
        else:
            values = []
        if len(values) < schema.get("minItems", 0):
            return _MISSING
        return values[: schema.get("maxItems", len(values))]

    def _noted(self, value: Any) -> Any:
        if value is not _MISSING and value != []:
            self.filled = True
        return value


def _options(schema: Schema) -> list[Schema]:
    if "anyOf" not in schema:
        return [schema]
    outer = {key: value for key, value in schema.items() if key != "anyOf"}
    return [{**outer, **option} for option in schema["anyOf"] if _types(option) != {"null"}]


def _types(schema: Schema) -> set[str]:
    named = schema.get("type", [])
    return {named} if isinstance(named, str) else set(named)


def _allows_null(schema: Schema) -> bool:
    if "null" in _types(schema) or None in schema.get("enum", ()):
        return True
    return any("null" in _types(option) for option in schema.get("anyOf", ()))


def _scalar(known: Known, types: set[str]) -> Any:
    value = known.value
    if isinstance(value, bool):
        return value if "boolean" in types else _MISSING
    if isinstance(value, int | Decimal):
        number = as_number(Decimal(value))
        if "number" in types or ("integer" in types and isinstance(number, int)):
            return number
        return str(value) if "string" in types else _MISSING
    if value is None and known.texts and "string" in types and "number" not in types:
        return "\n".join(known.texts)
    return value if isinstance(value, str) and "string" in types else _MISSING


def _member(known: Known, members: Sequence[Any]) -> Any:
    """Return the one member that the facts support; none where two or no member fit."""
    said = {word.lower() for word in (known.value, known.written) if isinstance(word, str)}
    said |= {text.lower() for text in known.texts or ()}
    fitting = [word for word in members if isinstance(word, str) and word.lower() in said]
    return fitting[0] if len(fitting) == 1 else _MISSING


def _article(item: Item, schema: Schema) -> dict[str, Any] | None:
    """Return one article as an object, or None where a required property is unknown."""
    answer: dict[str, Any] = {}
    for name, child in schema.get("properties", {}).items():
        value = item_value(item, name)
        number = as_number(value) if isinstance(value, Decimal) else None
        kinds = _types(child) | {kind for option in _options(child) for kind in _types(option)}
        if isinstance(value, str) and "string" in kinds:
            answer[name] = value
        elif number is not None and ("number" in kinds or isinstance(number, int)):
            answer[name] = number if kinds & {"number", "integer"} else str(value)
        elif _allows_null(child):
            answer[name] = None
        else:
            return None
    return answer


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(child) for key, child in value.items() if child is not None}
    return [_without_nulls(child) for child in value] if isinstance(value, list) else value
