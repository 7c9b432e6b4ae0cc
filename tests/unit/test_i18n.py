"""Tests of core/i18n.py, and of the catalogue: nothing a person reads may lack its Chinese."""

import ast
from collections.abc import Iterator

import pytest

from core.i18n import best_language, catalogue_path, translator
from core.phrases import Phrase
from scripts.messages import FOLDERS, KEYWORDS, LAUNCHER, ROOT, gaps, load, needs_words, template


@pytest.fixture(scope="module")
def catalogue():
    return load()


@pytest.mark.parametrize(
    ("browser_locale", "configured", "language"),
    [
        (None, None, "en"),
        ("", None, "en"),
        ("en-GB", None, "en"),
        ("de", None, "en"),
        ("zh", None, "zh_CN"),
        ("zh-CN", None, "zh_CN"),
        ("zh_Hans_CN", None, "zh_CN"),
        ("ZH-TW", None, "zh_CN"),
        ("zh-CN", "en", "en"),
        ("en-US", "zh_CN", "zh_CN"),
        ("zh-CN", "fr", "zh_CN"),
    ],
)
def test_configuration_wins_over_the_browser(browser_locale, configured, language):
    assert best_language(browser_locale, configured) == language


@pytest.mark.parametrize("language", ["en", "tlh"])
def test_without_a_catalogue_sentences_stay_english(language):
    assert translator(language)("Describe") == "Describe"


def test_an_unknown_sentence_stays_as_it_is():
    assert translator("zh_CN")("No such sentence 4711") == "No such sentence 4711"


def test_a_phrase_is_said_in_chinese():
    phrase = Phrase(
        "There is no task called {name}. The tasks are {known}.", {"name": "x", "known": "y"}
    )
    said = phrase.translated(translator("zh_CN"))
    assert "x" in said
    assert said != str(phrase)


def test_the_catalogue_lies_where_the_translator_reads(catalogue):
    assert catalogue_path("zh_CN").is_file()
    assert str(catalogue.locale) == "zh_Hans_CN" or str(catalogue.locale) == "zh_CN"


def test_every_sentence_has_its_chinese(catalogue):
    missing = [
        message.id
        for message in template()
        if message.id
        and not ((known := catalogue.get(message.id)) and known.string and not known.fuzzy)
    ]
    assert not missing, f"{len(missing)} sentences; run `make messages`, then translate: {missing}"


def test_the_extractor_sees_every_sentence():
    """It is blind inside f-strings: there, a sentence would stay English."""
    extracted = {message.id for message in template()}
    assert [words for words in _marked() if needs_words(words) and words not in extracted] == []


def _marked() -> Iterator[str]:
    files = [ROOT / LAUNCHER, *(file for name in FOLDERS for file in (ROOT / name).rglob("*.py"))]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(words)), *_]):
                    if name in KEYWORDS:
                        yield words


def test_the_catalogue_has_nothing_that_is_gone(catalogue):
    wanted = {str(message.id) for message in template()}
    assert {str(message.id) for message in catalogue} - wanted == set()


def test_translations_fill_the_same_gaps(catalogue):
    differing = [
        message.id
        for message in catalogue
        if message.id and message.string and gaps(message.id) != gaps(message.string)
    ]
    assert differing == []


@pytest.mark.parametrize(
    ("sentence", "expected"), [("{text}", False), ("{a} × {b}", False), ("{n} s", True)]
)
def test_signs_and_gaps_alone_need_no_translation(sentence, expected):
    assert needs_words(sentence) is expected


def test_gaps_are_found_whatever_their_format():
    assert gaps("{a} of {b:,} at {c!r} {d.e}") == {"a", "b", "c", "d.e"}


def test_nothing_stays_nothing():
    assert translator("zh_CN")("") == ""
