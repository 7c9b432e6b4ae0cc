"""A chat completion request, read from JSON into what this engine needs of it."""

import json
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from core.engines.wire import TEXT_LAYER_LINE
from core.local.problems import RequestError, invalid_value
from core.phrases import Phrase
from core.settings import EMBEDDED_MODEL

MAX_PICTURES: Final = 10
MAX_TEXT_LAYER: Final = 100_000  # characters of one page; the decoder keeps no more either
_DATA_URL: Final = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the request, as it came, with the text that came with its page."""

    data: bytes = field(repr=False)
    text_layer: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What is asked.

    `schema` is the JSON Schema of the answer; `wants_json` asks for JSON of any shape.
    """

    prompt: str
    pictures: tuple[Picture, ...]
    stream: bool = False
    include_usage: bool = False
    max_tokens: int | None = None
    wants_json: bool = False
    schema: Mapping[str, Any] | None = None


def parse_request(body: bytes) -> ChatRequest:
    """Read the body of POST /v1/chat/completions.

    Raises:
        RequestError: Saying which parameter cannot be used.
    """
    return read_request(json_object(body))


def read_request(request: Mapping[str, Any]) -> ChatRequest:
    """Read a request that is parsed already.

    Raises:
        RequestError: Saying which parameter cannot be used.
    """
    _check_model(request.get("model"))
    _refuse_unsupported(request)
    prompt, pictures = _read_messages(request.get("messages"))
    options = request.get("stream_options") or {}
    return ChatRequest(
        prompt,
        pictures,
        stream=request.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        max_tokens=_max_tokens(request),
        **_response_form(request.get("response_format")),
    )


def json_object(body: bytes) -> dict[str, Any]:
    """Read the JSON object that a body must be.

    Raises:
        RequestError: If it is anything else.
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise RequestError(400, "invalid_json", Phrase("The body must be a JSON object."))
    return request


def check_model(name: str) -> None:
    """Refuse every model but the one that lives here.

    Raises:
        RequestError: 404 for another name.
    """
    if name != EMBEDDED_MODEL:
        raise RequestError(
            404,
            "model_not_found",
            Phrase(
                "There is no model {name} here. This engine only answers as {known}.",
                {"name": name[:100], "known": EMBEDDED_MODEL},
            ),
            param="model",
        )


def _check_model(name: Any) -> None:
    if not isinstance(name, str) or not name:
        raise invalid_value("model", Phrase("Name the model: {known}.", {"known": EMBEDDED_MODEL}))
    check_model(name)


def _refuse_unsupported(request: Mapping[str, Any]) -> None:
    if request.get("n") not in {None, 1}:
        raise invalid_value("n", Phrase("This engine gives one answer to a request."))
    for name in ("tools", "functions", "audio"):
        if request.get(name):
            raise RequestError(
                400,
                "unsupported_parameter",
                Phrase("This engine does not support {name}.", {"name": name}),
                param=name,
            )


def _max_tokens(request: Mapping[str, Any]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        limit = request.get(name)
        if limit is None:
            continue
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            raise invalid_value(name, Phrase("The limit of tokens must be a whole number from 1."))
        return limit
    return None


def _response_form(form: Any) -> dict[str, Any]:
    kind = form.get("type") if isinstance(form, dict) else None
    if form is None or kind == "text":
        return {}
    if kind == "json_object":
        return {"wants_json": True}
    wrapper = form.get("json_schema") if kind == "json_schema" else None
    schema = wrapper.get("schema") if isinstance(wrapper, dict) else None
    if not isinstance(schema, dict):
        raise invalid_value(
            "response_format",
            Phrase("The response format must be text, json_object or json_schema with a schema."),
        )
    return {"schema": schema}


def _read_messages(messages: Any) -> tuple[str, tuple[Picture, ...]]:
    """Return the words of the last user message that has any, and all users' pictures."""
    if not isinstance(messages, list) or not messages:
        raise invalid_value("messages", Phrase("The request has no messages."))
    prompt, text_layer = "", None
    pictures: list[Picture] = []
    for parts in map(_user_parts, messages):
        texts = []
        for part in parts:
            if (url := _image_url(part)) is not None:
                pictures.append(Picture(_decoded(url), text_layer))
                text_layer = None
            elif (text := _text(part)).startswith(TEXT_LAYER_LINE):
                text_layer = _text_layer(text)
            else:
                texts.append(text)
        prompt = "\n".join(texts) if texts else prompt
    if len(pictures) > MAX_PICTURES:
        raise invalid_value(
            "messages", Phrase("More than {limit} pictures.", {"limit": MAX_PICTURES})
        )
    return prompt, tuple(pictures)


def _text_layer(text: str) -> str | None:
    layer = text.removeprefix(TEXT_LAYER_LINE).strip()
    if len(layer) > MAX_TEXT_LAYER:
        raise invalid_value(
            "messages",
            Phrase(
                "The text of a page has more than {limit} characters.", {"limit": MAX_TEXT_LAYER}
            ),
        )
    return layer or None


def _user_parts(message: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise invalid_value("messages", Phrase("Every message must be an object with a role."))
    content = message.get("content")
    if message["role"] != "user":
        return
    if isinstance(content, str):
        yield {"type": "text", "text": content}
    elif isinstance(content, list) and all(isinstance(part, dict) for part in content):
        yield from content
    else:
        raise invalid_value("messages", Phrase("A message's content must be text or parts."))


def _text(part: Mapping[str, Any]) -> str:
    text = part.get("text")
    if part.get("type") != "text" or not isinstance(text, str):
        raise invalid_value("messages", Phrase("This engine takes text and pictures only."))
    return text


def _image_url(part: Mapping[str, Any]) -> str | None:
    if part.get("type") != "image_url":
        return None
    holder = part.get("image_url")
    url = holder.get("url") if isinstance(holder, dict) else None
    if not isinstance(url, str):
        raise invalid_value("messages", Phrase("A picture needs image_url with a url."))
    return url


def _decoded(url: str) -> bytes:
    match = _DATA_URL.match(url)
    if match is None:
        raise RequestError(
            400,
            "invalid_image_url",
            Phrase(
                "This engine has no network and opens no addresses. Send the picture itself as "
                "data:image/...;base64,..."
            ),
            param="messages",
        )
    try:
        return b64decode(url[match.end() :], validate=True)
    except (Base64Error, ValueError):
        raise RequestError(
            400,
            "invalid_base64_image",
            Phrase("The picture is not valid base64."),
            param="messages",
        ) from None
