"""Answers as files: JSON for programs, Markdown for readers, CSV for spreadsheets. Pure."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from core.diagnosis import diagnose
from core.phrases import N_, Phrase, Translate
from core.tasks.labels import field_label
from core.types import Cost, Detail, Failure, Outcome, Success, TokenUsage


@dataclass(frozen=True, slots=True)
class Estimate:
    """What was expected before the call; None is unknown."""

    image_tokens: int | None = None
    input_tokens: int | None = None
    cost_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ExportItem:
    """One picture with its answer.

    `corrected` is what the person made of the data, or None where nothing was changed; `model` is
    the one that was asked for, used where no answer says otherwise.
    """

    id: str
    source: str
    outcome: Outcome
    model: str
    detail: Detail
    estimate: Estimate = Estimate()
    corrected: Any = None
    disclaimer: Phrase | None = None

    @property
    def data(self) -> Any:
        """Return the structured answer as it stands after corrections, or None."""
        if self.corrected is not None:
            return self.corrected
        return self.outcome.data if isinstance(self.outcome, Success) else None


def _english(sentence: str) -> str:
    return sentence


# JSON


def json_item(item: ExportItem, translate: Translate = _english) -> dict[str, Any]:
    """Return one item in the form that `analyze --json`, exports and the API share.

    Money is a string. `corrected` appears only where a person changed the data, and `held`, a code,
    only where the answer waits for a person; `text` is null where its words were withheld.
    """
    outcome = item.outcome
    fields = {
        "id": item.id,
        "source": item.source,
        "status": "succeeded" if isinstance(outcome, Success) else "failed",
        "text": outcome.text or None if isinstance(outcome, Success) else None,
        "data": outcome.data if isinstance(outcome, Success) else None,
        "model": outcome.model or item.model,
        "detail": item.detail.value,
        "finish_reason": outcome.finish_reason if isinstance(outcome, Success) else None,
        "usage": _usage(outcome.usage),
        "estimate": {
            "image_tokens": item.estimate.image_tokens,
            "input_tokens": item.estimate.input_tokens,
            "cost_usd": money(item.estimate.cost_usd),
        },
        "cost_usd": money(outcome.cost.usd),
        "cost_basis": outcome.cost.basis.value,
        "cached": isinstance(outcome, Success) and outcome.cached,
        "latency_s": round(outcome.latency_s, 3),
        "attempts": outcome.attempts,
        "notes": [note.translated(translate) for note in outcome.notes],
        "error": _error(outcome, translate) if isinstance(outcome, Failure) else None,
    }
    if isinstance(outcome, Success) and outcome.held:
        fields["held"] = outcome.held
    return fields if item.corrected is None else {**fields, "corrected": item.corrected}


def to_json(items: Iterable[ExportItem], translate: Translate = _english) -> str:
    """Return all items as one JSON document, `{"items": [...]}`."""
    document = {"items": [json_item(item, translate) for item in items]}
    return json.dumps(document, ensure_ascii=False, indent=2)


def money(usd: Decimal | None) -> str | None:
    """Return an amount as plain digits, never as 1E-7; unknown stays None."""
    return None if usd is None else f"{usd:f}"


def _usage(usage: TokenUsage | None) -> dict[str, int] | None:
    if usage is None:
        return None
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }


def _error(failure: Failure, translate: Translate) -> dict[str, Any]:
    words = explain(failure.code, failure.detail, translate)
    return {
        "code": failure.code,
        "message": words.message,
        "hint": words.hint,
        "retryable": failure.retryable,
    }


@dataclass(frozen=True, slots=True)
class ErrorWords:
    """What kind of error it is, what was special here, and what to do about it."""

    summary: str
    message: str
    hint: str


def explain(code: str, detail: Phrase | None, translate: Translate) -> ErrorWords:
    """Return the words for an error; the summary is its message where it has none of its own."""
    found = diagnose(code)
    summary = translate(found.summary)
    message = detail.translated(translate) if detail else ""
    return ErrorWords(summary, message or summary, translate(found.solution))


# Markdown


def to_markdown(items: Iterable[ExportItem], translate: Translate = _english) -> str:
    """Return all items as one document, a heading each; nothing in it loads or runs anything."""
    return "\n".join(_section(item, translate) for item in items)


def _section(item: ExportItem, translate: Translate) -> str:
    lines = [f"## {inline_markdown(item.source)}", "", _facts(item, translate), ""]
    match item.outcome:
        case Failure() as failure:
            words = explain(failure.code, failure.detail, translate)
            lines += [
                f"> **{failure.code}** {inline_markdown(words.message)}",
                ">",
                f"> {words.hint}",
                "",
            ]
        case Success(text=text, held=held):
            if item.disclaimer:
                lines += [f"> {inline_markdown(item.disclaimer.translated(translate))}", ""]
            if held:
                lines += [f"> **{held}** {translate(diagnose(held).summary)}", ""]
            if item.data is None:
                lines += [_harmless(text), ""]
            else:
                lines += [*_value_lines(item.data, translate, depth=0), ""]
    lines += [f"- {inline_markdown(note.translated(translate))}" for note in item.outcome.notes]
    return "\n".join(lines).rstrip() + "\n"


def _facts(item: ExportItem, translate: Translate) -> str:
    unknown = translate(N_("unknown"))
    usage = item.outcome.usage
    facts = [
        (translate(N_("Model")), item.outcome.model or item.model),
        (translate(N_("Detail")), item.detail.value),
        (translate(N_("Cost")), _cost(item.outcome.cost, unknown)),
        (translate(N_("Input tokens")), unknown if usage is None else str(usage.input_tokens)),
        (translate(N_("Output tokens")), unknown if usage is None else str(usage.output_tokens)),
    ]
    return " · ".join(f"{name}: {inline_markdown(value)}" for name, value in facts)


def _cost(cost: Cost, unknown: str) -> str:
    return unknown if cost.usd is None else f"${cost.usd:f}"


def _value_lines(value: Any, translate: Translate, depth: int) -> list[str]:
    """Return a value as nested bullets; a list of like objects becomes a table."""
    indent = "  " * depth
    if isinstance(value, Mapping):
        lines = []
        for name, child in value.items():
            label = f"{indent}- **{inline_markdown(translate(field_label(str(name))))}:**"
            if isinstance(child, str) and "\n" in child:
                lines += [label, *_fenced(child, indent + "  ")]
            elif _is_plain(child):
                lines.append(f"{label} {inline_markdown(_plain_text(child))}")
            else:
                lines += [label, *_value_lines(child, translate, depth + 1)]
        return lines
    if isinstance(value, list):
        if columns := _shared_columns(value):
            return ["", *_table(value, columns, translate), ""]
        return [
            line
            for child in value
            for line in (
                [f"{indent}- {inline_markdown(_plain_text(child))}"]
                if _is_plain(child)
                else _value_lines(child, translate, depth + 1)
            )
        ]
    return [f"{indent}{inline_markdown(_plain_text(value))}"]


def _fenced(text: str, indent: str) -> list[str]:
    """Return text that keeps its line breaks, in a fence that nothing in it can close."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return ["", *(f"{indent}{line}" for line in (fence, *text.splitlines(), fence)), ""]


def _shared_columns(rows: list[Any]) -> list[str]:
    if not all(isinstance(row, Mapping) and all(map(_is_plain, row.values())) for row in rows):
        return []
    return list(dict.fromkeys(str(name) for row in rows for name in row))


def _table(rows: list[Any], columns: list[str], translate: Translate) -> list[str]:
    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cells)} |"

    return [
        line(_cell(translate(field_label(name))) for name in columns),
        line("---" for _ in columns),
        *(line(_cell(_plain_text(row.get(name))) for name in columns) for row in rows),
    ]


def _is_plain(value: Any) -> bool:
    return not isinstance(value, Mapping | list) or not value


def _plain_text(value: Any) -> str:
    if value is None or (isinstance(value, Mapping | list) and not value):
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _harmless(text: str) -> str:
    """Keep a model's Markdown without pictures and HTML, so that opening it fetches nothing."""
    return text.replace("<", "&lt;").replace("![", "!\\[")


def inline_markdown(text: str) -> str:
    """Return text that stands for itself inside a line of Markdown."""
    escaped = re.sub(r"([\\`*_\[\]])", r"\\\1", text.replace("<", "&lt;"))
    return escaped.replace("\r\n", "\n").replace("\n", "<br>")


def _cell(text: str) -> str:
    return inline_markdown(text).replace("|", "\\|")


# CSV

_Column = tuple[str, Callable[[ExportItem, Translate], Any]]


def _outcome_usage(item: ExportItem, name: str) -> int | None:
    return getattr(item.outcome.usage, name, None)


_COLUMNS: Final[Sequence[_Column]] = (
    ("id", lambda item, _: item.id),
    ("source", lambda item, _: item.source),
    ("status", lambda item, _: "succeeded" if isinstance(item.outcome, Success) else "failed"),
    ("model", lambda item, _: item.outcome.model or item.model),
    ("detail", lambda item, _: item.detail.value),
    ("input_tokens", lambda item, _: _outcome_usage(item, "input_tokens")),
    ("output_tokens", lambda item, _: _outcome_usage(item, "output_tokens")),
    ("cost_usd", lambda item, _: item.outcome.cost.usd),
    ("cost_basis", lambda item, _: item.outcome.cost.basis.value),
    ("cached", lambda item, _: isinstance(item.outcome, Success) and item.outcome.cached),
    ("latency_s", lambda item, _: round(item.outcome.latency_s, 3)),
    ("attempts", lambda item, _: item.outcome.attempts),
    (
        "error_code",
        lambda item, _: item.outcome.code if isinstance(item.outcome, Failure) else None,
    ),
    (
        "error_message",
        lambda item, translate: (
            item.outcome.detail.translated(translate) if isinstance(item.outcome, Failure) else None
        ),
    ),
    ("notes", lambda item, translate: [note.translated(translate) for note in item.outcome.notes]),
    ("text", lambda item, _: item.outcome.text if isinstance(item.outcome, Success) else None),
)


def to_csv(items: Sequence[ExportItem], translate: Translate = _english) -> str:
    """Return all items as a table, one row each, safe to open in a spreadsheet.

    Fields of structured answers follow as `data.NAME` columns; a list of texts is joined by "; ",
    any other list is JSON. It starts with a byte order mark, without which Excel garbles Chinese.
    """
    flat = [_flatten(item.data, "data") for item in items]
    data_columns = list(dict.fromkeys(name for row in flat for name in row))
    table = io.StringIO()
    writer = csv.writer(table, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([name for name, _ in _COLUMNS] + [spreadsheet_safe(c) for c in data_columns])
    for item, data in zip(items, flat, strict=True):
        own = [_csv_cell(read(item, translate)) for _, read in _COLUMNS]
        writer.writerow(own + [_csv_cell(data.get(name)) for name in data_columns])
    return "\ufeff" + table.getvalue()


def _flatten(value: Any, path: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        return {path: value}
    return {
        name: leaf
        for key, child in value.items()
        for name, leaf in (
            _flatten(child, f"{path}.{key}").items() if child else [(f"{path}.{key}", child)]
        )
    }


def _csv_cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case Decimal():
            return f"{value:f}"
        case bool() | int() | float():
            return str(value).lower()
        case list() if all(isinstance(entry, str) for entry in value):
            return spreadsheet_safe("; ".join(value))
        case list() | Mapping():
            return spreadsheet_safe(json.dumps(value, ensure_ascii=False))
        case _:
            return spreadsheet_safe(str(value))


_FORMULA_START: Final = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
"""What a spreadsheet takes for a formula, full-width forms included."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def spreadsheet_safe(text: str) -> str:
    """Return text that a spreadsheet shows and never computes: a formula gets a quote in front."""
    clean = _CONTROL.sub("", text)
    return f"'{clean}" if _FORMULA_START.match(clean) else clean
