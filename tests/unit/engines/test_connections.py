import asyncio

import httpx2
import pytest

from core.engines.connections import OwnConnections


class Connection(httpx2.AsyncBaseTransport):
    def __init__(self):
        self.under_way = 0
        self.is_closed = False

    async def handle_async_request(self, request):
        assert not self.under_way, "lent twice"
        if request.url.path == "/broken":
            raise httpx2.ConnectError("refused")
        self.under_way += 1
        return httpx2.Response(200, stream=Body(self))

    async def aclose(self):
        self.is_closed = True


class Body(httpx2.AsyncByteStream):
    def __init__(self, connection):
        self.connection = connection

    async def __aiter__(self):
        await asyncio.sleep(0)
        yield b"fine"

    async def aclose(self):
        self.connection.under_way = 0


@pytest.fixture
async def client():
    opened = []

    def open_one():
        opened.append(Connection())
        return opened[-1]

    async with httpx2.AsyncClient(transport=OwnConnections(open_one), base_url="http://x") as made:
        made.opened = opened
        yield made
    assert all(each.is_closed for each in opened)


async def test_requests_at_the_same_time_have_a_connection_each(client):
    answers = await asyncio.gather(*(client.get("/") for _ in range(5)))
    assert {each.text for each in answers} == {"fine"}
    assert len(client.opened) == 5


async def test_a_connection_is_used_again_also_after_an_error(client):
    for path in ("/", "/broken", "/", "/"):
        if path == "/broken":
            with pytest.raises(httpx2.ConnectError):
                await client.get(path)
        else:
            await client.get(path)
    assert len(client.opened) == 1


async def test_a_body_that_is_closed_twice_gives_its_connection_back_once(client):
    async with client.stream("GET", "/") as answer:
        await answer.stream.aclose()
        await answer.stream.aclose()
    await asyncio.gather(client.get("/"), client.get("/"))
    assert len(client.opened) == 2
