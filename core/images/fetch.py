"""Fetch a file from an address that a stranger may have chosen.

The host is resolved once, every address it has is checked, and exactly a checked one is connected
to; the certificate is still verified against the name. Redirects go through the same checks.
Proxies from the environment are not used here: a proxy would resolve the name again, and what it
may reach is not what this machine may reach.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urljoin, urlsplit

import httpx2

from core.errors import ImageError
from core.images import messages
from core.images.addresses import is_public
from core.images.limits import MIB
from core.images.names import label

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host name and a port to all its addresses."""

MAX_REDIRECTS = 3
_CONNECT_TIMEOUT_S = 5.0
_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNRESERVED_PORTS = range(1024, 65536)  # below are mail, remote shells and the like
_KEPT_IN_URL = "/%:@!$&'()*+,;=~?"


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """The bytes of a file and a label made from its address."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Target:
    """An address taken apart and found harmless in form; `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Return what the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def at(self, address: str) -> str:
        """Return the URL with the host replaced by a literal address."""
        literal = f"[{address}]" if ":" in address else address
        return f"{self.scheme}://{literal}:{self.port}{self.path}"


@dataclass(frozen=True, slots=True)
class _Answer:
    """Either where to go on, or the body."""

    location: str | None
    body: bytes = field(default=b"", repr=False)


async def resolve_host(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver for all addresses of a host."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


async def safe_fetch(
    url: str,
    *,
    max_bytes: int,
    total_timeout_s: float,
    resolve: Resolve = resolve_host,
    is_allowed: Callable[[str], bool] = is_public,
) -> FetchedFile:
    """Fetch one file over http or https.

    Args:
        url: As a person typed it, or as a server redirected.
        max_bytes: Reading stops beyond this, whatever the server announced.
        total_timeout_s: For everything together, names and redirects included.
        resolve: Called once for each host on the way.
        is_allowed: Says of a literal address whether it may be connected to.

    Raises:
        ImageError: FETCH_REFUSED, FETCH_FAILED or TOO_LARGE_BYTES.
    """
    try:
        async with asyncio.timeout(total_timeout_s):
            return await _follow(url.strip(), max_bytes, resolve, is_allowed)
    except TimeoutError as error:
        raise messages.FETCH_SLOW.error(limit_s=total_timeout_s) from error


async def _follow(
    url: str, max_bytes: int, resolve: Resolve, is_allowed: Callable[[str], bool]
) -> FetchedFile:
    for _ in range(MAX_REDIRECTS + 1):
        target = _parse(url)
        addresses = await _checked_addresses(target, resolve, is_allowed)
        answer = await _get(target, addresses, max_bytes)
        if answer.location is None:
            return FetchedFile(_name(target), answer.body)
        url = urljoin(url, answer.location)
    raise messages.TOO_MANY_REDIRECTS.error(limit=MAX_REDIRECTS)


def _parse(url: str) -> _Target:
    """Take an address apart and put it together again, so that no two readers differ about it."""
    if "\\" in url or not url.isprintable() or " " in url:  # urlsplit drops some of these silently
        raise messages.ADDRESS_FORM.error()
    try:
        parts = urlsplit(url)
        port = parts.port if parts.port is not None else _DEFAULT_PORTS[parts.scheme]
        host = _ascii_host(parts.hostname or "")
    except (ValueError, KeyError) as error:
        raise messages.ADDRESS_FORM.error() from error
    ports = {*_DEFAULT_PORTS.values(), *_UNRESERVED_PORTS}
    if parts.scheme not in _DEFAULT_PORTS or "@" in parts.netloc or port not in ports:
        raise messages.ADDRESS_FORM.error()
    query = f"?{quote(parts.query, safe=_KEPT_IN_URL)}" if parts.query else ""
    return _Target(parts.scheme, host, port, quote(parts.path or "/", safe=_KEPT_IN_URL) + query)


def _ascii_host(host: str) -> str:
    """Return the host as it is asked for; look-alike digits and dots become plain ones here."""
    ascii_host = host if ":" in host else host.encode("idna").decode("ascii")
    if not ascii_host or "%" in ascii_host:  # a zone ("%eth0") would pick the network card
        raise ValueError("no usable host")
    return ascii_host


async def _checked_addresses(
    target: _Target, resolve: Resolve, is_allowed: Callable[[str], bool]
) -> Sequence[str]:
    """Return all addresses of the host; one that is not allowed condemns the host."""
    try:
        addresses = await resolve(target.host, target.port)
    except (OSError, UnicodeError) as error:
        raise messages.UNKNOWN_HOST.error(host=target.host) from error
    if not addresses:
        raise messages.UNKNOWN_HOST.error(host=target.host)
    if not all(map(is_allowed, addresses)):
        raise messages.PRIVATE_ADDRESS.error(host=target.host)
    return addresses


async def _get(target: _Target, addresses: Sequence[str], max_bytes: int) -> _Answer:
    """Try the addresses in the resolver's order until one can be connected to."""
    verify = httpx2.create_ssl_context() if target.scheme == "https" else True
    async with httpx2.AsyncClient(
        verify=verify,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx2.Timeout(None, connect=_CONNECT_TIMEOUT_S),  # the caller's deadline rules
    ) as client:
        try:
            for address in addresses[:-1]:
                try:
                    return await _get_at(client, target, address, max_bytes)
                except (httpx2.ConnectError, httpx2.ConnectTimeout):
                    continue
            return await _get_at(client, target, addresses[-1], max_bytes)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise messages.FETCH_BROKEN.error(host=target.host) from error


async def _get_at(
    client: httpx2.AsyncClient, target: _Target, address: str, max_bytes: int
) -> _Answer:
    headers = {"Host": target.authority, "Accept-Encoding": "identity", "Accept": "*/*"}
    extensions = {"sni_hostname": target.host}  # the name that the certificate must have
    async with client.stream(
        "GET", target.at(address), headers=headers, extensions=extensions
    ) as response:
        if response.has_redirect_location:
            return _Answer(response.headers["Location"])
        if response.status_code != httpx2.codes.OK:
            raise messages.BAD_STATUS.error(host=target.host, status=response.status_code)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise messages.FETCH_BROKEN.error(host=target.host)
        return _Answer(None, await _body(response, max_bytes))


async def _body(response: httpx2.Response, max_bytes: int) -> bytes:
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


def _too_large(max_bytes: int) -> ImageError:
    return messages.TOO_LARGE_BYTES.error(limit_mb=max_bytes // MIB)


def _name(target: _Target) -> str:
    last = unquote(target.path.split("?")[0].rsplit("/", 1)[-1])
    return label(last or target.host)
