"""Talk to an ASGI app in this process over the ordinary HTTP client, streaming included.

httpx2's own ASGI transport collects the whole body before it returns, which would turn a streamed
answer into one late block.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, cast

import httpx2

_Message = MutableMapping[str, Any]
AsgiApp = Callable[
    [_Message, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]],
    Awaitable[None],
]

_log = logging.getLogger(__name__)

_CHUNKS_AHEAD = 16  # how far the app may run ahead of a slow reader


class AsgiStreamTransport(httpx2.AsyncBaseTransport):
    """Run an ASGI app in a task of its own and hand out its body as it is sent.

    Closing the response, or cancelling the request, cancels the app's task. The read timeout of the
    client is kept; what the app raises reaches the caller. The app's lifespan begins with the first
    request and ends when the client is closed.
    """

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._lifespan = _Lifespan(app)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return as soon as the app has sent its status and headers."""
        await self._lifespan.begin()
        body = cast("httpx2.AsyncByteStream", request.stream)
        exchange = _Exchange(body, request.extensions.get("timeout", {}))
        exchange.start(self._app, _scope(request))
        try:
            start = await exchange.next_message()
        except BaseException:  # also a cancelled caller: the app must not run on alone
            await exchange.aclose()
            raise
        return httpx2.Response(start["status"], headers=start.get("headers", []), stream=exchange)

    async def aclose(self) -> None:
        """End the app's lifespan, so that it releases what it holds."""
        await self._lifespan.end()


class _Lifespan:
    """The app's life as a server would run it; an app that knows no lifespan raises and is fine."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._events: asyncio.Queue[_Message] = asyncio.Queue()
        self._begun = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        if self._task is None:
            self._events.put_nowait({"type": "lifespan.startup"})
            self._task = asyncio.create_task(self._run())
        await self._begun.wait()

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
        try:
            await self._app(scope, self._events.get, self._send)
        except Exception:  # noqa: BLE001 - the specification lets an app raise anything here
            _log.debug("lifespan_unsupported", exc_info=True)
        finally:
            self._begun.set()

    async def _send(self, message: _Message) -> None:
        if message["type"] == "lifespan.startup.complete":
            self._begun.set()

    async def end(self) -> None:
        if self._task is not None:
            self._events.put_nowait({"type": "lifespan.shutdown"})
            await self._task


def _scope(request: httpx2.Request) -> _Message:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.split(b"?")[0],
        "query_string": request.url.query,
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 0),
        "root_path": "",
    }


class _Exchange(httpx2.AsyncByteStream):
    """One request and its answer: the app writes messages at one end, the client reads here.

    The body of the request is handed on in the pieces in which it is made: an upload can be large.
    """

    def __init__(self, body: httpx2.AsyncByteStream, timeout: dict[str, float | None]) -> None:
        self._body = aiter(body)
        self._is_body_over = False
        self._read_timeout_s = timeout.get("read")
        self._messages: asyncio.Queue[_Message] = asyncio.Queue(_CHUNKS_AHEAD)
        self._app_task: asyncio.Task[None]

    def start(self, app: AsgiApp, scope: _Message) -> None:
        self._app_task = asyncio.create_task(self._run(app, scope))

    async def _run(self, app: AsgiApp, scope: _Message) -> None:
        await app(scope, self._receive, self._messages.put)

    async def _receive(self) -> _Message:
        if self._is_body_over:
            await asyncio.Event().wait()  # a client that goes away cancels the task instead
        piece = await anext(self._body, None)
        self._is_body_over = piece is None
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def next_message(self) -> _Message:
        """Return what the app sends next.

        Raises:
            httpx2.ReadTimeout: It sent nothing within the client's read timeout.
            httpx2.RemoteProtocolError: It returned before its answer was complete.
        """
        message = asyncio.ensure_future(self._messages.get())
        try:
            await asyncio.wait(
                {message, self._app_task},
                timeout=self._read_timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if message.done():
                return message.result()
        finally:
            message.cancel()
        if not self._app_task.done():
            raise httpx2.ReadTimeout("the application sent nothing in time")
        if not self._messages.empty():
            return self._messages.get_nowait()
        self._app_task.result()  # raises what the app raised
        raise httpx2.RemoteProtocolError("the application ended before its answer was complete")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self.next_message()
            if message.get("body"):
                yield message["body"]
            more = message.get("more_body", False)

    async def aclose(self) -> None:
        """Stop the app and wait until it has stopped."""
        self._app_task.cancel()
        await asyncio.wait({self._app_task})
        if not self._app_task.cancelled():
            self._app_task.exception()  # seen here, or asyncio would complain about it later
