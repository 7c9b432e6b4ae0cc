"""What an ordinary address gives; the hostile ones are in tests/faults/test_hostile_urls.py."""

import asyncio
import socket
from contextlib import asynccontextmanager
from functools import partial

import pytest

from core.errors import ImageError, ImageRefusal
from core.images.fetch import safe_fetch


async def loopback(host, port):
    return ["127.0.0.1"]


fetch = partial(
    safe_fetch, max_bytes=1000, total_timeout_s=5, resolve=loopback, is_allowed=lambda _: True
)


@asynccontextmanager
async def answering(*answers):
    """A server that gives one raw answer a connection; yields its port and what it was asked."""
    asked, left = [], list(answers)

    async def answer(reader, writer):
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(left.pop(0))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


def ok(body, *headers):
    head = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def redirect(location):
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


async def test_the_file_comes_with_a_label_and_the_host_keeps_its_name():
    async with answering(ok(b"picture")) as (port, asked):
        file = await fetch(f"http://Pictures.example:{port}/a%20b/%E6%94%B6.png?x=1")
    assert (file.name, file.data) == ("收.png", b"picture")
    assert f"Host: pictures.example:{port}\r\n" in asked[0]
    assert asked[0].startswith("GET /a%20b/%E6%94%B6.png?x=1 ")
    assert "accept-encoding: identity" in asked[0].lower()


async def test_without_a_file_name_the_host_is_the_label():
    async with answering(ok(b"picture")) as (port, _):
        assert (await fetch(f"http://pictures.example:{port}")).name == "pictures.example"


async def test_redirects_are_followed_also_relative_ones():
    async with answering(redirect("/b.png"), ok(b"picture")) as (port, asked):
        file = await fetch(f"http://pictures.example:{port}/a.png")
    assert file.name == "b.png"
    assert asked[1].startswith("GET /b.png ")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", ImageRefusal.FETCH_FAILED),
        (b"HTTP/1.1 204 No Content\r\n\r\n", ImageRefusal.FETCH_FAILED),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", ImageRefusal.FETCH_FAILED),
        (b"not http at all\r\n\r\n", ImageRefusal.FETCH_FAILED),
        (b"", ImageRefusal.FETCH_FAILED),
        (ok(b"zipped", "Content-Encoding: gzip"), ImageRefusal.FETCH_FAILED),
        (ok(b"x" * 1001), ImageRefusal.TOO_LARGE_BYTES),
    ],
)
async def test_what_is_no_file_is_said(answer, reason):
    async with answering(answer) as (port, _):
        with pytest.raises(ImageError) as refused:
            await fetch(f"http://pictures.example:{port}/a.png")
    assert refused.value.reason is reason


async def test_exactly_the_allowed_bytes_pass():
    async with answering(ok(b"x" * 1000)) as (port, _):
        assert len((await fetch(f"http://pictures.example:{port}/a.png")).data) == 1000


async def test_the_next_address_is_tried_when_one_is_dead():
    with socket.socket() as closed:
        closed.bind(("127.0.0.2", 0))

        async def two(host, port):
            return ["127.0.0.2", "127.0.0.1"]

        async with answering(ok(b"picture")) as (port, _):
            file = await fetch(f"http://pictures.example:{port}/a.png", resolve=two)
    assert file.data == b"picture"


async def test_a_host_that_does_not_exist_is_named():
    async def unknown(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(ImageError, match=r"nowhere\.example is unknown") as refused:
        await fetch("http://nowhere.example/a.png", resolve=unknown)
    assert refused.value.reason is ImageRefusal.FETCH_FAILED
