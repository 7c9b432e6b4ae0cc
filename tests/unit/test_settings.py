import re
from pathlib import Path

import pytest

from core.errors import ConfigurationError
from core.settings import EMBEDDED_MODEL, Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]


def documented(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    return text, {field.upper() for field in Settings.model_fields}


def test_env_example_names_every_setting_and_no_other():
    text, wanted = documented(".env.example")
    assert set(re.findall(r"^#? ?([A-Z_]{5,})=", text, re.MULTILINE)) == wanted


def test_env_example_shows_the_real_defaults():
    text, _ = documented(".env.example")
    shown = dict(re.findall(r"^# ([A-Z_]+)=(.+)$", text, re.MULTILINE))
    defaults = {name.upper(): field.default for name, field in Settings.model_fields.items()}
    assert float(shown["TESSERA_CACHE_TTL_H"]) == defaults["TESSERA_CACHE_TTL_H"]
    for name in ("OPENAI_MODEL", "MAX_CONCURRENT_REQUESTS", "TESSERA_CACHE_MAX_MB"):
        assert shown[name] == str(defaults[name])
    assert float(shown["DEFAULT_TIMEOUT"]) == defaults["DEFAULT_TIMEOUT"]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_readme_names_every_setting(name):
    text, wanted = documented(name)
    assert [setting for setting in wanted if setting not in text] == []


def test_without_key_and_server_the_embedded_engine_answers():
    settings = load_settings()
    assert settings.embedded
    assert settings.model == EMBEDDED_MODEL


@pytest.mark.parametrize(
    "environment",
    [{"OPENAI_API_KEY": "sk-x"}, {"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1"}],
)
def test_a_key_or_a_server_asks_the_network(monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert not settings.embedded
    assert settings.model == "gpt-4o"


def test_proxies_come_from_the_settings_and_are_never_shown(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://ann:canary@proxy:3128")
    monkeypatch.setenv("NO_PROXY", "localhost")
    settings = load_settings()
    assert settings.proxies == {"https": "http://ann:canary@proxy:3128", "no": "localhost"}
    assert "canary" not in f"{settings!r} {settings.model_dump()}"


def test_the_key_is_not_in_any_text_of_the_settings(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    settings = load_settings()
    assert "canary" not in f"{settings!r} {settings} {settings.model_dump()}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_CONCURRENT_REQUESTS", "0"),
        ("MAX_CONCURRENT_REQUESTS", "many"),
        ("DEFAULT_TIMEOUT", "-1"),
        ("TESSERA_BUDGET_USD", "-0.01"),
        ("TESSERA_LANG", "fr"),
        ("TESSERA_CACHE_TTL_H", "0"),
        ("TESSERA_FOLDERS", "pictures"),
        ("OPENAI_BASE_URL", "ftp://example.com"),
        ("OPENAI_BASE_URL", "example.com/v1"),
        ("OPENAI_BASE_URL", "http://example.com/v1"),
        ("OPENAI_BASE_URL", "http://10.0.0.1/v1"),
    ],
)
def test_a_bad_value_names_the_setting(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name):
        load_settings()


def test_a_bad_value_is_not_repeated(monkeypatch):
    monkeypatch.setenv("DEFAULT_TIMEOUT", "sk-pasted-into-the-wrong-line")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert "pasted" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://localhost:1/v1", "http://127.0.0.2/v1", "http://[::1]:8/v1"]
)
def test_plain_http_to_this_machine_is_fine(monkeypatch, url):
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    assert load_settings().base_url == url


def test_plain_http_elsewhere_needs_the_named_switch(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://vision.lan/v1/")
    monkeypatch.setenv("TESSERA_ALLOW_PLAIN_HTTP", "true")
    assert load_settings().base_url == "http://vision.lan/v1"


@pytest.mark.parametrize(
    ("written", "hours"), [("none", None), ("NONE", None), ("0.5", 0.5), ("", 24)]
)
def test_cached_answers_can_live_for_ever(monkeypatch, written, hours):
    monkeypatch.setenv("TESSERA_CACHE_TTL_H", written)
    assert load_settings().tessera_cache_ttl_h == hours


def test_an_empty_variable_means_the_default(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "")
    monkeypatch.setenv("MAX_CONCURRENT_REQUESTS", "")
    assert load_settings().embedded
    assert load_settings().max_concurrent_requests == 5


@pytest.mark.parametrize(("written", "folders"), [("", []), ("/a:/b c", ["/a", "/b c"])])
def test_folders_are_listed_as_in_path(monkeypatch, written, folders):
    monkeypatch.setenv("TESSERA_FOLDERS", written)
    assert [str(folder) for folder in load_settings().tessera_folders] == folders


@pytest.mark.parametrize(
    ("url", "secret", "complaint"),
    [
        ("https://hooks.example/a", "s", None),
        ("http://127.0.0.1:9/a", "s", None),
        ("https://hooks.example/a", "", "TESSERA_WEBHOOK_SECRET"),
        ("http://hooks.example/a", "s", "https://"),
        ("hooks.example/a", "s", "https://"),
        ("ftp://127.0.0.1/a", "s", "https://"),
    ],
)
def test_alerts_leave_encrypted_and_signed_or_not_at_all(monkeypatch, url, secret, complaint):
    monkeypatch.setenv("TESSERA_WEBHOOK_URL", url)
    monkeypatch.setenv("TESSERA_WEBHOOK_SECRET", secret)
    if complaint is None:
        assert url not in repr(load_settings())
        return
    with pytest.raises(ConfigurationError, match=complaint):
        load_settings()
