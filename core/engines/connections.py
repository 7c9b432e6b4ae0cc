"""A connection for each request that is under way, instead of one pool for all.

httpx2's pool asks the system about every idle connection whenever a request begins or ends. With
32 connections that was a fifth of all work on a call.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import httpx2


class OwnConnections(httpx2.AsyncBaseTransport):
    """Lends each request a transport that nobody else uses, the one that was used last first.

    Args:
        open_one: Makes a transport for one connection.
    """

    def __init__(self, open_one: Callable[[], httpx2.AsyncBaseTransport]) -> None:
        self._open_one = open_one
        self._free: list[httpx2.AsyncBaseTransport] = []
        self._all: list[httpx2.AsyncBaseTransport] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; its connection is free again once the answer is closed."""
        lent = self._free.pop() if self._free else self._open()
        try:
            response = await lent.handle_async_request(request)
        except BaseException:
            self._free.append(lent)
            raise
        response.stream = _LentStream(response.stream, lent, self._free)
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        for each in self._all:
            await each.aclose()

    def _open(self) -> httpx2.AsyncBaseTransport:
        opened = self._open_one()
        self._all.append(opened)
        return opened


class _LentStream(httpx2.AsyncByteStream):
    """An answer's body; its end gives the connection back, once."""

    def __init__(
        self,
        inner: Any,
        lent: httpx2.AsyncBaseTransport,
        free: list[httpx2.AsyncBaseTransport],
    ) -> None:
        self._inner = cast("httpx2.AsyncByteStream", inner)
        self._lent: httpx2.AsyncBaseTransport | None = lent
        self._free = free

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            yield chunk

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            if self._lent is not None:
                self._free.append(self._lent)
                self._lent = None
