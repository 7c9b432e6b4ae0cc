"""Suites as YAML files: read without tags, checked whole, with the line of every mistake."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml
from jsonschema import Draft202012Validator

from core.diagnosis import DIAGNOSES
from core.errors import InputNotUsableError, VisionError
from core.phrases import N_, Phrase
from core.quality.paths import is_path
from core.quality.patterns import check_pattern
from core.quality.schema import SUITE_SCHEMA
from core.quality.types import (
    AnswersWithin,
    Case,
    Contains,
    CostsAtMost,
    Expectation,
    FailsWith,
    FieldEquals,
    FieldWithin,
    FitsSchema,
    Matches,
    Suite,
    SuiteFile,
)
from core.tasks import prompt_for, task
from core.tasks.user_schema import parse_user_schema
from core.types import Detail

BUILTIN: Final = Path(__file__).resolve().parents[2] / "assets" / "quality"
OWN_FOLDER: Final = "quality"
"""The folder of the data directory that holds a team's own suites."""

BUILTIN_WORDS: Final = (
    N_("The guide's four cases"),
    N_("Basic function"),
    N_("Detailed analysis"),
    N_("Error handling"),
    N_("Large picture"),
)
"""Names in the shipped files, which the translators' tool cannot read."""

_LARGEST_BYTES: Final = 512 * 2**10
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """Plain YAML: a date stays the text that it is in JSON, too."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def suite_files(data_dir: Path) -> list[SuiteFile]:
    """Return the suites that came with Tessera, then the team's own, by name."""
    own = sorted((data_dir / OWN_FOLDER).glob("*.yaml"))
    builtin = [SuiteFile(path, is_builtin=True) for path in sorted(BUILTIN.glob("*.yaml"))]
    return builtin + [SuiteFile(path, is_builtin=False) for path in own]


def load_suite(path: Path) -> Suite:
    """Read a suite; its pictures lie relative to it.

    Raises:
        InputNotUsableError: Naming file, line and case of what cannot be used.
    """
    try:
        changed_ns = path.stat().st_mtime_ns
    except OSError as error:
        raise _unusable(path, error.strerror or type(error).__name__) from error
    return _load(path, changed_ns)


@lru_cache(maxsize=100)
def _load(path: Path, _changed_ns: int) -> Suite:
    """Read a suite once for each of its versions: a page asks for all of them at every rerun."""
    return _Reader(path).suite()


class _Reader:
    """One file, as data and as nodes, which know their lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._root = _parse(path)
        self._document = _construct(path, self._root)

    def suite(self) -> Suite:
        problem = next(Draft202012Validator(SUITE_SCHEMA).iter_errors(self._document), None)
        if problem is not None:
            raise self._error(list(problem.absolute_path), problem.message[:300])
        document = self._document
        self._refuse_twins(document["cases"])
        cases = tuple(self._case(at, raw) for at, raw in enumerate(document["cases"]))
        return Suite(document["suite"], cases, document.get("description", ""))

    def _refuse_twins(self, cases: list[Mapping[str, Any]]) -> None:
        seen: set[str] = set()
        for at, case in enumerate(cases):
            if case["id"] in seen:
                problem = Phrase("Another case has the id {id}.", {"id": case["id"]})
                raise self._error(["cases", at, "id"], str(problem))
            seen.add(case["id"])

    def _case(self, at: int, raw: Mapping[str, Any]) -> Case:
        try:
            return self._read_case(raw)
        except VisionError as error:
            raise self._error(["cases", at], str(error)) from error

    def _read_case(self, raw: Mapping[str, Any]) -> Case:
        name = raw.get("task", "custom")
        prompt_for(task(name), custom_prompt=raw.get("prompt"))  # speaks up without a question
        schema = parse_user_schema(json.dumps(raw["schema"])) if "schema" in raw else None
        return Case(
            id=raw["id"],
            title=raw.get("title", raw["id"]),
            image=self._image(raw["image"]),
            task=name,
            expectations=tuple(_expectations(raw["expect"])),
            prompt=raw.get("prompt"),
            detail=Detail(raw["detail"]) if "detail" in raw else None,
            max_output_tokens=raw.get("max_output_tokens"),
            schema=schema,
        )

    def _image(self, text: str) -> str:
        is_address = text.lower().startswith(("http://", "https://"))
        return text if is_address else str(self._path.parent / text)

    def _error(self, place: list[str | int], problem: str) -> InputNotUsableError:
        line = _line(self._root, place)
        values: dict[str, str | int] = {
            "file": self._path.name,
            "line": line,
            "problem": problem,
        }
        if len(place) < 2:
            return InputNotUsableError(Phrase("{file}, line {line}: {problem}", values))
        case = self._document["cases"][place[1]]
        values["case"] = str(case.get("id", "?")) if isinstance(case, Mapping) else "?"
        return InputNotUsableError(Phrase("{file}, line {line}, case {case}: {problem}", values))


def _parse(path: Path) -> yaml.Node:
    """Return the file as nodes; a name that stands for a part elsewhere is refused.

    Such names (aliases) let a file of a kilobyte grow to gigabytes, and hide the line of a mistake.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
        if len(data) > _LARGEST_BYTES:
            raise _unusable(path, "> 512 KiB")
        for event in yaml.parse(data, _Loader):
            if isinstance(event, yaml.AliasEvent):
                raise _unusable(path, f"{_place(event.start_mark)}: *{event.anchor}")
        root = yaml.compose(data, _Loader)
    except OSError as error:
        raise _unusable(path, error.strerror or type(error).__name__) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise _unusable(path, _yaml_problem(error)) from error
    if root is None:
        raise _unusable(path, "empty")
    for key in _double_keys(root):
        raise _unusable(path, f"{_place(key.start_mark)}: {key.value} again")
    return root


def _double_keys(node: yaml.Node) -> Iterator[yaml.Node]:
    """Yield keys that an object has twice; YAML would silently take the last."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if str(key.value) in seen:
                yield key
            seen.add(str(key.value))
            yield from _double_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from _double_keys(child)


def _yaml_problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return str(error)[:300] or type(error).__name__
    return f"{_place(mark)}: {getattr(error, 'problem', error)}"


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


def _construct(path: Path, root: yaml.Node) -> Any:
    try:
        return _Loader("").construct_document(root)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unusable(path, _yaml_problem(error)) from error


def _unusable(path: Path, problem: str) -> InputNotUsableError:
    return InputNotUsableError(
        Phrase(
            "The suite {file} cannot be read: {problem}.",
            {"file": path.name, "problem": problem},
        )
    )


def _line(node: yaml.Node, place: list[str | int]) -> int:
    """Return the line, counted from 1, of the innermost part that is there."""
    for step in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            found = [value for key, value in node.value if key.value == step]
            if not found:
                break
            node = found[-1]
    return int(node.start_mark.line) + 1


def _expectations(raw: Mapping[str, Any]) -> Iterator[Expectation]:
    """Yield what is expected; a form that the schema cannot check is checked here.

    Raises:
        InputNotUsableError: For a pattern, path, code or range that is none.
    """
    for name, value in raw.items():
        yield from _READERS[name](value)


def _matches(pattern: str) -> Iterator[Expectation]:
    check_pattern(pattern)
    yield Matches(pattern)


def _field_values(wanted: Mapping[str, Any]) -> Iterator[Expectation]:
    for path, value in wanted.items():
        _check_path(path)
        yield FieldEquals(path, value)


def _field_ranges(wanted: Mapping[str, list[float]]) -> Iterator[Expectation]:
    for path, (low, high) in wanted.items():
        _check_path(path)
        if low > high:
            raise InputNotUsableError(
                Phrase(
                    "{path}: no number lies between {low} and {high}.",
                    {"path": path, "low": low, "high": high},
                )
            )
        yield FieldWithin(path, low, high)


def _failure(code: str) -> Iterator[Expectation]:
    if code not in DIAGNOSES:
        raise InputNotUsableError(Phrase("There is no diagnosis code {code}.", {"code": code}))
    yield FailsWith(code)


_READERS: Final[Mapping[str, Callable[[Any], Iterable[Expectation]]]] = {
    "contains": lambda texts: [Contains(tuple(texts))],
    "regex": _matches,
    "json": _field_values,
    "number": _field_ranges,
    "schema_valid": lambda _: [FitsSchema()],
    "fails_with": _failure,
    "max_latency_s": lambda seconds: [AnswersWithin(seconds)],
    "max_cost_usd": lambda usd: [CostsAtMost(Decimal(str(usd)))],
}


def _check_path(path: str) -> None:
    if not is_path(path):
        raise InputNotUsableError(
            Phrase("{path} is no path; write it like items[0].amount.", {"path": path})
        )
