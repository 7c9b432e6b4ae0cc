"""A person's own JSON Schema, brought into the form that strict structured output accepts.

References are written out in place, so that whatever reads the result (a model, the embedded
engine, the validator) never has to follow one.
"""

import json
import re
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from core.errors import InputNotUsableError
from core.phrases import Phrase
from core.types import AnswerSchema

MAX_CHARACTERS: Final = 50_000
MAX_DEPTH: Final = 10  # the provider's limit on objects and lists inside each other
MAX_PARTS: Final = 1_000  # subschemas after references are written out, which multiplies them

_LOCAL_REFERENCE: Final = re.compile(r"^#/(?:\$defs|definitions)/([^/~%]+)$")
_REFUSED: Final = frozenset({
    "allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas",
    "patternProperties", "propertyNames", "prefixItems", "unevaluatedProperties", "pattern",
})  # fmt: skip
"""Words outside the strict subset; `pattern` is here because a costly one stalls the validator."""
_LEFT_OUT: Final = frozenset({"$schema", "$id", "$comment", "$defs", "definitions", "default"})

_Schema = dict[str, Any]


def parse_user_schema(text: str) -> AnswerSchema:
    """Read a JSON Schema and return its strict form.

    Every property becomes required; one that was optional may be null instead of absent. No
    further properties are allowed. The schema's `title` names it.

    Raises:
        InputNotUsableError: Saying where the schema cannot be used and why.
    """
    schema = _parse(text)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise InputNotUsableError(
            Phrase(
                "This is not a valid JSON Schema at {path}: {problem}",
                {"path": error.json_path, "problem": error.message[:200]},
            )
        ) from None
    definitions = {**schema.get("definitions", {}), **schema.get("$defs", {})}
    return AnswerSchema(_name(schema.get("title")), _Closing(definitions).close(schema, "$"))


def _parse(text: str) -> _Schema:
    if len(text) > MAX_CHARACTERS:
        raise InputNotUsableError(
            Phrase("The schema is longer than {limit} characters.", {"limit": MAX_CHARACTERS})
        )
    try:
        schema = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputNotUsableError(
            Phrase(
                "The schema is not JSON. Line {line}, column {column}: {problem}.",
                {"line": error.lineno, "column": error.colno, "problem": error.msg},
            )
        ) from None
    except RecursionError:
        raise _too_deep("$") from None
    if not isinstance(schema, dict) or schema.get("type") != "object" or "anyOf" in schema:
        raise InputNotUsableError(
            Phrase(
                "The schema must describe an object: {example} at its root.",
                {"example": '{"type": "object", "properties": {...}}'},
            )
        )
    if _depth(schema) > 4 * MAX_DEPTH:  # the check against the meta-schema recurses
        raise _too_deep("$")
    return schema


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [child for parent in level for child in _children(parent)]
    return depth


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _name(title: Any) -> str:
    """Return a name of the form that the API takes: 1 to 64 of A-Z, a-z, 0-9 and _."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", title if isinstance(title, str) else "")
    return words.strip("_")[:64] or "answer"


class _Closing:
    """Writes references out and closes every object, counting the parts as it goes."""

    def __init__(self, definitions: _Schema) -> None:
        self._definitions = definitions
        self._parts = 0

    def close(self, schema: Any, path: str, depth: int = 1, trail: tuple[str, ...] = ()) -> _Schema:
        """Return the strict form of one subschema; `trail` names the references being followed."""
        self._count(path, depth, trail)
        if not isinstance(schema, dict):
            raise _without_type(path)
        if "$ref" in schema:
            return self._follow(schema, path, depth, trail)
        if refused := sorted(_REFUSED & schema.keys()):
            raise InputNotUsableError(
                Phrase(
                    "Structured answers do not support {word} (at {path} of the schema).",
                    {"word": refused[0], "path": path},
                )
            )
        if not {"type", "anyOf", "enum", "const"} & schema.keys():
            raise _without_type(path)
        return self._close_children(schema, path, depth, trail)

    def _count(self, path: str, depth: int, trail: tuple[str, ...]) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise InputNotUsableError(
                Phrase("The schema has more than {limit} parts.", {"limit": MAX_PARTS})
            )
        if depth > MAX_DEPTH or len(trail) > MAX_DEPTH:
            raise _too_deep(path)

    def _close_children(
        self, schema: _Schema, path: str, depth: int, trail: tuple[str, ...]
    ) -> _Schema:
        closed = {key: value for key, value in schema.items() if key not in _LEFT_OUT}
        if "anyOf" in schema:
            closed["anyOf"] = [
                self.close(choice, f"{path}.anyOf[{position}]", depth + 1, trail)
                for position, choice in enumerate(schema["anyOf"])
            ]
        if "array" in _types(schema):
            closed["items"] = self.close(schema.get("items"), f"{path}[]", depth + 1, trail)
        if "object" in _types(schema):
            _refuse_open_object(schema, path)
            required = schema.get("required", ())
            closed["properties"] = {
                name: child if name in required else _or_null(child)
                for name, source in schema["properties"].items()
                for child in [self.close(source, f"{path}.{name}", depth + 1, trail)]
            }
            closed |= {"required": list(schema["properties"]), "additionalProperties": False}
        return closed

    def _follow(self, schema: _Schema, path: str, depth: int, trail: tuple[str, ...]) -> _Schema:
        match = _LOCAL_REFERENCE.match(schema["$ref"])
        if match is None or match[1] not in self._definitions:
            raise InputNotUsableError(
                Phrase(
                    "At {path} the schema refers to {reference}. Only #/$defs/NAME inside the "
                    "same schema is followed.",
                    {"path": path, "reference": schema["$ref"][:100]},
                )
            )
        if match[1] in trail:
            raise InputNotUsableError(
                Phrase("The definition {name} contains itself.", {"name": match[1]})
            )
        return self.close(self._definitions[match[1]], path, depth, (*trail, match[1]))


def _refuse_open_object(schema: _Schema, path: str) -> None:
    if not schema.get("properties"):
        raise InputNotUsableError(
            Phrase("The object at {path} of the schema must name its properties.", {"path": path})
        )
    if schema.get("additionalProperties", False) is not False:
        raise InputNotUsableError(
            Phrase(
                "The object at {path} of the schema must have additionalProperties false.",
                {"path": path},
            )
        )


def _types(schema: _Schema) -> list[str]:
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def _or_null(schema: _Schema) -> _Schema:
    """Allow null where a property was optional: strict mode knows no absent property."""
    types = _types(schema)
    if "null" in types:
        return schema
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    if not types or "const" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    wider = {**schema, "type": [*types, "null"]}
    if "enum" in schema:
        wider["enum"] = [*schema["enum"], None]
    return wider


def _without_type(path: str) -> InputNotUsableError:
    return InputNotUsableError(Phrase("The schema must say which type {path} has.", {"path": path}))


def _too_deep(path: str) -> InputNotUsableError:
    return InputNotUsableError(
        Phrase(
            "The schema is nested more than {limit} deep at {path}.",
            {"limit": MAX_DEPTH, "path": path},
        )
    )
