"""The seam between the operator and a vendor's Batch API: files of requests, and jobs on them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from core.engines.base import EngineAnswer, EngineCall
from core.errors import EngineError, RequestRejectedError
from core.phrases import Phrase

ENDED: Final = frozenset({"completed", "failed", "expired", "cancelled"})
"""The states in which a vendor does nothing more with a job.

Source: https://developers.openai.com/api/docs/guides/batch, read 2026-11-23.
"""
TOKEN_LIMIT: Final = "token_limit_exceeded"  # noqa: S105 - an error code
"""Why a vendor fails a job when too many input tokens wait in its queue: later it will pass."""


class NoBatchLaneError(RequestRejectedError):
    """The endpoint knows no files or no batches."""


@dataclass(frozen=True, slots=True)
class JobProblem:
    """Why a vendor refused a job; `line` counts from 1 and is None for the file as a whole.

    `limit_tokens` is the limit that the vendor names, for `TOKEN_LIMIT`.
    """

    code: str
    message: Phrase
    line: int | None = None
    limit_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job as the vendor tells it. Times are seconds since 1970.

    `tag` is what `create_job` was given. A file is None as long as the vendor names none.
    """

    id: str
    state: str
    tag: str | None
    input_file: str | None
    output_file: str | None
    error_file: str | None
    created_at_s: float
    expires_at_s: float | None
    completed: int
    failed: int
    problems: tuple[JobProblem, ...] = ()

    @property
    def has_ended(self) -> bool:
        """Say whether the vendor does nothing more with it."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class JobLine:
    """What became of one request of a job: an answer, nobody judged it yet, or an error."""

    custom_id: str
    answer: EngineAnswer | None
    error: EngineError | None


class BatchLane(Protocol):
    """Files of requests and jobs on them. What is `async` may raise an EngineError, translated.

    Raises:
        NoBatchLaneError: From any of these, if the endpoint has no such thing.
    """

    async def check(self) -> None:
        """Ask for the newest job, to see whether the endpoint has any; costs nothing."""
        ...

    def line(self, custom_id: str, call: EngineCall) -> bytes:
        """Return a request as a line of a file of requests, with its line break."""
        ...

    def read_line(self, line: bytes) -> JobLine | None:
        """Return what a line of an output or error file says; None if it says nothing."""
        ...

    async def upload(self, file: Path, name: str) -> str:
        """Send a file of requests piece by piece and return the vendor's name for it."""
        ...

    async def find_file(self, name: str) -> str | None:
        """Return the vendor's name for the newest file that was uploaded under `name`."""
        ...

    async def delete_file(self, file_id: str) -> None:
        """Delete a file; one that is gone already is fine."""
        ...

    async def create_job(self, input_file: str, tag: str) -> RemoteJob:
        """Have a file of requests worked on; `tag` finds the job again."""
        ...

    async def find_job(self, tag: str, input_file: str, since_s: float) -> RemoteJob | None:
        """Return the job with this tag or file, if one was created since then."""
        ...

    async def job(self, job_id: str) -> RemoteJob | None:
        """Return a job as it stands, or None if the vendor knows it no longer."""
        ...

    async def cancel_job(self, job_id: str) -> None:
        """Ask the vendor to end a job; one that has ended or is gone is fine."""
        ...

    async def download(self, file_id: str, target: Path) -> bool:
        """Write a file to `target` piece by piece, whole or not at all; False if it is gone.

        Raises:
            StorageError: If the disk does not take it.
        """
        ...


@runtime_checkable
class BatchEngine(Protocol):
    """An engine that may have a batch lane."""

    async def batch_lane(self) -> BatchLane:
        """Return the way to it."""
        ...
