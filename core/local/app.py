"""The embedded engine as a server that speaks the OpenAI API: chat completions and models.

The same app answers inside the process, through the client's own transport, and on a port.
"""

import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from core.images.decoder import Decoder
from core.local.answer import Answer
from core.local.problems import RequestError
from core.local.reader import PageReader
from core.local.request import ChatRequest, check_model, parse_request
from core.local.usage import TokenBudget, usage_json
from core.phrases import Phrase
from core.settings import EMBEDDED_MODEL

FINGERPRINT: Final = "local-ocr-rapidocr3.10"
MAX_BODY_BYTES: Final = 64 * 2**20
"""Several pictures of the decoder's largest size would not fit; one does, as base64."""


def build_app(reader: PageReader | None = None) -> Starlette:
    """Return the app; it loads its models when the first picture comes.

    Children and threads are released by the lifespan's end.
    """
    pages = reader or PageReader(Decoder())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await pages.close()

    app = Starlette(
        routes=[
            Route("/v1/chat/completions", _complete, methods=["POST"]),
            Route("/v1/models", _list_models),
            Route("/v1/models/{name:path}", _show_model),
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
    chat = parse_request(await _body(request))
    answer = Answer(chat, request.app.state.reader)
    await answer.prepare()
    if chat.stream:
        events = _events(chat, answer)
        return StreamingResponse(events, media_type="text/event-stream")
    return JSONResponse(await _completion(chat, answer))


async def _body(request: Request) -> bytes:
    """Read the body, but never more than is allowed."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise RequestError(
                413,
                "request_too_large",
                Phrase("The request has more than {limit} bytes.", {"limit": MAX_BODY_BYTES}),
            )
    return bytes(body)


async def _completion(chat: ChatRequest, answer: Answer) -> dict[str, Any]:
    budget, refusal = TokenBudget(chat.max_tokens), None
    async for piece in answer.pieces():
        if piece.is_refusal:
            refusal = piece.text
        budget.admit(piece.text)
        if budget.is_cut:
            break
    message = {
        "role": "assistant",
        "content": None if refusal else budget.text,
        "refusal": budget.text if refusal else None,
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(budget)}
    head = _head("chat.completion")
    return head | {"choices": [choice], "usage": usage_json(chat.prompt, budget.text)}


async def _events(chat: ChatRequest, answer: Answer) -> AsyncIterator[str]:
    """Yield the chunks of a streamed answer as server-sent events."""
    head = _head("chat.completion.chunk")
    if chat.include_usage:
        head["usage"] = None
    yield _event(head | _choice({"role": "assistant", "content": ""}))
    budget = TokenBudget(chat.max_tokens)
    try:
        async for piece in answer.pieces():
            if text := budget.admit(piece.text):
                yield _event(head | _choice({"refusal" if piece.is_refusal else "content": text}))
            if budget.is_cut:
                break
    except RequestError as error:  # the status line is gone: the error travels as an event
        yield _event(error.body)
        return
    yield _event(head | _choice({}, _reason(budget)))
    if chat.include_usage:
        yield _event(head | {"choices": [], "usage": usage_json(chat.prompt, budget.text)})
    yield "data: [DONE]\n\n"


def _event(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n"


def _choice(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {"choices": [choice]}


def _reason(budget: TokenBudget) -> str:
    return "length" if budget.is_cut else "stop"


def _head(kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-local-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": EMBEDDED_MODEL,
        "system_fingerprint": FINGERPRINT,
    }


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
