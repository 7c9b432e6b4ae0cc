"""/v1/files and /v1/batches, as the OpenAI API has them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from core.local.jobs.batches import WINDOW, Batch, BatchStore, Order, State
from core.local.jobs.files import FileStore, StoredFile
from core.local.jobs.incoming import Upload, read_body, receive_upload
from core.local.jobs.limits import LONGEST_KEPT_S, SHORTEST_KEPT_S
from core.local.jobs.lines import ENDPOINT
from core.local.jobs.records import Paging
from core.local.jobs.runner import AnswerLine, Runner
from core.local.problems import RequestError, invalid_value
from core.local.request import json_object
from core.phrases import Phrase

_FILES_A_PAGE: Final = (10_000, 10_000)  # usual, most
_BATCHES_A_PAGE: Final = (20, 100)


class Jobs:
    """Files and batches of one engine, and the work on them."""

    def __init__(self, directory: Path, answer: AnswerLine, clock: Callable[[], float]) -> None:
        self._files = FileStore(directory / "files", clock)
        self._batches = BatchStore(directory / "batches", clock)
        self._runner = Runner(self._batches, self._files, answer, clock)

    @property
    def routes(self) -> list[Route]:
        """Return what is served."""
        return [
            Route("/v1/files", self._upload, methods=["POST"]),
            Route("/v1/files", self._list_files),
            Route("/v1/files/{id}", self._show_file),
            Route("/v1/files/{id}", self._delete_file, methods=["DELETE"]),
            Route("/v1/files/{id}/content", self._content),
            Route("/v1/batches", self._create, methods=["POST"]),
            Route("/v1/batches", self._list_batches),
            Route("/v1/batches/{id}", self._show_batch),
            Route("/v1/batches/{id}/cancel", self._cancel, methods=["POST"]),
        ]

    def start(self) -> None:
        """Go on with what an earlier process left, and delete what has had its time."""
        self._files.delete_expired()
        self._batches.delete_old()
        for batch_id in self._batches.unfinished():
            self._runner.wake(batch_id)

    async def close(self) -> None:
        """Stop; the next process goes on."""
        await self._runner.close()

    async def _upload(self, request: Request) -> Response:
        path = self._files.new_path()
        try:
            upload = await receive_upload(request, path)
            kept_s = _check_upload(upload)
            file_id = self._files.new_id()
            file = self._files.adopt(file_id, path, upload.filename, "batch", kept_s)
        finally:
            path.unlink(missing_ok=True)
        return _answer(file.document)

    async def _list_files(self, request: Request) -> Response:
        purpose = request.query_params.get("purpose")
        page = self._files.page(_paging(request, *_FILES_A_PAGE), purpose)
        return _list([file.document for file in page.items], page.has_more)

    async def _show_file(self, request: Request) -> Response:
        return _answer(self._file(request).document)

    async def _delete_file(self, request: Request) -> Response:
        file = self._file(request)
        self._files.delete(file.id)
        return _answer({"id": file.id, "object": "file", "deleted": True})

    async def _content(self, request: Request) -> Response:
        file = self._file(request)
        return FileResponse(self._files.path(file.id), media_type="application/octet-stream")

    def _file(self, request: Request) -> StoredFile:
        file_id = request.path_params["id"]
        file = self._files.get(file_id)
        if file is None:
            said = Phrase("There is no file {id}.", {"id": file_id[:100]})
            raise RequestError(404, "not_found", said, param="id")
        return file

    async def _create(self, request: Request) -> Response:
        order = _order(json_object(await read_body(request)))
        given = self._files.get(order.input_file_id)
        path = self._files.path(given.id) if given else None
        results = self._files.new_id(), self._files.new_id()
        batch = self._batches.create(order, path, results)
        self._runner.wake(batch.id)
        return _answer(batch.document)

    async def _list_batches(self, request: Request) -> Response:
        page = self._batches.page(_paging(request, *_BATCHES_A_PAGE))
        for batch in page.items:
            self._wake(batch)
        return _list([batch.document for batch in page.items], page.has_more)

    async def _show_batch(self, request: Request) -> Response:
        batch = self._batch(request)
        self._wake(batch)
        return _answer(batch.document)

    async def _cancel(self, request: Request) -> Response:
        batch = self._batch(request)
        if batch.state.is_final or batch.state is State.FINALIZING:
            said = Phrase("A batch that is {state} cannot be cancelled.", {"state": batch.state})
            raise RequestError(409, "conflict", said)
        self._batches.ask_to_cancel(batch.id)
        self._wake(batch)
        return _answer(self._batch(request).document)

    def _batch(self, request: Request) -> Batch:
        batch_id = request.path_params["id"]
        batch = self._batches.get(batch_id)
        if batch is None:
            said = Phrase("There is no batch {id}.", {"id": batch_id[:100]})
            raise RequestError(404, "not_found", said, param="id")
        return batch

    def _wake(self, batch: Batch) -> None:
        """See that somebody works on it: the process that did may have ended."""
        if not batch.state.is_final:
            self._runner.wake(batch.id)


def _check_upload(upload: Upload) -> int | None:
    """Return how many seconds the file is kept, None for the usual time."""
    if upload.fields.get("purpose") != "batch":
        raise invalid_value("purpose", Phrase("This engine takes files for batches only."))
    if not upload.filename.endswith(".jsonl"):
        raise invalid_value("file", Phrase("A batch needs a file whose name ends in .jsonl."))
    if "expires_after[seconds]" not in upload.fields:
        return None
    seconds = upload.fields["expires_after[seconds]"]
    usable = seconds.isascii() and seconds.isdigit() and len(seconds) < 10
    anchor = upload.fields.get("expires_after[anchor]")
    return _kept_s("expires_after", anchor, int(seconds) if usable else None)


def _kept_s(param: str, anchor: Any, seconds: Any) -> int:
    least, most = SHORTEST_KEPT_S, LONGEST_KEPT_S
    if anchor == "created_at" and type(seconds) is int and least <= seconds <= most:
        return seconds
    said = Phrase(
        "A file is kept for {least} to {most} seconds after created_at.",
        {"least": least, "most": most},
    )
    raise invalid_value(param, said)


def _order(request: Mapping[str, Any]) -> Order:
    file_id, expiry = request.get("input_file_id"), request.get("output_expires_after")
    if not isinstance(file_id, str) or not file_id:
        raise invalid_value("input_file_id", Phrase("Name the file that holds the requests."))
    if request.get("endpoint") != ENDPOINT:
        said = Phrase("This engine runs batches for {endpoint} only.", {"endpoint": ENDPOINT})
        raise invalid_value("endpoint", said)
    if request.get("completion_window") != WINDOW:
        said = Phrase("The completion window must be {window}.", {"window": WINDOW})
        raise invalid_value("completion_window", said)
    kept_s = None
    if expiry is not None:
        given = expiry if isinstance(expiry, dict) else {}
        kept_s = _kept_s("output_expires_after", given.get("anchor"), given.get("seconds"))
    return Order(file_id, ENDPOINT, _metadata(request.get("metadata")), kept_s)


def _metadata(given: Any) -> Mapping[str, str] | None:
    if given is None:
        return None
    if (
        isinstance(given, dict)
        and len(given) <= 16
        and all(len(name) <= 64 for name in given)
        and all(isinstance(value, str) and len(value) <= 512 for value in given.values())
    ):
        return given
    raise invalid_value(
        "metadata",
        Phrase("Metadata is at most 16 texts of 512 characters, with names of 64."),
    )


def _paging(request: Request, usual: int, most: int) -> Paging:
    query = request.query_params
    limit = query.get("limit", str(usual))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= most):
        said = Phrase("The limit must be 1 to {most}.", {"most": most})
        raise invalid_value("limit", said)
    return Paging(int(limit), query.get("after"), query.get("order") == "asc")


def _answer(document: Mapping[str, Any]) -> Response:
    # In ASCII: a client's own words come back in it, and half a surrogate pair is no UTF-8.
    return Response(json.dumps(document), media_type="application/json")


def _list(shown: list[dict[str, Any]], has_more: bool) -> Response:
    return _answer(
        {
            "object": "list",
            "data": shown,
            "first_id": shown[0]["id"] if shown else None,
            "last_id": shown[-1]["id"] if shown else None,
            "has_more": has_more,
        }
    )
