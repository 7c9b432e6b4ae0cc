"""Tests of core/proxies.py: which proxy is taken, and that the engine really goes through it."""

import pytest

from core.engines.openai import OpenAIEngine
from core.errors import ProxyFailedError
from core.proxies import proxy_for
from core.settings import Settings
from tests.certificates import make_authority
from tests.endpoint import endpoint
from tests.proxying import proxy, speak_http, speak_socks


@pytest.mark.parametrize(
    ("environment", "address", "expected"),
    [
        ({}, "https://api.example/v1", None),
        ({"HTTPS_PROXY": "http://p:3128"}, "https://api.example/v1", "http://p:3128"),
        ({"HTTPS_PROXY": "http://p:3128"}, "http://api.example/v1", None),
        ({"https_proxy": "p:3128"}, "https://api.example/v1", "http://p:3128"),
        ({"ALL_PROXY": "socks5://p"}, "https://api.example/v1", "socks5://p:1080"),
        ({"ALL_PROXY": "socks5h://[::1]:9"}, "http://api.example/v1", "socks5h://[::1]:9"),
        (
            {"ALL_PROXY": "http://a", "HTTPS_PROXY": "https://b"},
            "https://x.example",
            "https://b:443",
        ),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "api.example"}, "https://api.example/v1", None),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "example"}, "https://api.example/v1", None),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "*"}, "https://api.example/v1", None),
        (
            {"HTTPS_PROXY": "http://p", "NO_PROXY": "api.example:8443"},
            "https://api.example/v1",
            "http://p:80",
        ),
        (
            {"HTTPS_PROXY": "http://p", "NO_PROXY": "api.example:8443"},
            "https://api.example:8443/v1",
            None,
        ),
    ],
)
def test_the_environment_names_the_proxy(monkeypatch, environment, address, expected):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(address, {})
    assert (found and found.address) == expected


def test_a_setting_stands_above_what_the_system_says(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://system")
    configured = Settings(_env_file=None, https_proxy="http://own:1", no_proxy="near").proxies
    assert proxy_for("https://api.example/v1", configured).address == "http://own:1"
    assert proxy_for("https://near/v1", configured) is None


@pytest.mark.parametrize("text", ["socks4://p:1", "http://", "http://p:port", "ftp://p"])
def test_what_is_no_proxy_is_refused_by_its_variable(monkeypatch, text):
    monkeypatch.setenv("HTTPS_PROXY", text)
    with pytest.raises(ProxyFailedError, match="HTTPS_PROXY is not the address of a proxy"):
        proxy_for("https://api.example/v1", {})


def test_user_and_password_are_read_and_never_shown(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:p%40ss@p:3128")
    found = proxy_for("https://api.example/v1", {})
    assert (found.user, found.password) == ("ann", "p@ss")
    assert "ann" not in repr(found) + found.address
    assert "p%40ss" not in repr(found)


@pytest.mark.parametrize(
    ("speak", "scheme"), [(speak_http, "http"), (speak_http, "https"), (speak_socks, "socks5")]
)
@pytest.mark.parametrize("login", [None, ("ann", "word")])
async def test_the_engine_goes_through_the_proxy(tmp_path, monkeypatch, speak, scheme, login):
    authority = make_authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with (
        endpoint(tls=authority.server_context("relay.example")) as server,
        proxy(
            speak, tls=authority.server_context() if scheme == "https" else None, login=login
        ) as between,
    ):
        user = "ann:word@" if login else ""
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://{user}localhost:{between.port}")
        relay = f"https://relay.example:{server.port}/v1"
        engine = OpenAIEngine(
            Settings(_env_file=None, openai_api_key="sk-1", openai_base_url=relay)
        )
        try:
            assert await engine.model_names() == ("gpt-4o",)
        finally:
            await engine.close()
    assert between.targets == [("relay.example", server.port)]


async def test_the_engine_explains_a_proxy_that_it_cannot_use(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "socks4://p:1")
    engine = OpenAIEngine(Settings(_env_file=None, openai_api_key="sk-1"))
    with pytest.raises(ProxyFailedError):
        await engine.model_names()
