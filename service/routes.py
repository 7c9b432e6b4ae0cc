"""The HTTP routes that share the process with the pages."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from itertools import chain
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from core.batch import ExportFormat
from core.blobs import Upload
from core.errors import StorageError, VisionError
from core.inbox import Arrival
from core.outbox import Parcel
from core.runtime import Runtime
from core.workbench import Workbench
from service.monitoring import monitoring_routes

WorkbenchSource = Callable[[], Workbench]
RuntimeSource = Callable[[], Runtime]
Handler = Callable[[Request], Awaitable[Response]]

_MAX_NAME = 300
_KEEP_FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}
_FILE_TYPES = {
    ExportFormat.CSV: "text/csv",
    ExportFormat.JSONL: "application/jsonl",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
}
_CLICK = re.compile("[a-z0-9]{1,16}")
"""How the page names the click that it waits for."""
_CLICK_LASTS_S = 60
_SIGNATURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


def routes(workbench: WorkbenchSource, runtime: RuntimeSource) -> list[Route]:
    """Return every route; what is given is asked at each request, so this starts nothing."""
    return [
        Route("/analyze", _to_default_page, methods=["GET"]),
        *monitoring_routes(workbench),
        Route("/pulse/{step_s:int}", _pulse(workbench), methods=["GET"]),
        Route("/upload/{ticket}", _upload(workbench), methods=["PUT"]),
        Route("/image/{digest}", _image(workbench), methods=["GET"]),
        Route("/thumbnail/{digest}/{page:int}", _thumbnail(workbench, runtime), methods=["GET"]),
        Route("/export/{ticket}", _export(workbench), methods=["GET"]),
    ]


async def _to_default_page(request: Request) -> Response:
    """Lead to the Analyze page, which as the default page lives at the root."""
    query = request.scope["query_string"].decode("latin-1")
    return RedirectResponse(f"./?{query}" if query else "./", 307)


def _pulse(workbench: WorkbenchSource) -> Handler:
    """Say in a word how far the numbers have come, for pages that wait for a change."""

    async def pulse(request: Request) -> Response:
        step_s = max(1, request.path_params["step_s"])
        try:
            bench = workbench()
            found = bench.pulses.kept(step_s)
            if found is None:
                found = await run_in_threadpool(bench.pulses.take, bench, step_s)
        except VisionError as error:
            return JSONResponse({"error": str(error)}, 503)
        return Response(found.token, media_type="text/plain")

    return pulse


def _upload(workbench: WorkbenchSource) -> Handler:
    """Stream one file from the browser to disk; only a page of ours has a ticket."""

    async def upload(request: Request) -> Response:
        bench, ticket = workbench(), request.path_params["ticket"]
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return JSONResponse({"error": "foreign origin"}, 403)
        if not bench.inbox.knows(ticket):
            return JSONResponse({"error": "unknown ticket"}, 403)
        try:
            with bench.originals.begin() as file:
                if not await _receive(request, file, bench.decoder.limits.max_archive_bytes):
                    return JSONResponse({"error": "too large"}, 413)
                digest = await run_in_threadpool(file.finish)
        except StorageError as error:
            return JSONResponse({"error": str(error)}, 507)
        name = unquote(request.headers.get("x-name", "image"))[:_MAX_NAME]
        position = request.headers.get("x-position", "")
        place = int(position) if position.isascii() and position.isdigit() else 0
        bench.inbox.add(ticket, Arrival(name, digest, file.size_bytes, place))
        return JSONResponse({"size_bytes": file.size_bytes})

    return upload


async def _receive(request: Request, file: Upload, max_bytes: int) -> bool:
    """Write the body to `file`; say False as soon as it is more than `max_bytes`."""
    async for piece in request.stream():
        if file.size_bytes + len(piece) > max_bytes:
            return False
        file.write(piece)
    return True


def _image(workbench: WorkbenchSource) -> Handler:
    """Serve a prepared picture. Originals are never served: only our own JPEG or PNG encodes."""

    async def image(request: Request) -> Response:
        try:
            data = await run_in_threadpool(workbench().sent.get, request.path_params["digest"])
        except ValueError:
            data = None
        return _picture(data)

    return image


def _thumbnail(workbench: WorkbenchSource, runtime: RuntimeSource) -> Handler:
    """Serve a small picture of an original; like a prepared one it is our own encode."""

    async def thumbnail(request: Request) -> Response:
        digest, page = request.path_params["digest"], request.path_params["page"]
        try:
            work = runtime().submit(workbench().thumbnails.get(digest, page))
            return _picture(await asyncio.wrap_future(work))
        except ValueError:
            return Response(status_code=404)

    return thumbnail


def _picture(data: bytes | None) -> Response:
    kinds = (t for mark, t in _SIGNATURES.items() if data and data.startswith(mark))
    kind = next(kinds, None)
    if kind is None:
        return Response(status_code=404)
    return Response(data, media_type=kind, headers=_KEEP_FOR_EVER)


def _export(workbench: WorkbenchSource) -> Handler:
    """Stream a batch's results as they are written; the whole is never in memory.

    Some kinds can only be sent when all is written. A cookie tells the page that the file is there.
    """

    async def export(request: Request) -> Response:
        bench = workbench()
        parcel = bench.outbox.parcel(request.path_params["ticket"])
        if parcel is None:
            return Response("This download is no longer offered. Reload the page.\n", 404)
        try:
            pieces = await run_in_threadpool(
                bench.batches.export,
                parcel.batch_id,
                parcel.kind,
                include_held=parcel.include_held,
            )
        except VisionError as error:
            return Response(f"{error}\n", 404)
        first = await run_in_threadpool(next, pieces, b"")
        file = _file(parcel, chain([first], pieces))
        click = request.query_params.get("click", "")
        if _CLICK.fullmatch(click):
            file.set_cookie(f"tessera_file_{click}", "here", max_age=_CLICK_LASTS_S)
        return file

    return export


def _file(parcel: Parcel, pieces: Iterator[bytes]) -> Response:
    name = f"tessera-batch-{parcel.batch_id[:8]}.{parcel.kind.value}"
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "no-store",
    }
    return StreamingResponse(pieces, media_type=_FILE_TYPES[parcel.kind], headers=headers)
