"""The vendor's Files and Batch API over the SDK, read as plain JSON.

Source: https://developers.openai.com/api/docs/guides/batch, read 2026-11-23.
"""

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import openai

from core.engines.base import EngineAnswer, EngineCall
from core.engines.errors import (
    FOREIGN_ERRORS,
    Clean,
    error_from_code,
    literal_detail,
    translate_error,
)
from core.engines.jobs import TOKEN_LIMIT, JobLine, JobProblem, NoBatchLaneError, RemoteJob
from core.engines.wire import read_document
from core.errors import EngineError, MalformedAnswerError, StorageError, UnavailableError
from core.phrases import Phrase

_ENDPOINT: Final = "/v1/chat/completions"
_WINDOW: Final = "24h"
_TAG: Final = "tessera_job"
_CALL_TIMEOUT_S: Final = 30.0
_TRANSFER_TIMEOUT_S: Final = 3600.0
_STALLED_S: Final = 60.0
"""How long a transfer may stand still."""
_PAGE: Final = 100
_CHUNK_BYTES: Final = 2**16
_CLOCK_SKEW_S: Final = 3600.0
"""How far the vendor's clock may be behind ours."""
_NOT_THERE: Final = frozenset({404, 405, 501})
_LIMIT: Final = re.compile(r"Limit: ([\d,]+)")

_ERROR_BY_STATUS: Final[Mapping[int, type[openai.APIStatusError]]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
}


class OpenAIJobs:
    """Files and jobs at the endpoint of an SDK client.

    Args:
        sdk: Open, without retries of its own.
        parameters: Returns what a call sends, as the endpoint is known to take it.
        translate: Makes our error of one of FOREIGN_ERRORS.
        clean: Takes secrets out of the server's words.
    """

    def __init__(
        self,
        sdk: openai.AsyncOpenAI,
        parameters: Callable[[EngineCall], dict[str, Any]],
        translate: Callable[[Exception], EngineError],
        clean: Clean,
    ) -> None:
        self._sdk = sdk
        self._parameters = parameters
        self._translate = translate
        self._clean = clean

    async def check(self) -> None:
        """Ask for the newest job."""
        await self._ask(lambda: self._sdk.batches.with_raw_response.list(limit=1))

    def line(self, custom_id: str, call: EngineCall) -> bytes:
        """Return a request as a line."""
        line = {
            "custom_id": custom_id,
            "method": "POST",
            "url": _ENDPOINT,
            "body": self._parameters(call),
        }
        return json.dumps(line).encode() + b"\n"

    async def upload(self, file: Path, name: str) -> str:
        """Send a file piece by piece; the SDK streams what is open and joins what is not."""
        timeout = httpx2.Timeout(_STALLED_S)
        with file.open("rb") as source:
            sent = await self._ask(
                lambda: self._sdk.files.with_raw_response.create(
                    file=(name, source, "application/jsonl"), purpose="batch", timeout=timeout
                ),
                _TRANSFER_TIMEOUT_S,
            )
        return _name(sent)

    async def find_file(self, name: str) -> str | None:
        """Return the newest file of that name."""
        async for each in self._listed(self._sdk.files.with_raw_response.list, purpose="batch"):
            if each.get("filename") == name:
                return _name(each)
        return None

    async def delete_file(self, file_id: str) -> None:
        """Delete a file, if it is there."""
        await self._if_there(lambda: self._sdk.files.with_raw_response.delete(file_id))

    async def create_job(self, input_file: str, tag: str) -> RemoteJob:
        """Create a job."""
        document = await self._ask(
            lambda: self._sdk.batches.with_raw_response.create(
                input_file_id=input_file,
                endpoint=_ENDPOINT,
                completion_window=_WINDOW,
                metadata={_TAG: tag},
            )
        )
        return self._job(document)

    async def find_job(self, tag: str, input_file: str, since_s: float) -> RemoteJob | None:
        """Look through the jobs, which come newest first."""
        async for each in self._listed(self._sdk.batches.with_raw_response.list):
            job = self._job(each)
            if job.tag == tag or job.input_file == input_file:
                return job
            if job.created_at_s < since_s - _CLOCK_SKEW_S:
                return None
        return None

    async def job(self, job_id: str) -> RemoteJob | None:
        """Return a job, if it is there."""
        document = await self._if_there(
            lambda: self._sdk.batches.with_raw_response.retrieve(job_id)
        )
        return None if document is None else self._job(document)

    async def cancel_job(self, job_id: str) -> None:
        """Cancel a job; the vendor answers 400 or 409 for one that has ended."""
        try:
            await self._if_there(lambda: self._sdk.batches.with_raw_response.cancel(job_id))
        except EngineError as error:
            if not isinstance(error.__cause__, openai.BadRequestError | openai.ConflictError):
                raise

    async def download(self, file_id: str, target: Path) -> bool:
        """Write a file beside its place, and then into it."""
        part = target.with_suffix(".part")
        try:
            async with self._errors(_TRANSFER_TIMEOUT_S):
                await self._download(file_id, part)
            part.replace(target)
        except EngineError as error:
            if isinstance(error.__cause__, openai.NotFoundError):
                return False
            raise
        except OSError as error:
            raise StorageError(
                Phrase(
                    "The data directory does not take the file: {reason}.",
                    {"reason": error.strerror or ""},
                )
            ) from error
        finally:
            part.unlink(missing_ok=True)
        return True

    async def _download(self, file_id: str, part: Path) -> None:
        stream = self._sdk.files.with_streaming_response.content
        async with stream(file_id, timeout=httpx2.Timeout(_STALLED_S)) as response:
            flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY
            with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
                async for chunk in response.iter_bytes(_CHUNK_BYTES):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())

    def read_line(self, line: bytes) -> JobLine | None:
        """Return what a line says; one without a name says nothing."""
        try:
            document = json.loads(line)
        except ValueError:
            return None
        custom_id = document.get("custom_id") if isinstance(document, Mapping) else None
        if not isinstance(custom_id, str):
            return None
        try:
            return JobLine(custom_id, self._answer(document), None)
        except EngineError as error:
            return JobLine(custom_id, None, error)

    def _answer(self, document: Mapping[str, Any]) -> EngineAnswer:
        """Return the answer of a line; `error` alone says nothing, the status does.

        Raises:
            EngineError: If there is none.
        """
        response, error = document.get("response"), document.get("error")
        if not isinstance(response, Mapping):
            raise self._not_executed(error if isinstance(error, Mapping) else {})
        status, body = response.get("status_code"), response.get("body")
        if status == 200:
            return read_document(body, self._clean)
        raise self._refused(status if isinstance(status, int) else 500, body)

    def _refused(self, status: int, body: Any) -> EngineError:
        inner = body.get("error") if isinstance(body, Mapping) else None
        usual = openai.InternalServerError if status >= 500 else openai.APIStatusError
        answer = httpx2.Response(status, request=httpx2.Request("POST", self._sdk.base_url))
        kind = _ERROR_BY_STATUS.get(status, usual)
        return translate_error(kind("", response=answer, body=inner), self._clean, time.time())

    def _not_executed(self, error: Mapping[str, Any]) -> EngineError:
        """Return what a line without a response means: expired, cancelled, or it went wrong."""
        known = error_from_code(error, self._clean)
        return known or UnavailableError(
            literal_detail(str(error.get("message") or ""), self._clean)
        )

    def _job(self, document: Any) -> RemoteJob:
        counts = _mapping(document.get("request_counts"))
        found = _mapping(document.get("errors")).get("data")
        problems = [each for each in found or () if isinstance(each, Mapping)]
        return RemoteJob(
            id=_name(document),
            state=str(document.get("status") or ""),
            tag=_mapping(document.get("metadata")).get(_TAG),
            input_file=document.get("input_file_id") or None,
            output_file=document.get("output_file_id") or None,
            error_file=document.get("error_file_id") or None,
            created_at_s=float(document.get("created_at") or 0),
            expires_at_s=document.get("expires_at"),
            completed=int(counts.get("completed") or 0),
            failed=int(counts.get("failed") or 0),
            problems=tuple(self._problem(each) for each in problems),
        )

    def _problem(self, raw: Mapping[str, Any]) -> JobProblem:
        message, line = str(raw.get("message") or ""), raw.get("line")
        named = _LIMIT.search(message) if raw.get("code") == TOKEN_LIMIT else None
        return JobProblem(
            code=str(raw.get("code") or ""),
            message=literal_detail(message, self._clean),
            line=line if isinstance(line, int) else None,
            limit_tokens=int(named[1].replace(",", "")) if named else None,
        )

    # Asking

    async def _listed(
        self, page: Callable[..., Awaitable[Any]], **which: Any
    ) -> AsyncIterator[Mapping[str, Any]]:
        after: dict[str, str] = {}
        while True:
            found = await self._ask(lambda: page(limit=_PAGE, **which, **after))  # noqa: B023
            rows = [each for each in found.get("data") or () if isinstance(each, Mapping)]
            for each in rows:
                yield each
            if not rows or not found.get("has_more"):
                return
            after = {"after": _name(rows[-1])}

    async def _if_there(self, call: Callable[[], Awaitable[Any]]) -> Mapping[str, Any] | None:
        try:
            return await self._ask(call)
        except EngineError as error:
            if isinstance(error.__cause__, openai.NotFoundError):
                return None
            raise

    async def _ask(
        self, call: Callable[[], Awaitable[Any]], timeout_s: float = _CALL_TIMEOUT_S
    ) -> Mapping[str, Any]:
        """Return the JSON object that a call brings."""
        async with self._errors(timeout_s):
            document = json.loads((await call()).content)
        if not isinstance(document, Mapping):
            raise _not_json()
        return document

    @asynccontextmanager
    async def _errors(self, timeout_s: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(timeout_s):
                yield
        except openai.APIStatusError as error:
            if error.status_code in _NOT_THERE and _is_bare(error):
                raise NoBatchLaneError(
                    Phrase(
                        "This endpoint has no batch lane (status {status}).",
                        {"status": error.status_code},
                    )
                ) from error
            raise self._translate(error) from error
        except FOREIGN_ERRORS as error:
            raise self._translate(error) from error


def _is_bare(error: openai.APIStatusError) -> bool:
    """Say whether it is the address that is unknown, not what was looked for or named there."""
    if error.status_code != 404:
        return True
    if not error.request.url.path.rstrip("/").endswith(("/batches", "/files")):
        return False
    said = str(_mapping(error.body).get("message") or "")
    return error.request.method == "GET" or not said or said.startswith("Invalid URL")


def _name(document: Mapping[str, Any]) -> str:
    found = document.get("id")
    if not isinstance(found, str) or not found:
        raise _not_json()
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _not_json() -> MalformedAnswerError:
    return MalformedAnswerError(
        Phrase("The server answered, but not as the Batch API does."), maybe_billed=True
    )
