import ssl

import httpx2
import pytest

from core.engines.base import EngineCall
from core.engines.openai import OpenAIEngine
from core.engines.session import Session
from core.errors import AuthenticationError
from core.settings import Settings
from core.types import Detail, Sampling
from core.version import VERSION


def settings(**values):
    return Settings(_env_file=None, **values)


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        (None, "https://api.openai.com/v1"),
        (
            "https://name:word@relay.example:8443/openai/v1/?key=x",
            "https://relay.example:8443/openai/v1/",
        ),
    ],
)
def test_the_origin_names_the_endpoint_without_secrets(base_url, origin):
    engine = OpenAIEngine(settings(openai_api_key="sk-test", openai_base_url=base_url))
    assert (engine.name, engine.origin) == ("openai", origin)


def test_without_key_and_server_the_engine_is_the_embedded_one():
    engine = OpenAIEngine(settings(openai_api_key=None, openai_base_url=None))
    assert (engine.name, engine.origin) == ("embedded", f"embedded-{VERSION}")


@pytest.mark.parametrize("key", ["sk-with-a-line\n", "sk-größe", " sk-space"])
async def test_a_key_that_cannot_be_one_is_refused_before_it_is_quoted(key):
    engine = OpenAIEngine(settings(openai_api_key=key))
    with pytest.raises(AuthenticationError) as caught:
        await engine.model_names()
    assert key.strip() not in str(caught.value)


async def test_the_sdk_never_retries_redirects_or_trusts_blindly():
    session = Session(settings(openai_api_key="sk-test"))
    try:
        http = session._sdk._client
        assert session._sdk.max_retries == 0
        assert http.follow_redirects is False
        trust = http._transport._trusted  # what every connection is made with
        assert trust.verify_mode is ssl.CERT_REQUIRED
        assert trust.check_hostname is True
    finally:
        await session.close()


async def test_a_query_in_the_address_goes_with_every_call():
    asked = []

    def refuse(request):
        asked.append(request.url)
        return httpx2.Response(401, json={"error": {"code": "invalid_api_key"}})

    session = Session(
        settings(
            openai_api_key="sk-test", openai_base_url="https://relay.example/v1?api-version=3"
        ),
        httpx2.MockTransport(refuse),
    )
    try:
        with pytest.raises(AuthenticationError):
            await session.send(
                EngineCall("gpt-4o", "", "?", None, Detail.AUTO, Sampling(9), None, 1.0), None
            )
    finally:
        await session.close()
    assert [str(url) for url in asked] == [
        "https://relay.example/v1/chat/completions?api-version=3"
    ]
