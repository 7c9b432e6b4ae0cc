"""Answers as plain text for a terminal."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from core.cli_output import usd
from core.export import ExportItem, explain
from core.phrases import N_, Translate
from core.tasks import field_label
from core.types import Failure, Success

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Everything but tabs and line ends: a picture's text could move the cursor or rename windows."""


def plain_line(text: str) -> str:
    """Return one line without anything that moves a cursor."""
    return _CONTROL.sub("", " ".join(text.splitlines()))


def item_text(item: ExportItem, translate: Translate) -> str:
    """Return one answer with its heading, for people."""
    lines = [f"=== {item.source}", _facts(item, translate)]
    match item.outcome:
        case Failure() as failure:
            words = explain(failure.code, failure.detail, translate)
            lines += [f"{failure.code}: {words.message}", words.hint]
        case Success(text=text, held=held):
            if item.disclaimer:
                lines += [item.disclaimer.translated(translate), ""]
            if held:
                words = explain(held, None, translate)
                lines += [f"{held}: {words.message} {words.hint}", ""]
            lines += [text] if item.data is None else _value_lines(item.data, translate, "")
    lines += [f"* {note.translated(translate)}" for note in item.outcome.notes]
    return _CONTROL.sub("", "\n".join(lines)) + "\n"


def _facts(item: ExportItem, translate: Translate) -> str:
    outcome, unknown = item.outcome, translate(N_("unknown"))
    usage = outcome.usage
    cached = isinstance(outcome, Success) and outcome.cached
    tokens = [usage.input_tokens, usage.output_tokens] if usage else [unknown, unknown]
    facts = {
        N_("Model"): outcome.model or item.model,
        N_("Detail"): item.detail.value,
        N_("Input tokens"): tokens[0],
        N_("Output tokens"): tokens[1],
        N_("Cost"): translate(N_("from the cache")) if cached else usd(outcome.cost.usd, unknown),
    }
    return " | ".join(f"{translate(name)}: {value}" for name, value in facts.items())


def _value_lines(value: Any, translate: Translate, indent: str) -> list[str]:
    """Return a value as indented lines, one for each field and list entry."""
    deeper = indent + "  "
    match value:
        case Mapping() if value:
            return [
                line
                for name, child in value.items()
                for line in _named(translate(field_label(str(name))), child, translate, indent)
            ]
        case list() if value:
            return [line for child in value for line in _entry(child, translate, indent)]
        case str() if "\n" in value:
            return [f"{deeper}{line}" for line in value.splitlines()]
        case _:
            return [f"{indent}{_plain(value)}"]


def _named(label: str, value: Any, translate: Translate, indent: str) -> list[str]:
    lines = _value_lines(value, translate, indent + "  ")
    if len(lines) == 1 and not (value and isinstance(value, Mapping | list)):
        return [f"{indent}{label}: {lines[0].strip()}"]
    return [f"{indent}{label}:", *lines]


def _entry(value: Any, translate: Translate, indent: str) -> list[str]:
    """Return a list entry; an object with plain values goes on one line."""
    if isinstance(value, Mapping) and all(map(_is_plain, value.values())):
        parts = (f"{translate(field_label(str(k)))}: {_plain(v)}" for k, v in value.items())
        return [f"{indent}- {', '.join(parts)}"]
    first, *rest = _value_lines(value, translate, indent + "  ")
    return [f"{indent}- {first.strip()}", *rest]


def _is_plain(value: Any) -> bool:
    return not isinstance(value, Mapping | list)


def _plain(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
