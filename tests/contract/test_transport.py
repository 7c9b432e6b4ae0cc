"""What an HTTP client may expect of the transport that stays inside the process."""

import asyncio
import json

import httpx2
import pytest
from openai import APITimeoutError, AsyncOpenAI

from core.engines.transport import AsgiStreamTransport

START = {"type": "http.response.start", "status": 200, "headers": [(b"x-kind", b"test")]}


def chunk(body, *, more=True):
    return {"type": "http.response.body", "body": body, "more_body": more}


def client_for(app):
    async def http_only(scope, receive, send):
        assert scope["type"] == "http"
        await app(scope, receive, send)

    return httpx2.AsyncClient(transport=AsgiStreamTransport(http_only), base_url="http://inside")


async def test_status_headers_and_body_arrive():
    async def echo(scope, receive, send):
        request = await receive()
        await send(START)
        await send(chunk(scope["path"].encode() + request["body"], more=False))

    async with client_for(echo) as client:
        answer = await client.post("/path?x=1", content=b" body")

    assert (answer.status_code, answer.headers["x-kind"], answer.text) == (
        200,
        "test",
        "/path body",
    )


async def test_first_chunk_arrives_before_the_last_is_made():
    first_was_read = asyncio.Event()

    async def app(scope, receive, send):
        await send(START)
        await send(chunk(b"first"))
        await first_was_read.wait()
        await send(chunk(b"last", more=False))

    async with client_for(app) as client, client.stream("GET", "/") as answer:
        chunks = answer.aiter_bytes()
        assert await anext(chunks) == b"first"
        first_was_read.set()
        assert [part async for part in chunks] == [b"last"]


async def test_a_large_request_is_handed_on_in_pieces():
    first_has_arrived = asyncio.Event()

    async def app(scope, receive, send):
        pieces = [await receive()]
        first_has_arrived.set()
        while pieces[-1]["more_body"]:
            pieces.append(await receive())
        await send(START)
        await send(chunk(b"".join(piece["body"] for piece in pieces), more=False))

    async def body():
        yield b"first"
        await first_has_arrived.wait()
        yield b" last"

    async with client_for(app) as client:
        answer = await client.post("/", content=body())

    assert answer.text == "first last"


async def test_closing_the_response_cancels_the_app():
    ended = asyncio.Event()

    async def app(scope, receive, send):
        await send(START)
        await send(chunk(b"first"))
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with client_for(app) as client, client.stream("GET", "/") as answer:
        await anext(answer.aiter_bytes())

    assert ended.is_set()


async def test_cancelling_the_request_cancels_the_app():
    started, ended = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with client_for(app) as client:
        request = asyncio.create_task(client.get("/"))
        await started.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request

    assert ended.is_set()


async def test_what_the_app_raises_reaches_the_caller():
    async def app(scope, receive, send):
        raise ZeroDivisionError

    async with client_for(app) as client:
        with pytest.raises(ZeroDivisionError):
            await client.get("/")


async def test_an_error_after_the_first_chunk_reaches_the_reader():
    async def app(scope, receive, send):
        await send(START)
        await send(chunk(b"first"))
        raise ZeroDivisionError

    async with client_for(app) as client, client.stream("GET", "/") as answer:
        chunks = answer.aiter_bytes()
        assert await anext(chunks) == b"first"
        with pytest.raises(ZeroDivisionError):
            await anext(chunks)


async def test_an_app_that_stops_halfway_is_a_protocol_error():
    async def app(scope, receive, send):
        await send(START)
        await send(chunk(b"half"))

    async with client_for(app) as client:
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.get("/")


async def test_the_lifespan_begins_before_the_first_request_and_ends_with_the_client():
    happened = []

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            while (event := (await receive())["type"]) != "lifespan.shutdown":
                happened.append(event)
                await send({"type": f"{event}.complete"})
            happened.append(event)
            return
        happened.append("http")
        await send(START)
        await send(chunk(b"", more=False))

    async with httpx2.AsyncClient(transport=AsgiStreamTransport(app)) as client:
        await client.get("http://inside")
        await client.get("http://inside")

    assert happened == ["lifespan.startup", "http", "http", "lifespan.shutdown"]


async def test_the_sdk_streams_through_it_and_sees_its_timeout():
    def event(text):
        delta = {"index": 0, "delta": {"content": text}, "finish_reason": None}
        body = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m"}
        return b"data: " + json.dumps(body | {"choices": [delta]}).encode() + b"\n\n"

    headers = [(b"content-type", b"text/event-stream")]
    first_was_read = asyncio.Event()

    async def app(scope, receive, send):
        await send(START | {"headers": headers})
        await send(chunk(event("one")))
        await first_was_read.wait()
        await send(chunk(event("two")))
        await asyncio.Event().wait()

    async with AsyncOpenAI(
        api_key="x", base_url="http://inside/v1", http_client=client_for(app), max_retries=0
    ) as openai:
        stream = await openai.chat.completions.create(
            model="m", messages=[], stream=True, timeout=httpx2.Timeout(0.05)
        )
        async with stream:
            assert (await anext(stream)).choices[0].delta.content == "one"
            first_was_read.set()
            assert (await anext(stream)).choices[0].delta.content == "two"
            with pytest.raises((httpx2.ReadTimeout, APITimeoutError)):
                await anext(stream)
