"""What every engine promises, the fake one included."""

from contextlib import asynccontextmanager
from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image

from core import errors
from core.engines.base import EngineCall
from core.engines.fake import FakeEngine, fake_answer
from core.engines.openai import OpenAIEngine
from core.settings import Settings
from core.types import Detail, PreparedImage, Sampling
from tests import upstream as faults
from tests.upstream import ANSWER, upstream


def _red_square() -> bytes:
    file = BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, "PNG")
    return file.getvalue()


PNG = _red_square()
CALL = EngineCall(
    model="gpt-4o",
    system="system",
    prompt="prompt",
    image=PreparedImage(PNG, "image/png", 64, 64, "PNG", 64, 64, text_layer="words of the page"),
    detail=Detail.HIGH,
    sampling=Sampling(max_output_tokens=1000),
    schema=None,
    timeout_s=20,
)


@asynccontextmanager
async def fake(*, fails: bool):
    yield FakeEngine([errors.QuotaError("empty") if fails else fake_answer(ANSWER)])


@asynccontextmanager
async def real(*, fails: bool):
    async with upstream(faults.quota if fails else faults.fine) as server:
        settings = Settings(_env_file=None, openai_api_key="sk-x", openai_base_url=server.base_url)
        engine = OpenAIEngine(settings)
        try:
            yield engine
        finally:
            await engine.close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@asynccontextmanager
async def embedded(*, fails: bool):
    engine = OpenAIEngine(Settings(_env_file=None, openai_api_key=None, openai_base_url=None))
    try:
        yield engine
    finally:
        await engine.close()


engines = pytest.mark.parametrize("opened", [fake, real])
all_engines = pytest.mark.parametrize(
    ("opened", "model"),
    [
        (fake, "gpt-4o"),
        (real, "gpt-4o"),
        pytest.param(embedded, "local-vision-1", marks=pytest.mark.slow),
    ],
)


@all_engines
async def test_an_answer_is_whole_and_counted(opened, model):
    async with opened(fails=False) as engine:
        answer = await engine.send(replace(CALL, model=model))
    assert answer.text
    assert (answer.finish_reason, answer.refusal) == ("stop", None)
    assert answer.usage.input_tokens > 0
    assert answer.first_token_s is None


@all_engines
async def test_the_pieces_of_a_stream_make_up_the_answer(opened, model):
    pieces = []
    async with opened(fails=False) as engine:
        answer = await engine.send(replace(CALL, model=model), pieces.append)
    assert "".join(pieces) == answer.text
    assert answer.usage.output_tokens > 0


@engines
async def test_what_goes_wrong_is_one_of_our_errors(opened):
    async with opened(fails=True) as engine:
        with pytest.raises(errors.QuotaError):
            await engine.send(CALL)


@engines
async def test_an_engine_has_a_name_and_an_origin_without_secrets(opened):
    async with opened(fails=False) as engine:
        assert engine.name == "openai"
        assert engine.origin.startswith("http")
        assert "@" not in engine.origin


async def test_the_text_of_a_page_goes_before_its_picture():
    async with upstream(faults.fine) as server:
        settings = Settings(_env_file=None, openai_api_key="sk-x", openai_base_url=server.base_url)
        engine = OpenAIEngine(settings)
        await engine.send(CALL)
        await engine.close()
    prompt, layer, image = server.requests[0].body["messages"][1]["content"]
    assert prompt["text"] == "prompt"
    assert layer["text"] == "Text layer of this PDF page:\nwords of the page"
    assert image["type"] == "image_url"


async def test_the_vendor_counts_without_answering():
    async def count(exchange):
        await exchange.respond(200, '{"object": "response.input_tokens", "input_tokens": 774}')

    async with upstream(count) as server:
        settings = Settings(_env_file=None, openai_api_key="sk-x", openai_base_url=server.base_url)
        engine = OpenAIEngine(settings)
        assert await engine.count_input_tokens(CALL) == 774
        assert "max_completion_tokens" not in server.requests[0].body
        await engine.close()


async def test_an_endpoint_that_cannot_count_says_so():
    async with upstream(faults.no_such_address) as server:
        settings = Settings(_env_file=None, openai_api_key="sk-x", openai_base_url=server.base_url)
        engine = OpenAIEngine(settings)
        with pytest.raises(errors.RequestRejectedError, match="does not count"):
            await engine.count_input_tokens(CALL)
        await engine.close()
