"""Addresses made to reach what they should not: every one ends in a code, and nothing is hit."""

import asyncio
import shutil
import ssl
import subprocess
from contextlib import asynccontextmanager

import pytest

from core.errors import ImageError, ImageRefusal
from core.images.addresses import is_public
from core.images.fetch import resolve_host, safe_fetch

PUBLIC = "93.184.215.14"  # never connected to


@asynccontextmanager
async def listening(answer=None, **options):
    """A server on loopback that counts who comes; yields its port and the list of visitors."""
    visits, running = [], set()

    async def serve(reader, writer):
        visits.append(writer.get_extra_info("peername"))
        running.add(asyncio.current_task())
        try:
            if answer:
                await reader.readuntil(b"\r\n\r\n")
                await answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client had enough
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, **options)
    try:
        yield server.sockets[0].getsockname()[1], visits
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()


def only_loopback(address):
    """Let the tests' own server be reached, and nothing else that is not public."""
    return address == "127.0.0.1" or is_public(address)


async def fetch(url, **options):
    return await safe_fetch(url, **{"max_bytes": 100_000, "total_timeout_s": 5, **options})


HOSTILE = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://127.1:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.1:{port}/",
    "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://127。0。0。1:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://168.63.129.16/",
    "file:///etc/passwd",
    "ftp://127.0.0.1:{port}/",
    "http://user:secret@127.0.0.1:{port}/",
    "http://example.com\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/\r\nHost: example.com",
    "http://127.0.0.1:99999/",
    "//127.0.0.1:{port}/",
    "http://127.0.0.1:25/",
    "http://127.0.0.1:0/",
    "http://[fe80::1%25lo]:{port}/",
    "http:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "",
]


@pytest.mark.parametrize("url", HOSTILE)
async def test_a_hostile_address_is_refused_and_nothing_is_hit(url):
    async with listening() as (port, visits):
        with pytest.raises(ImageError) as refused:
            await fetch(url.format(port=port))
        assert refused.value.reason in {ImageRefusal.FETCH_REFUSED, ImageRefusal.FETCH_FAILED}
        assert refused.value.code == "IMG003"
        assert visits == []


async def test_a_name_is_resolved_once_so_it_cannot_change_its_mind():
    calls = []

    async def rebinding(host, port):
        calls.append(host)
        return ["127.0.0.1"] if len(calls) == 1 else ["169.254.169.254"]

    async def answer(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()

    async with listening(answer) as (port, visits):
        file = await fetch(
            f"http://rebind.example:{port}/x", resolve=rebinding, is_allowed=only_loopback
        )
    assert file.data == b"ok"
    assert calls == ["rebind.example"]
    assert len(visits) == 1


@pytest.mark.parametrize("addresses", [[PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], ["::1"]])
async def test_one_private_address_among_others_condemns_the_host(addresses):
    async def mixed(host, port):
        return addresses

    async with listening() as (port, visits):
        with pytest.raises(ImageError) as refused:
            await fetch(f"http://mixed.example:{port}/", resolve=mixed)
    assert refused.value.reason is ImageRefusal.FETCH_REFUSED
    assert visits == []


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data/", ImageRefusal.FETCH_REFUSED),
        ("//[::1]/", ImageRefusal.FETCH_REFUSED),
        ("file:///etc/passwd", ImageRefusal.FETCH_REFUSED),
        ("http://a:b@example.com/", ImageRefusal.FETCH_REFUSED),
        ("http://example.com:25/", ImageRefusal.FETCH_REFUSED),
        ("/again", ImageRefusal.FETCH_FAILED),
    ],
)
async def test_each_redirect_is_checked_and_they_end(location, reason):
    async def send_on(writer):
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n".encode())
        await writer.drain()

    async with listening(send_on) as (port, visits):
        with pytest.raises(ImageError) as refused:
            await fetch(f"http://127.0.0.1:{port}/", is_allowed=only_loopback)
    assert refused.value.reason is reason
    assert len(visits) == (4 if location == "/again" else 1)


async def drip(writer):
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def pour(writer):
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 10_000)
        await writer.drain()


async def promise_too_much(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nshort")
    await writer.drain()


async def endless_headers(writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: %s\r\n" % (b"x" * 1000))
        await writer.drain()


async def silence(writer):
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (drip, ImageRefusal.FETCH_FAILED),
        (pour, ImageRefusal.TOO_LARGE_BYTES),
        (promise_too_much, ImageRefusal.FETCH_FAILED),
        (endless_headers, ImageRefusal.FETCH_FAILED),
        (silence, ImageRefusal.FETCH_FAILED),
    ],
)
async def test_bytes_and_time_are_limited_whatever_the_server_does(answer, reason):
    async with listening(answer) as (port, _):
        with pytest.raises(ImageError) as refused:
            await fetch(f"http://127.0.0.1:{port}/", is_allowed=only_loopback, total_timeout_s=0.5)
    assert refused.value.reason is reason


async def test_a_slow_resolver_counts_against_the_time():
    async def never(host, port):
        await asyncio.Event().wait()

    with pytest.raises(ImageError) as refused:
        await fetch("http://example.com/", resolve=never, total_timeout_s=0.05)
    assert refused.value.reason is ImageRefusal.FETCH_FAILED


@pytest.fixture
def certificate(tmp_path):
    """The paths of a certificate for pictures.example that nobody vouches for, and of its key."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    names = ["-subj", "/CN=pictures.example", "-addext", "subjectAltName=DNS:pictures.example"]
    files = ["-keyout", key, "-out", certificate]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return certificate, key


async def test_a_certificate_that_nobody_vouches_for_is_refused(certificate):
    context, asked = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    context.load_cert_chain(*certificate)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)

    async def loopback(host, port):
        return ["127.0.0.1"]

    async with listening(ssl=context) as (port, visits):
        with pytest.raises(ImageError) as refused:
            await fetch(
                f"https://pictures.example:{port}/", resolve=loopback, is_allowed=only_loopback
            )
    assert refused.value.reason is ImageRefusal.FETCH_FAILED
    assert asked == ["pictures.example"]
    assert visits == []


async def test_the_real_resolver_lists_each_address_once():
    assert await resolve_host("127.0.0.1", 80) == ["127.0.0.1"]
