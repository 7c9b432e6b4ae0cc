"""An OpenAI-compatible server on loopback that knows just what a test lets it know."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Answer = tuple[int, Any]
MODELS: Answer = (200, {"object": "list", "data": [{"id": "gpt-4o", "object": "model"}]})
BATCHES: Answer = (200, {"object": "list", "data": [], "has_more": False})
NOT_FOUND: Answer = (404, {"error": {"message": "no such page", "code": None}})


def completion(text: str) -> Answer:
    """Return an answer of the model."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 20, "completion_tokens": 1, "total_tokens": 21}
    return 200, {"id": "x", "model": "gpt-4o", "choices": [choice], "usage": usage}


def refusal(status: int, code: str) -> Answer:
    """Return an error in the protocol's form."""
    return status, {"error": {"message": f"refused: {code}", "code": code, "param": None}}


FULL: Mapping[str, Answer] = {
    "GET /v1/models": MODELS,
    "GET /v1/batches": BATCHES,
    "POST text": completion("ok"),
    "POST picture": completion("Red."),
}


@dataclass
class Endpoint:
    """A running server: where it listens and what it was asked."""

    answers: Mapping[str, Answer]
    scheme: str
    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return f"{self.scheme}://localhost:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = await reader.readexactly(1)
            if not first.isalpha():  # TLS or SOCKS, which this server does not speak
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
            head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = head.partition("content-length: ")[2].partition("\r\n")[0]
            body = await reader.readexactly(int(length or 0))
            key = _what(head, body)
            self.asked.append(key)
            status, document = self.answers.get(key, NOT_FOUND)
            data = json.dumps(document).encode()
            lines = [f"HTTP/1.1 {status} X", "content-type: application/json", "connection: close"]
            lines += [f"content-length: {len(data)}", "", ""]
            writer.write("\r\n".join(lines).encode() + data)
            await writer.drain()
        except (OSError, EOFError):
            pass  # the client went away, as it may
        finally:
            writer.close()


def _what(head: str, body: bytes) -> str:
    method, target = head.split()[:2]
    if method == "post":
        return "POST picture" if b"image_url" in body else "POST text"
    return f"{method.upper()} {target.partition('?')[0]}"


@asynccontextmanager
async def endpoint(
    answers: Mapping[str, Answer] = FULL, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Endpoint]:
    """Run the server."""
    running = Endpoint(answers, "https" if tls else "http")
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0, ssl=tls)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
