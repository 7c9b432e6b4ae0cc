"""The other pages: what is real is shown, and nothing else."""

import pytest

from core.version import VERSION

PAGES = ("analyze", "estimate", "batch", "metrics", "system")


def text_of(at):
    kinds = ("title", "markdown", "caption", "subheader", "error", "warning", "info", "text")
    return "\n".join(str(element.value) for kind in kinds for element in at.get(kind))


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_in_both_languages(open_app, page, locale):
    at = open_app(page, locale=locale)
    assert not at.exception
    assert at.title
    if locale == "zh-CN":
        assert not at.title[0].value.isascii()


def test_the_sidebar_names_the_engine(open_app):
    assert "Embedded engine" in text_of(open_app())


def test_the_sidebar_switches_the_language(open_app):
    at = open_app()
    at.button_group(key="app.language").set_value("zh_CN").run()
    assert not at.title[0].value.isascii()


def test_system_says_what_runs_here_and_not_the_key(open_app, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")
    at = open_app("system")
    written = text_of(at)
    assert VERSION in written
    assert "present, in memory only" in written
    assert "gpt-4o" in written
    assert "canary" not in written


def test_gpt_4o_says_when_it_shuts_down(open_app, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")
    assert "gpt-4o shuts down on" in text_of(open_app())


def test_metrics_without_calls_say_so(open_app):
    assert "No request was made" in text_of(open_app("metrics"))


def test_an_unusable_setting_is_explained_on_the_page(open_app, monkeypatch):
    monkeypatch.setenv("MAX_CONCURRENT_REQUESTS", "many")
    at = open_app()
    assert not at.exception
    assert "MAX_CONCURRENT_REQUESTS" in text_of(at)
    assert "CFG001" in text_of(at)


def test_a_spoiled_model_file_is_explained_before_anything_is_priced(
    open_app, tmp_path, monkeypatch
):
    monkeypatch.setenv("TESSERA_DATA_DIR", str(tmp_path))
    (tmp_path / "models.toml").write_text("[models")
    at = open_app()
    assert not at.exception
    assert "models.toml" in text_of(at)
