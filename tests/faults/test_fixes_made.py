"""What Tessera does about failures, against a server that has them."""

import random

from hostile_files import encoded
from PIL import Image

from core.engines.openai import OpenAIEngine
from core.images.decoder import Decoder
from core.settings import Settings
from core.store.history import code_history
from core.types import Detail, ImageSource, Success
from tests.client_kit import SCHEMA, ManualTime, make_request, manual_timing, open_test_client
from tests.upstream import answers_after, takes_at_most, upstream


def noise() -> ImageSource:
    """A picture that stays large when it is encoded."""
    pixels = random.Random(1).randbytes(768 * 768 * 3)
    return ImageSource("noise.png", encoded(Image.frombytes("RGB", (768, 768), pixels), "PNG"))


def engine_for(base_url: str) -> OpenAIEngine:
    return OpenAIEngine(Settings(_env_file=None, openai_api_key="sk-x", openai_base_url=base_url))


async def test_a_picture_that_a_proxy_does_not_take_goes_through_smaller(tmp_path):
    async with (
        upstream(takes_at_most(400_000)) as server,
        open_test_client(tmp_path, engine_for(server.base_url), preparer=Decoder(1)) as client,
    ):
        request = make_request(source=noise(), schema=SCHEMA, detail=Detail.HIGH)
        outcome = await client.analyze(request)
        again = await client.analyze(request)
        history = code_history(client.ledger.database)

    assert isinstance(outcome, Success)
    sizes = [int(exchange.headers["content-length"]) for exchange in server.requests]
    assert len(sizes) == 2
    assert sizes[1] < 400_000 < sizes[0]
    assert any("384×384" in str(note) for note in outcome.notes)
    assert again.cached
    assert [(each.code, each.times, each.fixed) for each in history] == [("API009", 1, 1)]


async def test_a_slow_answer_comes_within_the_second_longer_limit(tmp_path):
    timing = manual_timing(ManualTime(), call_timeout_s=1.0, deadline_s=60)
    async with (
        upstream(answers_after(1.4)) as server,
        open_test_client(tmp_path, engine_for(server.base_url), timing=timing) as client,
    ):
        outcome = await client.analyze(make_request(schema=SCHEMA))

    assert isinstance(outcome, Success)
    assert outcome.attempts == 2
    assert "asked again" in str(outcome.notes[0])
