"""The network behind the SDK's HTTP client: aiohttp's connections, which cost less than httpx2's.

The SDK comes with a transport like this one. There a connection that is lost while an answer is
awaited is a connection that took too long to open: something that was never sent, and never paid.
Here each error keeps its meaning.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

import aiohttp
import httpx2
from yarl import URL

_KEPT_S: Final = 5.0
"""How long an unused connection is kept: servers close theirs after not much more."""
_PIECE_BYTES: Final = 2**16

_MEANINGS: Final[tuple[tuple[type[Exception], type[httpx2.TransportError]], ...]] = (
    (aiohttp.ConnectionTimeoutError, httpx2.ConnectTimeout),
    (aiohttp.ClientConnectorError, httpx2.ConnectError),  # also TLS and names
    (TimeoutError, httpx2.ReadTimeout),
    (aiohttp.InvalidURL, httpx2.UnsupportedProtocol),
    (aiohttp.NonHttpUrlClientError, httpx2.UnsupportedProtocol),
    (aiohttp.ServerDisconnectedError, httpx2.RemoteProtocolError),
    (aiohttp.ClientResponseError, httpx2.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx2.RemoteProtocolError),
    (aiohttp.ClientError, httpx2.ReadError),
    (OSError, httpx2.ReadError),
)


class Connections(httpx2.AsyncBaseTransport):
    """Opens as many connections as there are requests under way; no redirects, no cookies.

    Args:
        trusted: Whose certificates are accepted.
    """

    def __init__(self, trusted: ssl.SSLContext) -> None:
        self._trusted = trusted
        self._session: aiohttp.ClientSession | None = None  # needs the running loop

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return its answer, whose body is still to be read.

        Raises:
            httpx2.TransportError: Whatever went wrong.
        """
        if self._session is None:
            self._session = self._open()
        allowed = request.extensions.get("timeout", {})
        with _meanings():
            response = await self._session.request(
                request.method,
                _address(request),
                headers=request.headers,
                data=_body(request),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    sock_connect=allowed.get("connect"), sock_read=allowed.get("read")
                ),
            )
        return httpx2.Response(
            response.status, headers=response.raw_headers, stream=_Body(response), request=request
        )

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ssl=self._trusted, keepalive_timeout=_KEPT_S, use_dns_cache=False
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # httpx2 does
        )


class _Body(httpx2.AsyncByteStream):
    """An answer's body as it arrives."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _meanings():
            async for piece in self._response.content.iter_chunked(_PIECE_BYTES):
                yield piece

    async def aclose(self) -> None:
        """Keep the connection for the next request if this body was read to its end."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


def _address(request: httpx2.Request) -> URL:
    """Return where a request goes; name and password of an address are in its headers already."""
    return URL(str(request.url), encoded=True).with_user(None)


def _body(request: httpx2.Request) -> bytes | AsyncIterator[bytes] | None:
    """Return what is to be sent; a file in pieces, as it is read."""
    try:
        return request.content or None
    except httpx2.RequestNotRead:
        assert isinstance(request.stream, httpx2.AsyncByteStream)  # noqa: S101 - for the types
        return aiter(request.stream)


@contextmanager
def _meanings() -> Iterator[None]:
    """Raise httpx2's error for each of aiohttp's."""
    try:
        yield
    except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
        meaning = next(to for known, to in _MEANINGS if isinstance(error, known))
        raise meaning(str(error)) from error
