"""Which proxy calls to the model go through, decided once for the engine and for the doctor."""

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from core.errors import ProxyFailedError
from core.phrases import Phrase

_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_LARGEST_HEAD_BYTES: Final = 16 * 2**10


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that the environment names in `variable`; user and password are never shown."""

    variable: str
    scheme: str
    host: str
    port: int
    url: str = field(repr=False)
    user: str | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)

    @property
    def address(self) -> str:
        """Return scheme, host and port, without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def is_socks(self) -> bool:
        """Say whether it speaks SOCKS; else it speaks HTTP."""
        return self.scheme.startswith("socks")


def proxy_for(address: str, configured: Mapping[str, str]) -> Proxy | None:
    """Return the proxy that calls to an address go through, None for the direct way.

    HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY mean what they mean to most programs.

    Args:
        address: Where a call goes.
        configured: `Settings.proxies`; what it does not name, the environment or the system does.

    Raises:
        ProxyFailedError: If what is named is no proxy that can be used.
    """
    url, named = urlsplit(address), {**getproxies(), **configured}
    kind = url.scheme if named.get(url.scheme) else "all"
    if not named.get(kind) or _is_exempt(url.hostname or "", url.port, named.get("no", "")):
        return None
    return _read_proxy(f"{kind}_proxy".upper(), named[kind])


def _is_exempt(host: str, port: int | None, no_proxy: str) -> bool:
    """Say whether NO_PROXY names the host, a domain that it is in, or everything."""
    if proxy_bypass(host):  # what the system says, where it is not the environment that does
        return True
    exempt = {entry.strip().lower().lstrip(".") for entry in no_proxy.split(",")} - {""}
    names = (host, f"{host}:{port}")
    return "*" in exempt or any(
        f".{name}".endswith(f".{each}") for name in names for each in exempt
    )


def _read_proxy(variable: str, text: str) -> Proxy:
    text = text if "://" in text else f"http://{text}"
    try:
        url = urlsplit(text)
        usual_port = _PORTS[url.scheme]
        host, port = url.hostname, url.port or usual_port
    except (ValueError, KeyError):
        host, port = None, 0
    if not host:
        raise ProxyFailedError(
            Phrase(
                "{variable} is not the address of a proxy: write http://, https:// or socks5://, "
                "the host and the port.",
                {"variable": variable},
            )
        )
    user = None if url.username is None else unquote(url.username)
    return Proxy(variable, url.scheme, host, port, text, user, unquote(url.password or ""))


async def open_tunnel(
    proxy: Proxy,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    host: str,
    port: int,
) -> None:
    """Have a proxy connect to a host; the streams are then a connection to that host.

    Raises:
        ProxyFailedError: If it refuses, or does not speak as a proxy does.
    """
    tunnel = _socks_tunnel if proxy.is_socks else _http_tunnel
    try:
        await tunnel(proxy, reader, writer, host, port)
    except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
        raise ProxyFailedError(Phrase("The proxy does not answer as a proxy does.")) from error


async def _http_tunnel(
    proxy: Proxy,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    host: str,
    port: int,
) -> None:
    """Send CONNECT (RFC 9110, section 9.3.6)."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.user is not None:
        pair = b64encode(f"{proxy.user}:{proxy.password}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {pair}")
    writer.write("\r\n".join([*lines, "", ""]).encode())
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[:_LARGEST_HEAD_BYTES].split()[1])
    if status == 407:
        raise _wrong_login()
    if not 200 <= status < 300:
        raise _refused(host, str(status))


async def _socks_tunnel(
    proxy: Proxy,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    host: str,
    port: int,
) -> None:
    """Ask for a connection by name (RFC 1928, RFC 1929): the proxy resolves it."""
    await _socks_login(proxy, reader, writer)
    name = host.encode("idna")
    writer.write(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2, "big"))
    _, reply, _, kind = await reader.readexactly(4)
    if reply:
        raise _refused(host, f"SOCKS {reply}")
    length = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
    await reader.readexactly(length + 2)  # the address that it connects from


async def _socks_login(
    proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(b"\x05\x01\x00" if proxy.user is None else b"\x05\x02\x00\x02")
    version, method = await reader.readexactly(2)
    if version != 5:
        raise ValueError("not SOCKS5")
    if method == 2 and proxy.user is not None:
        parts = (part.encode() for part in (proxy.user, proxy.password))
        writer.write(b"\x01" + b"".join(bytes([len(part)]) + part for part in parts))
        if (await reader.readexactly(2))[1]:
            raise _wrong_login()
    elif method:
        raise _wrong_login()


def _refused(host: str, status: str) -> ProxyFailedError:
    said = {"host": host, "status": status}
    return ProxyFailedError(Phrase("The proxy does not connect to {host}: it says {status}.", said))


def _wrong_login() -> ProxyFailedError:
    return ProxyFailedError(
        Phrase("The proxy wants a user name and password, or does not accept those it got.")
    )
