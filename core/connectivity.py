"""The way to the endpoint, layer by layer: name, connection, proxy, certificate."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ssl import SSLContext
from typing import Final
from urllib.parse import urlsplit

from core.certificates import Certificate, UntrustedCertificateError, shake_hands, trust
from core.checks import Check, CheckState, Finding, not_reached, run_check, skipped
from core.errors import (
    ConnectionFailedError,
    EngineError,
    NameResolutionError,
    ProxyFailedError,
    TimeoutExceededError,
)
from core.phrases import N_, Phrase
from core.proxies import Proxy, open_tunnel, proxy_for

LAYERS: Final = {
    "dns": N_("Name (DNS)"),
    "tcp": N_("Connection (TCP)"),
    "proxy": N_("Proxy"),
    "tls": N_("Encryption (TLS)"),
}
_WITHIN_S: Final = 10.0
_EXPIRES_SOON: Final = timedelta(days=14)


def embedded_layers() -> list[Check]:
    """Return the layers where the engine inside Tessera answers."""
    why = Phrase("Does not apply: the engine inside Tessera needs no network.")
    return [skipped(name, title, why) for name, title in LAYERS.items()]


async def check_network(base_url: str, proxies: Mapping[str, str]) -> AsyncIterator[Check]:
    """Yield each layer as it ends; behind one that failed, no other is tried.

    `proxies` is `Settings.proxies`.
    """
    way, is_open = _Way(base_url, proxies), True
    steps: dict[str, Callable[[], Awaitable[Finding]]] = {
        "dns": way.resolve,
        "tcp": way.connect,
        "proxy": way.pass_proxy,
        "tls": way.encrypt,
    }
    try:
        for name, step in steps.items():
            if not is_open:
                yield not_reached(name, LAYERS[name])
                continue
            check = await run_check(name, LAYERS[name], _in_time(step))
            is_open = check.state is not CheckState.FAIL
            yield check
    finally:
        await way.close()


def _in_time(step: Callable[[], Awaitable[Finding]]) -> Callable[[], Awaitable[Finding]]:
    async def timed() -> Finding:
        try:
            async with asyncio.timeout(_WITHIN_S):
                return await step()
        except TimeoutError as error:
            raise TimeoutExceededError(
                Phrase("Nothing came back within {seconds} s.", {"seconds": f"{_WITHIN_S:g}"})
            ) from error

    return timed


class _Way:
    """One connection that is built up step by step, as the engine's own would be."""

    def __init__(self, base_url: str, proxies: Mapping[str, str]) -> None:
        url = urlsplit(base_url)
        self._base_url = base_url
        self._proxies = proxies
        self._is_encrypted = url.scheme == "https"
        self._host = url.hostname or ""
        self._port = url.port or (443 if self._is_encrypted else 80)
        self._proxy: Proxy | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]
        self._is_connected = False

    @property
    def _door(self) -> tuple[str, int]:
        """Return whom this machine itself connects to."""
        proxy = self._proxy
        return (proxy.host, proxy.port) if proxy else (self._host, self._port)

    async def resolve(self) -> Finding:
        """Look up the name of the server, or of the proxy, which looks up the server's."""
        self._proxy = proxy_for(self._base_url, self._proxies)
        host, port = self._door
        try:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NameResolutionError(
                Phrase("The name {host} is not known here.", {"host": host})
            ) from error
        addresses = ", ".join(dict.fromkeys(str(entry[4][0]) for entry in found))
        values = {"host": host, "addresses": addresses}
        if addresses == host:
            return Finding(Phrase("{host} is an address: there is no name to look up.", values))
        if self._proxy is None:
            return Finding(Phrase("{host} is {addresses}.", values))
        return Finding(
            Phrase("The proxy {host} is {addresses}; it looks up the server's name.", values)
        )

    async def connect(self) -> Finding:
        """Open a TCP connection."""
        host, port = self._door
        try:
            self._streams = await asyncio.open_connection(host, port, ssl=self._proxy_tls())
        except OSError as error:
            problem = error.strerror or type(error).__name__
            said = Phrase(
                "{host}:{port} cannot be connected: {problem}.",
                {"host": host, "port": port, "problem": problem},
            )
            refused: EngineError = ConnectionFailedError(said)
            raise (ProxyFailedError(said) if self._proxy else refused) from error
        self._is_connected = True
        return Finding(Phrase("{host}:{port} answers.", {"host": host, "port": port}))

    async def pass_proxy(self) -> Finding:
        """Have the proxy connect to the server."""
        proxy = self._proxy
        if proxy is None:
            why = Phrase("No proxy is set for this address: the way is direct.")
            return Finding(why, CheckState.SKIP)
        values = {"proxy": proxy.address, "variable": proxy.variable, "host": self._host}
        if not self._is_encrypted and not proxy.is_socks:
            # Such a proxy gets the whole request, and there is none yet.
            return Finding(Phrase("Requests are handed to {proxy} ({variable}).", values))
        await open_tunnel(proxy, *self._streams, self._host, self._port)
        return Finding(Phrase("{proxy} ({variable}) connects to {host}.", values))

    async def encrypt(self) -> Finding:
        """Begin TLS, and see who has signed the server's certificate."""
        if not self._is_encrypted:
            why = Phrase("OPENAI_BASE_URL begins with http://, so nothing is encrypted.")
            return Finding(why, CheckState.SKIP)
        try:
            chain = await shake_hands(*self._streams, self._host)
        except UntrustedCertificateError as error:
            return Finding(error.detail, CheckState.FAIL, _facts(error.chain), error.code)
        return _judge(chain) if chain else Finding(Phrase("The certificate is trusted."))

    async def close(self) -> None:
        """Hang up."""
        if self._is_connected:
            writer = self._streams[1]
            writer.close()
            with suppress(OSError):  # the other side was faster
                await writer.wait_closed()

    def _proxy_tls(self) -> SSLContext | None:
        return trust() if self._proxy and self._proxy.scheme == "https" else None


def _judge(chain: tuple[Certificate, ...]) -> Finding:
    """Say who has signed a trusted chain."""
    own, root, facts = chain[0], chain[-1], _facts(chain)
    if not root.is_public:
        said = Phrase(
            "Trusted here, but signed by {issuer}, which is no public authority: your "
            "organisation, a proxy or a relay signs this connection and can read it.",
            {"issuer": root.subject},
        )
        return Finding(said, CheckState.WARN, facts)
    values = {"issuer": root.subject, "date": own.valid_until.date().isoformat()}
    if own.valid_until - datetime.now(UTC) < _EXPIRES_SOON:
        said = Phrase("The certificate ends soon, on {date}.", values)
        return Finding(said, CheckState.WARN, facts)
    said = Phrase("Signed by {issuer}, a public authority; valid until {date}.", values)
    return Finding(said, CheckState.OK, facts)


def _facts(chain: tuple[Certificate, ...]) -> tuple[Phrase, ...]:
    """Return the chain line by line, and who says whom to trust."""
    told = [
        Phrase("{variable} says whom to trust: {path}", {"variable": name, "path": path})
        for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")
        if (path := os.environ.get(name))
    ]
    return (*(certificate.line for certificate in chain), *told[:1])  # the first counts alone
