"""Two small proxies on loopback, an HTTP one that knows CONNECT and a SOCKS5 one."""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class RunningProxy:
    """Where it listens, whom it lets in, what it refuses and whom it connected to."""

    login: tuple[str, str] | None = None
    refuses: bool = False
    port: int = 0
    targets: list[tuple[str, int]] = field(default_factory=list)

    async def connect(self, host: str, port: int) -> Streams:
        """Connect anybody's name to loopback, so that names need not exist."""
        self.targets.append((host, port))
        return await asyncio.open_connection("127.0.0.1", port)


Handle = Callable[[RunningProxy, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def speak_http(
    proxy: RunningProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Serve one CONNECT."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    pair = b64encode(":".join(proxy.login or ()).encode()).decode()
    if proxy.login and f"proxy-authorization: basic {pair}".lower() not in head.lower():
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
    elif proxy.refuses:
        writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
    else:
        host, _, port = head.split()[1].rpartition(":")
        there = await proxy.connect(host, int(port))
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await _join((reader, writer), there)


async def speak_socks(
    proxy: RunningProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Serve one CONNECT of SOCKS5, by name or IPv4 address."""
    methods = await reader.readexactly((await reader.readexactly(2))[1])
    wanted = 2 if proxy.login else 0
    if wanted not in methods:
        writer.write(b"\x05\xff")
        return
    writer.write(bytes([5, wanted]))
    if proxy.login and not await _logs_in(proxy.login, reader, writer):
        return
    kind = (await reader.readexactly(4))[3]
    length = 4 if kind == 1 else (await reader.readexactly(1))[0]
    host = await reader.readexactly(length)
    port = int.from_bytes(await reader.readexactly(2), "big")
    writer.write(bytes([5, 2 if proxy.refuses else 0, 0, 1, 0, 0, 0, 0, 0, 0]))
    if not proxy.refuses:
        name = ".".join(map(str, host)) if kind == 1 else host.decode()
        await _join((reader, writer), await proxy.connect(name, port))


async def _logs_in(
    login: tuple[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    given = [await reader.readexactly((await reader.readexactly(2))[1])]
    given.append(await reader.readexactly((await reader.readexactly(1))[0]))
    accepted = tuple(part.decode() for part in given) == login
    writer.write(b"\x01\x00" if accepted else b"\x01\x01")
    return accepted


@asynccontextmanager
async def proxy(
    handle: Handle, tls: ssl.SSLContext | None = None, **options: object
) -> AsyncIterator[RunningProxy]:
    """Run a proxy; what it has opened is closed at the end."""
    running, tasks = RunningProxy(**options), set()  # type: ignore[arg-type]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            await handle(running, reader, writer)
            await writer.drain()
        except (OSError, EOFError):
            pass  # either side went away, as it may
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _join(here: Streams, there: Streams) -> None:
    """Carry bytes both ways until both sides have said all."""
    await asyncio.gather(_carry(here[0], there[1]), _carry(there[0], here[1]))


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(2**16):
            target.write(data)
            await target.drain()
    except OSError:
        pass
    finally:
        target.close()
