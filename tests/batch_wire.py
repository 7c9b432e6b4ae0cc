"""HTTP for the simulated server: what is asked, what is answered, and two ways to carry it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2


@dataclass(frozen=True)
class Asked:
    """One request over HTTP."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def route(self) -> str:
        """Return method and path, with a star for each id."""
        return f"{self.method} {re.sub(r'(file|batch)[-_][0-9a-f]+', '*', self.path)}"


@dataclass(frozen=True)
class Reply:
    """One answer over HTTP."""

    status: int
    body: bytes
    kind: str = "application/json"


def document(content: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(content).encode())


def refusal(status: int, code: str | None, message: str = "fault") -> Reply:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return document({"error": error}, status)


HTML_413 = Reply(413, b"<html><h1>413 Request Entity Too Large</h1></html>", "text/html")
BROKEN = Reply(500, b"<h1>Internal Server Error</h1>", "text/html")


NO_ROUTE = refusal(404, None, "Invalid URL")
NO_METHOD = Reply(405, b'{"detail":"Method Not Allowed"}')


def listed(shapes: list[dict[str, Any]], query: dict[str, str]) -> Reply:
    """Return the part of a list that is asked for."""
    ids = [shape["id"] for shape in shapes]
    begin = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
    limit = int(query.get("limit", "20"))
    data = shapes[begin : begin + limit]
    return document({"object": "list", "data": data, "has_more": begin + limit < len(shapes)})


def form_fields(asked: Asked) -> dict[str, tuple[str, bytes]]:
    """Return the file's name, if it is one, and the content of each field of a multipart form."""
    boundary = asked.headers["content-type"].split("boundary=")[1].encode()
    fields = {}
    for part in asked.body.split(b"--" + boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        names = dict(re.findall(r'(\w+)="([^"]*)"', head.decode()))
        fields[names["name"]] = (names.get("filename", ""), content[:-2])
    return fields


Handle = Callable[[Asked], Reply | None]
"""Answers one request; None is a connection that ends without an answer."""


class InProcess(httpx2.AsyncBaseTransport):
    """The way to a server in the same process."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        query = dict(request.url.params)
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.aread()
        reply = self._handle(Asked(request.method, request.url.path, query, headers, body))
        if reply is None:
            raise httpx2.ReadError("the connection was lost", request=request)
        return httpx2.Response(
            reply.status, headers={"content-type": reply.kind}, content=reply.body
        )


@asynccontextmanager
async def listening(handle: Handle) -> AsyncIterator[str]:
    """Serve on a port of this machine for clients in other processes; yields the base URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = head[0].split(" ")
            pairs = (line.split(": ", 1) for line in head[1:] if ": " in line)
            headers = {name.lower(): value for name, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            url = urlsplit(target)
            reply = handle(Asked(method, url.path, dict(parse_qsl(url.query)), headers, body))
            if reply is None:
                writer.transport.abort()
                return
            lines = [f"HTTP/1.1 {reply.status} X", f"content-type: {reply.kind}"]
            lines += [f"content-length: {len(reply.body)}", "connection: close", "", ""]
            writer.write("\r\n".join(lines).encode() + reply.body)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client went away, as it may
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
