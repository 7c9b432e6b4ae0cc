"""The app and its queue, with a reader that needs no models."""

import asyncio
import base64
import io
import json
import threading
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from PIL import Image

from core.engines.transport import AsgiStreamTransport
from core.errors import ImageError, ImageRefusal
from core.local import reader as reader_module
from core.local.app import build_app
from core.local.facts import page_facts
from core.local.jobs.incoming import MAX_BODY_BYTES
from core.local.lines import reading_of_text
from core.local.reader import MAX_WAITING, PageReader
from core.phrases import Phrase
from core.types import PreparedImage


def png(shade=255):
    out = io.BytesIO()
    Image.new("RGB", (64, 64), (shade, shade, shade)).save(out, "PNG")
    return out.getvalue()


class TrustingDecoder:
    """Takes every picture as it is; refuses what says so."""

    def __init__(self):
        self.calls = 0
        self.closed = False

    async def prepare(self, source, rule, detail):
        self.calls += 1
        if source.data == b"refuse me":
            raise ImageError(ImageRefusal.DAMAGED, Phrase("It is cut off."))
        return PreparedImage(source.data, "image/png", 64, 64, "PNG", 64, 64)

    async def close(self):
        self.closed = True


class ScriptedReader:
    """Reads a fixed text, once it may."""

    def __init__(self, text="Total 9.90"):
        self.text = text
        self.may_read = threading.Event()
        self.may_read.set()
        self.pages = 0

    def __call__(self, picture, looks, text_layer):
        assert self.may_read.wait(30)
        self.pages += 1
        return page_facts(reading_of_text(text_layer or self.text), looks)


@asynccontextmanager
async def serving(read=None, decoder=None):
    reader = PageReader(decoder or TrustingDecoder(), read or ScriptedReader())
    app = build_app(Path("nothing is kept"), reader)
    transport = AsgiStreamTransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://inside/v1") as client:
        yield client


def ask(prompt="What is the total?", picture=None, **parameters):
    data = base64.b64encode(png() if picture is None else picture).decode()
    url = {"url": f"data:image/png;base64,{data}"}
    parts = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": url}]
    return {
        "model": "local-vision-1",
        "messages": [{"role": "user", "content": parts}],
        **parameters,
    }


async def post(client, request):
    return await client.post("/chat/completions", json=request, timeout=60)


async def test_an_answer_has_the_shape_of_the_api_and_its_own_name():
    async with serving() as client:
        answer = (await post(client, ask())).json()

    assert (answer["model"], answer["system_fingerprint"]) == (
        "local-vision-1",
        "local-ocr-rapidocr3.10",
    )
    choice = answer["choices"][0]
    assert (choice["finish_reason"], choice["message"]["refusal"]) == ("stop", None)
    assert "**9.90**" in choice["message"]["content"]
    assert answer["usage"]["estimated"] is True


async def test_the_first_words_come_before_the_page_is_read():
    read = ScriptedReader()
    read.may_read.clear()
    request = ask("Describe", stream=True, stream_options={"include_usage": True})
    said = []

    async with (
        serving(read) as client,
        client.stream("POST", "/chat/completions", json=request, timeout=60) as answer,
    ):
        async for line in answer.aiter_lines():
            said.append(line.removeprefix("data: "))
            if "Size: 64×64" in line:
                assert read.pages == 0
                read.may_read.set()

    *chunks, done = [line for line in said if line]
    parsed = [json.loads(chunk) for chunk in chunks]
    assert done == "[DONE]"
    assert parsed[-1]["choices"] == []
    assert parsed[-1]["usage"]["completion_tokens"] > 100
    assert parsed[-2]["choices"][0]["finish_reason"] == "stop"
    assert all(chunk["usage"] is None for chunk in parsed[:-1])
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in parsed[:-1])
    assert "```text\nTotal 9.90\n```" in text


async def test_an_answer_over_the_limit_is_cut_and_says_so():
    async with serving() as client:
        answer = (await post(client, ask(max_completion_tokens=5))).json()

    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["choices"][0]["message"]["content"] == "# Local engine: meas"
    assert answer["usage"]["completion_tokens"] == 5


@pytest.mark.parametrize("stream", [False, True])
async def test_a_request_without_a_picture_is_refused(stream):
    request = {"model": "local-vision-1", "messages": [{"role": "user", "content": "hello"}]}
    async with serving() as client:
        body = (await post(client, request | {"stream": stream})).text

    assert "no language model" in body
    assert '"refusal"' in body


async def test_a_question_about_the_scene_is_not_answered():
    async with serving() as client:
        answer = (await post(client, ask("Who is she?"))).json()

    assert "This engine cannot answer that." in answer["choices"][0]["message"]["content"]


async def test_a_schema_is_filled_or_refused():
    def form(name):
        schema = {
            "type": "object",
            "properties": {name: {"type": "number"}},
            "required": [name],
            "additionalProperties": False,
        }
        return {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}

    async with serving() as client:
        good = (await post(client, ask(response_format=form("total")))).json()
        bad = (await post(client, ask(response_format=form("tax")))).json()

    assert json.loads(good["choices"][0]["message"]["content"]) == {"total": 9.9}
    assert bad["choices"][0]["message"]["content"] is None
    assert "tax" in bad["choices"][0]["message"]["refusal"]


async def test_json_of_any_shape_holds_all_facts():
    async with serving() as client:
        answer = (await post(client, ask(response_format={"type": "json_object"}))).json()

    assert json.loads(answer["choices"][0]["message"]["content"])["total"] == 9.9


async def test_pages_of_one_request_make_one_document():
    request = ask("Read the text")
    request["messages"][0]["content"].append(ask(picture=png(0))["messages"][0]["content"][1])
    async with serving() as client:
        text = (await post(client, request)).json()["choices"][0]["message"]["content"]
        request["response_format"] = {"type": "json_object"}
        facts = (await post(client, request)).json()["choices"][0]["message"]["content"]

    assert "Picture 2 of 2" in text
    assert json.loads(facts)["text"] == "Total 9.90\nTotal 9.90"


async def test_the_same_picture_is_decoded_and_read_once():
    read, decoder = ScriptedReader(), TrustingDecoder()
    async with serving(read, decoder) as client:
        await post(client, ask())
        await post(client, ask("Read the text"))

    assert (read.pages, decoder.calls) == (1, 1)


async def test_measurements_alone_need_no_reading():
    read = ScriptedReader()
    async with serving(read) as client:
        answer = await post(client, ask("Which colours?"))

    assert "white 100%" in answer.text
    assert read.pages == 0


async def test_only_so_many_pictures_are_remembered(monkeypatch):
    monkeypatch.setattr(reader_module, "_REMEMBERED", 1)
    read = ScriptedReader()
    async with serving(read) as client:
        for shade in (0, 255, 0):
            await post(client, ask(picture=png(shade)))

    assert read.pages == 3


async def test_a_full_queue_says_when_to_come_back():
    read = ScriptedReader()
    read.may_read.clear()
    async with serving(read) as client:
        waiting = [
            asyncio.create_task(post(client, ask(picture=png(shade))))
            for shade in range(MAX_WAITING + 1)
        ]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        read.may_read.set()
        answers = await asyncio.gather(*waiting)

    (refused,) = [answer.result() for answer in done]
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert int(refused.headers["retry-after"]) >= 1
    assert sorted(answer.status_code for answer in answers) == [200] * MAX_WAITING + [429]


async def test_a_picture_that_cannot_be_decoded_is_a_bad_request():
    async with serving() as client:
        answer = await post(client, ask(picture=b"refuse me", stream=True))

    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "message": "It is cut off.",
        "type": "invalid_request_error",
        "param": "messages",
        "code": "image_parse_error",
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/models/gpt-4o", 404, "model_not_found"),
        ("GET", "/embeddings", 404, "not_found"),
        ("GET", "/chat/completions", 405, "invalid_request"),
    ],
)
async def test_what_is_not_served_gets_the_error_of_the_api(method, path, status, code):
    async with serving() as client:
        answer = await client.request(method, path)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_a_body_that_is_too_large_is_not_kept():
    async with serving() as client:
        answer = await client.post("/chat/completions", content=bytes(MAX_BODY_BYTES + 1))

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


async def test_closing_the_client_ends_threads_and_children():
    decoder = TrustingDecoder()
    async with serving(decoder=decoder) as client:
        await post(client, ask())

    assert decoder.closed
    assert not any(thread.name.startswith("ocr") for thread in threading.enumerate())
