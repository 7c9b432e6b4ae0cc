"""What a server does to a connection, and the error that it must be: it decides what was paid."""

import asyncio
import ssl

import httpx2
import pytest

from core.engines.connections import Connections

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nSet-Cookie: a=b\r\n\r\nfine"
_BEHAVIOURS = {
    "hangs up": (b"", httpx2.RemoteProtocolError),
    "speaks no HTTP": (b"hello\r\n\r\n", httpx2.RemoteProtocolError),
    "breaks off": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf",
        httpx2.RemoteProtocolError,
    ),
    "says nothing": (None, httpx2.ReadTimeout),
}


class Server:
    """Answers each connection as it is told, and keeps what it was sent."""

    def __init__(self, answer, *, keeps_open=False):
        self.answer, self.keeps_open = answer, keeps_open
        self.connections, self.heads, self.bodies = 0, [], []

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head.decode().lower(), reader, writer)
                if not self.keeps_open:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def _answer(self, head, reader, writer):
        length = next((h for h in head.splitlines() if h.startswith("content-length:")), ":0")
        self.heads.append(head)
        self.bodies.append(await reader.readexactly(int(length.partition(":")[2])))
        if self.answer is None:
            await reader.read()  # until the client gives up
        else:
            writer.write(self.answer)
            await writer.drain()


@pytest.fixture
async def ask():
    running = []

    async def start(server):
        running.append(await asyncio.start_server(server.serve, "127.0.0.1", 0))
        port = running[-1].sockets[0].getsockname()[1]
        client = httpx2.AsyncClient(
            transport=Connections(ssl.create_default_context()),
            base_url=f"http://127.0.0.1:{port}",
            timeout=0.3,
        )
        running.append(client)
        return client

    yield start
    for each in reversed(running):
        if isinstance(each, httpx2.AsyncClient):
            await each.aclose()
        else:
            each.close()
            await each.wait_closed()


@pytest.mark.parametrize("behaviour", _BEHAVIOURS)
async def test_a_call_that_was_sent_never_looks_unsent(ask, behaviour):
    answer, expected = _BEHAVIOURS[behaviour]
    server = Server(answer)
    client = await ask(server)
    with pytest.raises(expected) as raised:
        await client.post("/", content=b"paid")
    assert not isinstance(raised.value, httpx2.ConnectError | httpx2.ConnectTimeout)
    assert server.bodies == [b"paid"], "sent once"


async def test_nobody_there_is_a_connection_that_was_not_made(ask):
    client = await ask(Server(_OK))
    with pytest.raises(httpx2.ConnectError):
        await client.post("http://127.0.0.1:1/", content=b"unpaid")


async def test_an_address_that_is_none_is_said_to_be_none(ask):
    client = await ask(Server(_OK))
    with pytest.raises(httpx2.UnsupportedProtocol):
        await client.get("ftp://127.0.0.1/")


async def test_a_connection_is_used_again_and_carries_no_cookie(ask):
    server = Server(_OK, keeps_open=True)
    client = await ask(server)
    for _ in range(3):
        answer = await client.post("/", content=b"x")
        assert answer.text == "fine"
        client.cookies.clear()  # the client's own; the connections keep none
    assert server.connections == 1
    assert not any("cookie:" in head for head in server.heads)


async def test_a_name_and_a_password_in_the_address_are_sent_as_such(ask):
    server = Server(_OK)
    client = await ask(server)
    await client.post(client.base_url.copy_with(username="name", password="word"))
    assert "authorization: basic bmftztp3b3jk" in server.heads[0]  # in lower case, as all is here


async def test_an_answer_that_is_not_read_gives_no_connection_back(ask):
    server = Server(_OK.replace(b": 4", b": 9"), keeps_open=True)
    client = await ask(server)
    for _ in range(2):
        async with client.stream("GET", "/") as answer:
            assert answer.status_code == 200
    assert server.connections == 2


async def test_requests_at_the_same_time_have_a_connection_each(ask):
    server = Server(_OK, keeps_open=True)
    client = await ask(server)
    answers = await asyncio.gather(*(client.get("/") for _ in range(5)))
    assert {each.text for each in answers} == {"fine"}
    assert server.connections == 5


async def test_a_file_goes_in_pieces_under_its_own_length(ask):
    async def pieces():
        yield b"one "
        yield b"two"

    server = Server(_OK)
    client = await ask(server)
    await client.post("/", content=pieces(), headers={"Content-Length": "7"})
    assert server.bodies == [b"one two"]
    assert "chunked" not in server.heads[0]
