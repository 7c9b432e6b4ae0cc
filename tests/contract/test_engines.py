"""What every engine promises, the fake one included."""

from contextlib import asynccontextmanager

import pytest

from core import errors
from core.engines.base import EngineCall
from core.engines.fake import FakeEngine, fake_answer
from core.engines.openai import OpenAIEngine
from core.settings import Settings
from core.types import Detail, PreparedImage, Sampling
from tests import upstream as faults
from tests.upstream import ANSWER, upstream

CALL = EngineCall(
    model="gpt-4o",
    system="system",
    prompt="prompt",
    image=PreparedImage(b"picture", "image/png", 8, 8, "PNG", 8, 8, text_layer="words of the page"),
    detail=Detail.HIGH,
    sampling=Sampling(max_output_tokens=50),
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


engines = pytest.mark.parametrize("opened", [fake, real])


@engines
async def test_an_answer_is_whole_and_counted(opened):
    async with opened(fails=False) as engine:
        answer = await engine.send(CALL)
    assert (answer.text, answer.finish_reason, answer.refusal) == (ANSWER, "stop", None)
    assert answer.usage.input_tokens > 0
    assert answer.first_token_s is None


@engines
async def test_the_pieces_of_a_stream_make_up_the_answer(opened):
    pieces = []
    async with opened(fails=False) as engine:
        answer = await engine.send(CALL, pieces.append)
    assert "".join(pieces) == answer.text == ANSWER
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
