"""The form of a suite file, as JSON Schema."""

from typing import Any, Final

from core.tasks import TASKS
from core.types import Detail


def _object(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
        "minProperties": 1,
    }


_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 20_000}
_POSITIVE: Final = {"type": "number", "minimum": 0}
_RANGE: Final = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}

_EXPECT: Final = _object(
    (),
    contains={"type": "array", "items": _TEXT, "minItems": 1},
    regex=_TEXT,
    json={"type": "object", "minProperties": 1},
    number={"type": "object", "minProperties": 1, "additionalProperties": _RANGE},
    schema_valid={"const": True},
    fails_with=_TEXT,
    max_latency_s=_POSITIVE,
    max_cost_usd=_POSITIVE,
)

_CASE: Final = _object(
    ("id", "image", "expect"),
    id={"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,60}$"},
    title=_TEXT,
    image=_TEXT,
    task={"enum": list(TASKS)},
    prompt=_TEXT,
    detail={"enum": [detail.value for detail in Detail]},
    max_output_tokens={"type": "integer", "minimum": 1},
    schema={"type": "object"},
    expect=_EXPECT,
)

SUITE_SCHEMA: Final = _object(
    ("suite", "cases"),
    suite={"type": "string", "minLength": 1, "maxLength": 100},
    description=_TEXT,
    cases={"type": "array", "items": _CASE, "minItems": 1, "maxItems": 500},
)
