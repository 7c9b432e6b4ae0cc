"""The lines of a batch: its input checked and read one by one, its answers collected."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from core.local.jobs.batches import Counts, Problem
from core.local.jobs.limits import MAX_LINE_BYTES, MAX_PROBLEMS, MAX_REQUESTS
from core.phrases import Phrase
from core.settings import EMBEDDED_MODEL

ENDPOINT: Final = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Line:
    """One request of a batch."""

    custom_id: str
    body: Mapping[str, Any] = field(repr=False)


class _BadLineError(Exception):
    """A line that fails the whole batch."""

    def __init__(self, code: str, message: Phrase, param: str | None = None) -> None:
        super().__init__(str(message))
        self.code = code
        self.param = param


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at the whole input found; with any problem nothing of it is answered."""

    total: int
    problems: tuple[Problem, ...]


def check_input(path: Path) -> Checked:
    """Look at every line as the vendor does before a batch begins, one line in memory."""
    problems: list[Problem] = []
    seen: set[str] = set()
    total = 0
    for number, raw in _raw_lines(path):
        total += 1
        if total > MAX_REQUESTS:
            said = Phrase("A batch holds at most {limit} requests.", {"limit": MAX_REQUESTS})
            return Checked(total, (*problems, Problem("too_many_tasks", str(said))))
        try:
            _remember(_parse(raw).custom_id, seen)
        except _BadLineError as bad:
            if len(problems) < MAX_PROBLEMS:
                problems.append(Problem(bad.code, str(bad), number, bad.param))
    if not total:
        problems.append(Problem("empty_file", str(Phrase("The file holds no requests."))))
    return Checked(total, tuple(problems))


def _remember(custom_id: str, seen: set[str]) -> None:
    if custom_id in seen:
        said = Phrase("Another line has the same custom_id: {id}.", {"id": custom_id[:100]})
        raise _BadLineError("duplicate_custom_id", said, "custom_id")
    seen.add(custom_id)


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the requests of an input that was checked."""
    for _, raw in _raw_lines(path):
        yield _parse(raw)


def _raw_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each line that is not blank with its number from 1; one that is too long is cut."""
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            is_long = len(raw) > MAX_LINE_BYTES
            if raw.strip():
                yield number, raw
            while is_long and raw and not raw.endswith(b"\n"):
                raw = file.readline(MAX_LINE_BYTES)


def _parse(raw: bytes) -> Line:
    if len(raw) > MAX_LINE_BYTES:
        limit = {"limit": MAX_LINE_BYTES}
        raise _BadLineError("invalid_json_line", Phrase("The line exceeds {limit} bytes.", limit))
    try:
        request = json.loads(raw)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise _BadLineError("invalid_json_line", Phrase("The line is not a JSON object."))
    custom_id, body = request.get("custom_id"), request.get("body")
    if not isinstance(custom_id, str) or not custom_id:
        raise _missing("custom_id")
    if request.get("method") != "POST":
        raise _missing("method")
    if request.get("url") != ENDPOINT:
        said = Phrase("The line's url must be the batch's endpoint: {url}.", {"url": ENDPOINT})
        raise _BadLineError("url_mismatch", said, "url")
    if not isinstance(body, dict):
        raise _missing("body")
    if body.get("model") != EMBEDDED_MODEL:
        said = Phrase("Every line must ask for the same model: {known}.", {"known": EMBEDDED_MODEL})
        raise _BadLineError("model_mismatch", said, "body.model")
    return Line(custom_id, body)


def _missing(param: str) -> _BadLineError:
    said = Phrase("The line has no usable {name}.", {"name": param})
    return _BadLineError("missing_required_parameter", said, param)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one request: a status with its body, or the code of why it was not sent."""

    custom_id: str
    status: int = 0
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    unsent: Problem | None = None

    @property
    def is_answer(self) -> bool:
        """Say whether it belongs into the output file rather than into the error file."""
        return self.status == 200


class Results:
    """The answers so far, on disk; after a crash it goes on behind the last whole line."""

    def __init__(self, output: Path, errors: Path, batch_id: str, total: int) -> None:
        self._request_prefix = f"batch_req_{batch_id.removeprefix('batch_')}_"
        self.done: set[str] = set()
        self.counts = Counts(total)
        self._paths = (output, errors)
        for path in self._paths:
            self._recover(path)

    def __enter__(self) -> Self:
        self._output, self._errors = (path.open("ab", buffering=0) for path in self._paths)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._output.close()
        self._errors.close()

    def add(self, result: Result) -> None:
        """Keep one result; a batch's requests are told apart by their custom_id."""
        request_id = f"{self._request_prefix}{len(self.done)}"
        response = {"status_code": result.status, "request_id": request_id, "body": result.body}
        unsent = result.unsent
        document = {
            "id": request_id,
            "custom_id": result.custom_id,
            "response": None if unsent else response,
            "error": {"code": unsent.code, "message": unsent.message} if unsent else None,
        }
        file = self._output if result.is_answer else self._errors
        file.write(json.dumps(document).encode() + b"\n")
        self._count(document)

    def _recover(self, path: Path) -> None:
        """Count what an earlier process wrote, and cut off the line that it did not finish."""
        whole = 0
        if path.exists():
            with path.open("r+b") as file:
                for raw in file:
                    if raw.endswith(b"\n"):
                        whole += len(raw)
                        self._count(json.loads(raw))
                file.truncate(whole)

    def _count(self, document: Mapping[str, Any]) -> None:
        self.done.add(document["custom_id"])
        response, counts = document["response"], self.counts
        if response is None:
            return
        is_answer = response["status_code"] == 200
        usage = response["body"].get("usage", {})
        self.counts = Counts(
            counts.total,
            counts.completed + is_answer,
            counts.failed + (not is_answer),
            counts.input_tokens + usage.get("prompt_tokens", 0),
            counts.output_tokens + usage.get("completion_tokens", 0),
        )
