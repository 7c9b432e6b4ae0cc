"""A chat completion in the API's form: whole, or as a stream of events."""

import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any, Final

from core.local.answer import Answer
from core.local.problems import RequestError
from core.local.request import ChatRequest
from core.local.usage import TokenBudget, usage_json
from core.settings import EMBEDDED_MODEL

FINGERPRINT: Final = "local-ocr-rapidocr3.10"


async def completion(chat: ChatRequest, answer: Answer) -> dict[str, Any]:
    """Return the whole answer as one document.

    Raises:
        RequestError: If too many pages are waiting to be read.
    """
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


async def events(chat: ChatRequest, answer: Answer) -> AsyncIterator[str]:
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
