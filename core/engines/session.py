"""The SDK at work: one HTTP client, one request at a time through it, foreign errors translated."""

import asyncio
import dataclasses
import functools
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import openai

from core.certificates import trust
from core.engines.base import EngineAnswer, EngineCall, TextSink
from core.engines.bounded import BoundedStream
from core.engines.connections import Connections
from core.engines.errors import FOREIGN_ERRORS, translate_error
from core.engines.openai_jobs import OpenAIJobs
from core.engines.transport import AsgiStreamTransport
from core.engines.wire import (
    StreamReader,
    read_completion,
    read_model_names,
    request_parameters,
)
from core.errors import EngineError, RequestRejectedError
from core.phrases import Phrase
from core.proxies import Proxy, proxy_for
from core.redaction import redact
from core.settings import Settings
from core.vendor_count import count_parameters

_CONNECT_TIMEOUT_S = 5.0
_LISTING_TIMEOUT_S = 20.0
_LARGEST_ANSWER_BYTES = 8 * 2**20
_LARGEST_FILE_BYTES = 4 * 2**30
_LARGEST_COMPRESSED_BYTES = 128 * 2**10  # deflate grows a thousandfold at most
_OPTIONAL = frozenset({"store", "stream_options", "max_completion_tokens"})
"""Parameters that some compatible servers do not know."""


class Session:
    """An open way to the endpoint; remembers which optional parameters it does not know."""

    def __init__(
        self, settings: Settings, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        key = settings.openai_api_key
        self._secrets = [key.get_secret_value()] if key else []
        self._unknown: set[str] = set()
        proxy = None if settings.embedded else proxy_for(settings.base_url, settings.proxies)
        self._is_proxied = proxy is not None
        for chatty in ("openai", "httpx2", "httpcore2"):
            # Their info and debug lines hold URLs with their query, and whole pictures.
            logging.getLogger(chatty).setLevel(logging.WARNING)
        self._http = _http_client(settings, transport, proxy)
        self._sdk = openai.AsyncOpenAI(
            api_key=self._secrets[0] if self._secrets else "none",
            base_url="http://embedded/v1" if settings.embedded else settings.base_url,
            max_retries=0,
            http_client=self._http,
        )
        base = self._sdk.base_url
        self._completions = base.copy_with(path=f"{base.path}chat/completions")
        self._headers = httpx2.Headers(_usual_headers(self._sdk))

    async def send(self, call: EngineCall, on_text: TextSink | None) -> EngineAnswer:
        """Send one call, again without each optional parameter that the server refuses.

        Raises:
            EngineError: Whatever the SDK and its transport raised, translated.
        """
        while True:
            parameters = self._parameters(call, stream=on_text is not None)
            try:
                answer = await self._send(call, parameters, on_text)
            except FOREIGN_ERRORS as error:
                if name := _refused_option(error, parameters):
                    self._unknown.add(name)
                    continue
                raise self._translate(error) from error
            return dataclasses.replace(answer, notes=self._notes())

    async def model_names(self) -> tuple[str, ...]:
        """Return the models that the server lists.

        Raises:
            EngineError: Whatever the SDK and its transport raised, translated.
        """
        try:
            async with asyncio.timeout(_LISTING_TIMEOUT_S):
                response = await self._sdk.models.with_raw_response.list()
            return read_model_names(response.content)
        except FOREIGN_ERRORS as error:
            raise self._translate(error) from error

    async def count_input_tokens(self, call: EngineCall) -> int:
        """Return the input tokens that the vendor would bill for this call; nothing is answered.

        Raises:
            EngineError: Also where the endpoint has no such count.
        """
        try:
            async with asyncio.timeout(call.timeout_s):
                counted = await self._sdk.responses.input_tokens.count(**count_parameters(call))
        except openai.NotFoundError as error:
            raise RequestRejectedError(
                Phrase("This endpoint does not count tokens, or does not know the model.")
            ) from error
        except FOREIGN_ERRORS as error:
            raise self._translate(error) from error
        return counted.input_tokens

    def batch_lane(self) -> OpenAIJobs:
        """Return the files and jobs of the endpoint."""
        parameters = functools.partial(self._parameters, stream=False)
        return OpenAIJobs(self._sdk, parameters, self._translate, self._clean)

    async def close(self) -> None:
        """Close every connection."""
        await self._sdk.close()

    async def _send(
        self, call: EngineCall, parameters: dict[str, Any], on_text: TextSink | None
    ) -> EngineAnswer:
        allowed = httpx2.Timeout(call.timeout_s, connect=min(_CONNECT_TIMEOUT_S, call.timeout_s))
        async with asyncio.timeout(call.timeout_s):  # httpx2 limits each read, not the whole
            if on_text is None:
                response = await self._post(parameters, allowed)
                answer = read_completion(response.content, self._clean)
            else:
                started_s = time.monotonic()
                create = self._sdk.chat.completions.with_raw_response.create
                response = await create(**parameters, timeout=allowed)
                answer = await self._read_stream(response.parse(), on_text, started_s)
        return dataclasses.replace(
            answer,
            request_id=response.headers.get("x-request-id"),
            limits={k: v for k, v in response.headers.items() if k.startswith("x-ratelimit-")},
        )

    async def _post(self, parameters: dict[str, Any], allowed: httpx2.Timeout) -> httpx2.Response:
        """Send parameters as they are.

        The SDK would look at every field of them for types and put the request together anew each
        time, which takes longer than to send it.
        """
        response = await self._http.post(
            self._completions, json=parameters, headers=self._headers, timeout=allowed
        )
        if not response.is_success:
            raise self._sdk._make_status_error_from_response(response)
        return response

    async def _read_stream(self, stream: Any, on_text: TextSink, started_s: float) -> EngineAnswer:
        reader = StreamReader(self._clean)
        first_token_s = None
        async with stream:  # closes the connection however the reading ends
            async for document in _documents(stream):
                if text := reader.feed(document):
                    first_token_s = first_token_s or time.monotonic() - started_s
                    on_text(text)
        return dataclasses.replace(reader.answer(), first_token_s=first_token_s)

    def _parameters(self, call: EngineCall, *, stream: bool) -> dict[str, Any]:
        parameters = request_parameters(call)
        if stream:
            parameters |= {"stream": True, "stream_options": {"include_usage": True}}
        for name in self._unknown:
            value = parameters.pop(name, None)
            if name == "max_completion_tokens":
                parameters["max_tokens"] = value  # its older name
        return parameters

    def _notes(self) -> tuple[Phrase, ...]:
        return tuple(
            Phrase("This server does not know the parameter {name}; it was left out.", {"name": n})
            for n in sorted(self._unknown)
        )

    def _translate(self, error: Exception) -> EngineError:
        return translate_error(error, self._clean, time.time(), proxied=self._is_proxied)

    def _clean(self, text: str) -> str:
        return redact(text, self._secrets)


def _usual_headers(sdk: openai.AsyncOpenAI) -> dict[str, str]:
    """Return what the SDK sends with every request, the key included."""
    usual = {name: value for name, value in sdk.default_headers.items() if isinstance(value, str)}
    return {"Authorization": f"Bearer {sdk.api_key}"} | usual


def _http_client(
    settings: Settings, transport: httpx2.AsyncBaseTransport | None, proxy: Proxy | None
) -> httpx2.AsyncClient:
    if transport is None:
        transport = (
            _embedded_transport(settings.engine_dir) if settings.embedded else _network(proxy)
        )
    return httpx2.AsyncClient(
        transport=transport,
        follow_redirects=False,  # a redirect would carry the picture to another host
        trust_env=False,  # what counts of the environment is read here, once for all
        headers={"Accept-Encoding": "identity"},
        event_hooks={"response": [_bound_body]},
    )


def _network(proxy: Proxy | None) -> httpx2.AsyncBaseTransport:
    if proxy is None:
        return Connections(trust())
    return httpx2.AsyncHTTPTransport(verify=trust(), trust_env=False, proxy=proxy.url)


def _embedded_transport(directory: Path) -> httpx2.AsyncBaseTransport:
    from core.local.app import build_app  # OCR and OpenCV: only when they are needed

    return AsgiStreamTransport(build_app(directory))


async def _bound_body(response: httpx2.Response) -> None:
    """Stop reading an answer that grows beyond all reason."""
    compressed = response.headers.get("content-encoding", "identity") != "identity"
    limit = _LARGEST_COMPRESSED_BYTES if compressed else _LARGEST_ANSWER_BYTES
    if response.request.url.path.endswith("/content"):  # a file goes to disk, not into memory
        limit = _LARGEST_FILE_BYTES
    response.stream = BoundedStream(response.stream, limit)


async def _documents(stream: Any) -> AsyncIterator[Any]:
    """Yield each chunk as plain JSON: the SDK does not check what it reads."""
    async for chunk in stream:
        yield chunk.to_dict(warnings=False) if isinstance(chunk, openai.BaseModel) else chunk


def _refused_option(error: Exception, parameters: dict[str, Any]) -> str | None:
    """Return the optional parameter that a 400 names, if it was sent."""
    if not isinstance(error, openai.BadRequestError):
        return None
    name = str(error.param or "").partition(".")[0]
    return name if name in _OPTIONAL and name in parameters else None
