"""A chat completions server on loopback that misbehaves in one chosen way.

It speaks HTTP by hand, because most faults cannot be had from a well-behaved server, and keeps its
own list of what it would have billed.
"""

import asyncio
import gzip
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import cache
from typing import Any

ANSWER = '{"total": 12.5}'
USAGE = {"prompt_tokens": 300, "completion_tokens": 8, "total_tokens": 308}


@dataclass
class Exchange:
    """One request and the connection to answer it on."""

    upstream: "Upstream"
    headers: dict[str, str]
    body: dict[str, Any]
    writer: asyncio.StreamWriter

    def pay(self) -> None:
        self.upstream.paid.append(self.body["model"])

    async def respond(
        self, status: int, body: bytes | str, kind: str = "application/json", **headers: str
    ) -> None:
        data = body.encode() if isinstance(body, str) else body
        lines = [f"HTTP/1.1 {status} Fault", f"content-type: {kind}", "connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += [f"content-length: {len(data)}", "", ""]
        self.writer.write("\r\n".join(lines).encode() + data)
        await self.writer.drain()

    async def error(self, status: int, code: str | None, message: str = "", **headers: str) -> None:
        error = {"message": message or f"fault {code}", "type": "x", "param": None, "code": code}
        await self.respond(status, json.dumps({"error": error}), **headers)

    async def complete(self, message: Any, finish: str | None = "stop", **extra: Any) -> None:
        """Answer with one choice, as a stream if one was asked for."""
        self.pay()
        if self.body.get("stream"):
            await self.stream([(message, None), ({}, finish)], **extra)
            return
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
        document = {"id": "x", "model": "gpt-4o-2024-11-20", "choices": [choice], "usage": USAGE}
        await self.respond(200, json.dumps(document | extra), x_ratelimit_limit_requests="500")

    async def stream(self, deltas: list[tuple[Any, str | None]], end: str = "[DONE]", **extra: Any):
        chunks = [
            {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": None}
            for delta, finish in deltas
        ]
        if end:
            chunks.append({"choices": [], "usage": USAGE} | extra)
        lines = [f"data: {json.dumps({'model': 'gpt-4o', **chunk})}\n\n" for chunk in chunks]
        await self.respond(200, "".join(lines) + f"data: {end}\n\n" * bool(end), EVENTS)

    async def reset(self) -> None:
        self.writer.transport.abort()


EVENTS = "text/event-stream"
Fault = Callable[[Exchange], Awaitable[None]]


@dataclass
class Upstream:
    """A running server: where it listens, what it was asked and what it would have billed."""

    fault: Fault
    scheme: str = "http"
    port: int = 0
    requests: list[Exchange] = field(default_factory=list)
    paid: list[str] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            pairs = (line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            headers = {name.lower(): value for name, value in pairs}
            body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))))
            exchange = Exchange(self, headers, body, writer)
            self.requests.append(exchange)
            await self.fault(exchange)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client went away, as it may
        finally:
            writer.close()


@asynccontextmanager
async def upstream(fault: Fault, tls: ssl.SSLContext | None = None) -> AsyncIterator[Upstream]:
    """Run a server with one fault."""
    running = Upstream(fault, "https" if tls else "http")
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0, ssl=tls)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()


async def fine(exchange: Exchange) -> None:
    await exchange.complete({"content": ANSWER})


async def rate_limit(exchange: Exchange) -> None:
    await exchange.error(429, "rate_limit_exceeded")


async def rate_limit_2_s(exchange: Exchange) -> None:
    await exchange.error(429, "rate_limit_exceeded", retry_after="2")


async def rate_limit_600_s(exchange: Exchange) -> None:
    await exchange.error(429, "rate_limit_exceeded", retry_after="600")


async def rate_limit_date(exchange: Exchange) -> None:
    date = formatdate(time.time() + 600, usegmt=True)
    await exchange.error(429, "rate_limit_exceeded", retry_after=date)


async def too_large_for_the_limit(exchange: Exchange) -> None:
    message = "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 34307."
    await exchange.error(429, "rate_limit_exceeded", message)


async def quota(exchange: Exchange) -> None:
    await exchange.error(429, "insufficient_quota")


async def credit(exchange: Exchange) -> None:
    await exchange.error(429, "credit_balance_exhausted")


async def broken(exchange: Exchange) -> None:
    await exchange.respond(500, "<h1>Internal Server Error</h1>", "text/html")


async def overloaded(exchange: Exchange) -> None:
    await exchange.error(503, "server_is_overloaded", retry_after="1")


async def gateway_timeout(exchange: Exchange) -> None:
    await exchange.respond(504, "", "text/html")


async def hang(exchange: Exchange) -> None:
    exchange.pay()
    await asyncio.sleep(30)


async def drip(exchange: Exchange) -> None:
    """Send a byte now and then: each read is in time, the whole never ends."""
    exchange.pay()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {EVENTS}\r\ncontent-length: 9000\r\n\r\n"
    exchange.writer.write(head.encode())
    for _ in range(3000):
        exchange.writer.write(b" ")
        await exchange.writer.drain()
        await asyncio.sleep(0.01)


async def reset_before_payment(exchange: Exchange) -> None:
    await exchange.reset()


async def reset_after_payment(exchange: Exchange) -> None:
    exchange.pay()
    exchange.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{")
    await exchange.writer.drain()
    await exchange.reset()


async def empty(exchange: Exchange) -> None:
    await exchange.respond(200, "")


async def html(exchange: Exchange) -> None:
    await exchange.respond(200, "<html>Please log in</html>", "text/html")


async def cut_json(exchange: Exchange) -> None:
    exchange.pay()
    await exchange.respond(200, '{"choices": [{"message": {"content": "12')


async def cut_stream(exchange: Exchange) -> None:
    if not exchange.body.get("stream"):
        await cut_json(exchange)
        return
    exchange.pay()
    await exchange.stream([({"content": '{"total'}, None)], end="")


async def empty_object(exchange: Exchange) -> None:
    await exchange.respond(200, "{}")


async def not_an_object(exchange: Exchange) -> None:
    await exchange.respond(200, '["a", 1]')


async def error_in_200(exchange: Exchange) -> None:
    await exchange.respond(200, '{"error": {"message": "no", "code": "server_error"}}')


async def error_in_stream(exchange: Exchange) -> None:
    await exchange.respond(200, 'data: {"error": {"message": "no", "code": null}}\n\n', EVENTS)


async def no_choices(exchange: Exchange) -> None:
    await exchange.respond(200, '{"choices": [], "model": "gpt-4o"}')


async def odd_types(exchange: Exchange) -> None:
    await exchange.respond(200, '{"choices": [{"message": {"content": [1, 2]}}], "usage": "many"}')


async def null_content(exchange: Exchange) -> None:
    await exchange.complete({"content": None})


async def refusal(exchange: Exchange) -> None:
    await exchange.complete({"content": None, "refusal": "I cannot help with that."})


async def length(exchange: Exchange) -> None:
    await exchange.complete({"content": '{"total": 1'}, "length")


async def content_filter(exchange: Exchange) -> None:
    await exchange.complete({"content": '{"to'}, "content_filter")


async def wrong_schema(exchange: Exchange) -> None:
    await exchange.complete({"content": '{"sum": 12.5}'})


async def huge(exchange: Exchange) -> None:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {EVENTS}\r\ncontent-length: {50 * 2**20}\r\n\r\n"
    exchange.writer.write(head.encode())
    for _ in range(50):
        exchange.writer.write(b" " * 2**20)
        await exchange.writer.drain()


@cache
def _flood() -> bytes:
    return gzip.compress(b" " * 200 * 2**20, compresslevel=1)


async def compressed_flood(exchange: Exchange) -> None:
    await exchange.respond(200, _flood(), content_encoding="gzip")


async def wrong_charset(exchange: Exchange) -> None:
    body = '{"choices": [{"message": {"content": "größer"}}]}'.encode("latin-1")
    await exchange.respond(200, body, "application/json; charset=utf-8")


async def too_large(exchange: Exchange) -> None:
    await exchange.respond(413, "<html><h1>413 Request Entity Too Large</h1></html>", "text/html")


async def key_echoed(exchange: Exchange) -> None:
    key = exchange.headers["authorization"]
    await exchange.error(401, "invalid_api_key", f"Incorrect API key provided: {key}.")


async def no_such_address(exchange: Exchange) -> None:
    await exchange.respond(404, "<h1>Not Found</h1>", "text/html")


async def no_such_model(exchange: Exchange) -> None:
    await exchange.error(404, "model_not_found")


async def bad_picture(exchange: Exchange) -> None:
    await exchange.error(400, "invalid_image_format")


async def image_too_large(exchange: Exchange) -> None:
    await exchange.error(400, "image_too_large")


async def too_long(exchange: Exchange) -> None:
    await exchange.error(400, "context_length_exceeded")


async def forbidden(exchange: Exchange) -> None:
    await exchange.error(403, "unsupported_country_region_territory")


def takes_at_most(size_bytes: int) -> Fault:
    """Return a server behind a proxy that refuses larger bodies."""

    async def small_server(exchange: Exchange) -> None:
        if int(exchange.headers["content-length"]) > size_bytes:
            await too_large(exchange)
        else:
            await exchange.complete({"content": ANSWER})

    return small_server


def answers_after(wait_s: float) -> Fault:
    """Return a server that takes its time."""

    async def slow_server(exchange: Exchange) -> None:
        await asyncio.sleep(wait_s)
        await exchange.complete({"content": ANSWER})

    return slow_server


def redirect_to(address: str) -> Fault:
    """Return a fault that sends the client elsewhere."""

    async def redirect(exchange: Exchange) -> None:
        await exchange.respond(307, "", location=address)

    return redirect


def refuses_parameters(*names: str) -> Fault:
    """Return a server that knows less than OpenAI's: it names one unknown parameter at a time."""

    async def old_server(exchange: Exchange) -> None:
        for name in names:
            if name in exchange.body:
                error = {"message": "unknown", "param": name, "code": "unknown_parameter"}
                await exchange.respond(400, json.dumps({"error": error}))
                return
        await exchange.complete({"content": ANSWER})

    return old_server
