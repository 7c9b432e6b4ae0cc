"""A response body with an upper limit."""

from collections.abc import AsyncIterator
from typing import Any, cast

import httpx2

from core.engines.errors import OversizedAnswerError


class BoundedStream(httpx2.AsyncByteStream):
    """Hands out what `inner` sends, and fails once it passes `limit_bytes`."""

    def __init__(self, inner: Any, limit_bytes: int) -> None:
        self._inner = cast("httpx2.AsyncByteStream", inner)
        self._limit_bytes = limit_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen_bytes = 0
        async for chunk in self._inner:
            seen_bytes += len(chunk)
            if seen_bytes > self._limit_bytes:
                raise OversizedAnswerError("the answer is larger than any answer can be")
            yield chunk

    async def aclose(self) -> None:
        """Close the stream behind."""
        await self._inner.aclose()
