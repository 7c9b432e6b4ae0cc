"""The embedded engine as a server that speaks the OpenAI API: chat, models, files and batches.

The same app answers inside the process, through the client's own transport, and on a port.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from core.images.decoder import Decoder
from core.local.answer import Answer
from core.local.completion import completion, events
from core.local.jobs.incoming import read_body
from core.local.jobs.routes import Jobs
from core.local.jobs.runner import answer_with
from core.local.problems import RequestError
from core.local.reader import PageReader
from core.local.request import check_model, parse_request
from core.phrases import Phrase
from core.settings import EMBEDDED_MODEL


def build_app(
    directory: Path, reader: PageReader | None = None, clock: Callable[[], float] = time.time
) -> Starlette:
    """Return the app; it loads its models when the first picture comes.

    Children and threads are released by the lifespan's end.

    Args:
        directory: Where files and batches are kept; made with the first of them. Several processes
            may share it.
        reader: What reads pictures.
        clock: Returns Unix seconds.
    """
    pages = reader or PageReader(Decoder())
    jobs = Jobs(directory, answer_with(pages), clock)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        jobs.start()
        yield
        await jobs.close()
        await pages.close()

    app = Starlette(
        routes=[
            Route("/v1/chat/completions", _complete, methods=["POST"]),
            Route("/v1/models", _list_models),
            Route("/v1/models/{name:path}", _show_model),
            *jobs.routes,
        ],
        exception_handlers={
            RequestError: _on_request_error,
            HTTPException: _on_http_error,
            Exception: _on_bug,
        },
        lifespan=lifespan,
    )
    app.state.reader = pages
    return app


async def _complete(request: Request) -> Response:
    chat = parse_request(await read_body(request))
    answer = Answer(chat, request.app.state.reader)
    await answer.prepare()
    if chat.stream:
        return StreamingResponse(events(chat, answer), media_type="text/event-stream")
    return JSONResponse(await completion(chat, answer))


_MODEL: Final = {"id": EMBEDDED_MODEL, "object": "model", "created": 0, "owned_by": "tessera"}


async def _list_models(request: Request) -> Response:  # noqa: ARG001 - routes are called so
    return JSONResponse({"object": "list", "data": [_MODEL]})


async def _show_model(request: Request) -> Response:
    check_model(request.path_params["name"])
    return JSONResponse(_MODEL)


async def _on_request_error(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, RequestError)  # noqa: S101 - registered for nothing else
    return JSONResponse(error.body, error.status, error.headers)


async def _on_bug(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Answer in the protocol's form; the server layer logs the traceback."""
    problem = RequestError(500, "server_error", Phrase("The local engine failed."))
    return JSONResponse(problem.body, problem.status)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    code = "not_found" if error.status_code == 404 else "invalid_request"
    method, path = request.method, request.url.path[:100]
    said = Phrase(
        "{method} {path} is nothing that this engine serves.", {"method": method, "path": path}
    )
    problem = RequestError(error.status_code, code, said)
    return JSONResponse(problem.body, error.status_code)
