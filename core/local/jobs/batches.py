"""What is known about each batch of requests, in the states and shapes of the OpenAI API.

Source: https://developers.openai.com/api/reference/resources/batches, read 2026-11-23.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from core.local.jobs.limits import DAY_S, LONGEST_KEPT_S
from core.local.jobs.records import Page, Paging, Records
from core.settings import EMBEDDED_MODEL

WINDOW: Final = "24h"


class State(StrEnum):
    """Where a batch stands."""

    VALIDATING = "validating"
    FAILED = "failed"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Say whether nothing will change any more."""
        return self in {State.FAILED, State.COMPLETED, State.EXPIRED, State.CANCELLED}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a batch failed; `line` counts from 1 and is None where no line is to blame."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests and the (estimated) tokens of those that were answered."""

    total: int = 0
    completed: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """What a client asks for: `kept_s` is how long its results stay, None for the usual time."""

    input_file_id: str
    endpoint: str
    metadata: Mapping[str, str] | None = None
    kept_s: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch; times are Unix seconds.

    `reached` says when each state began. `ending` is the final state that the results are being
    written for.
    """

    id: str
    order: Order
    created_at: int
    output_id: str
    error_id: str
    state: State = State.VALIDATING
    ending: State | None = None
    counts: Counts = Counts()
    problems: tuple[Problem, ...] = ()
    has_output: bool = False
    has_errors: bool = False
    reached: Mapping[str, int] = field(default_factory=dict)

    def moved(self, state: State, now_s: float) -> "Batch":
        """Return the batch in its next state."""
        return replace(self, state=state, reached={**self.reached, state.value: int(now_s)})

    @property
    def expires_at(self) -> int:
        """Return when unanswered requests are given up."""
        return self.created_at + DAY_S

    @property
    def document(self) -> dict[str, Any]:
        """Return the batch object as it goes over the wire."""
        counts = self.counts
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.order.endpoint,
            "model": EMBEDDED_MODEL,
            "errors": _errors(self.problems),
            "input_file_id": self.order.input_file_id,
            "completion_window": WINDOW,
            "status": self.state.value,
            "output_file_id": self.output_id if self.has_output else None,
            "error_file_id": self.error_id if self.has_errors else None,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            **{f"{state}_at": self.reached.get(state) for state in State if state != "validating"},
            "request_counts": {
                "total": counts.total,
                "completed": counts.completed,
                "failed": counts.failed,
            },
            "usage": _usage(counts),
            "metadata": self.order.metadata,
        }


def _errors(problems: tuple[Problem, ...]) -> dict[str, Any] | None:
    if not problems:
        return None
    return {"object": "list", "data": [asdict(problem) for problem in problems]}


def _usage(counts: Counts) -> dict[str, Any]:
    return {
        "input_tokens": counts.input_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": counts.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": counts.input_tokens + counts.output_tokens,
        "estimated": True,
    }


class BatchStore:
    """The batches of one engine, on disk.

    One process works on a batch, and only it writes the record; any other may ask for its end
    with a mark of its own beside the record.
    """

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self._records = Records(folder, "batch_local_")
        self._clock = clock

    def create(self, order: Order, input_path: Path | None, result_ids: tuple[str, str]) -> Batch:
        """Record a batch to be worked on; `input_path` is None where the file is not there."""
        now_s = self._clock()
        batch_id = self._records.new_id(now_s)
        if input_path is not None:
            _second_name(input_path, self.path(batch_id, ".input"))
        batch = Batch(batch_id, order, int(now_s), *result_ids)
        self.save(batch)
        return batch

    def save(self, batch: Batch) -> None:
        """Write what is known about a batch."""
        self._records.save(batch.id, asdict(batch))

    def get(self, batch_id: str) -> Batch | None:
        """Return a batch, or None; one that is asked to end is cancelling."""
        record = self._records.load(batch_id)
        if record is None:
            return None
        batch = _read(record)
        if batch.state not in {State.VALIDATING, State.IN_PROGRESS} or batch.ending:
            return batch
        asked_at = self.cancelling_at(batch_id)
        if asked_at is None:
            return batch
        return batch.moved(State.CANCELLING, asked_at)

    def page(self, paging: Paging) -> Page[Batch]:
        """Return a part of the list of batches."""
        return self._records.page(paging, self.get)

    def unfinished(self) -> list[str]:
        """Return the ids of the batches that are to be worked on, oldest first."""
        return [
            batch.id
            for batch in map(self.get, self._records.ids())
            if batch is not None and not batch.state.is_final
        ]

    def delete_old(self) -> None:
        """Forget batches whose results are gone for good, and what a crash left of the others."""
        newest = self._clock() - 2 * LONGEST_KEPT_S
        for batch in map(self.get, self._records.ids()):
            if batch is None or not batch.state.is_final:
                continue
            if self.path(batch.id, ".lock").exists():
                self.tidy(batch.id)
            if batch.created_at < newest:
                self._records.delete(batch.id)

    def path(self, batch_id: str, suffix: str) -> Path:
        """Return where a file of a batch is: `.input`, `.output` or `.errors`."""
        return self._records.path(batch_id, suffix)

    def ask_to_cancel(self, batch_id: str) -> None:
        """Leave word for the process that works on it."""
        mark = self.path(batch_id, ".cancel")
        if not mark.exists():
            mark.write_text(str(int(self._clock())), encoding="ascii")

    def cancelling_at(self, batch_id: str) -> int | None:
        """Return when somebody asked for its end, or None."""
        try:
            return int(self.path(batch_id, ".cancel").read_text(encoding="ascii") or 0)
        except FileNotFoundError:
            return None

    @contextmanager
    def lock(self, batch_id: str) -> Iterator[bool]:
        """Claim a batch for this process; yields whether nobody else has it.

        The kernel releases the claim of a process that dies.
        """
        with self.path(batch_id, ".lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def tidy(self, batch_id: str) -> None:
        """Delete what only the work needed."""
        for suffix in (".input", ".output", ".errors", ".cancel", ".lock"):
            self.path(batch_id, suffix).unlink(missing_ok=True)


def _second_name(path: Path, name: Path) -> None:
    """Keep the content for the batch, whatever becomes of the upload."""
    try:
        os.link(path, name)
    except OSError:  # some file systems know one name a file
        shutil.copyfile(path, name)


def _read(record: dict[str, Any]) -> Batch:
    return Batch(
        **record
        | {
            "order": Order(**record["order"]),
            "state": State(record["state"]),
            "ending": State(record["ending"]) if record["ending"] else None,
            "counts": Counts(**record["counts"]),
            "problems": tuple(Problem(**problem) for problem in record["problems"]),
        }
    )
