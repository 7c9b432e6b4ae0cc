"""The reader's language: which one, and its sentences."""

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Literal, get_args

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from core.phrases import Translate

Language = Literal["en", "zh_CN"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
SOURCE_LANGUAGE: Language = "en"

_LOCALES = Path(__file__).resolve().parent.parent / "locales"


def catalogue_path(language: str) -> Path:
    """Return the translators' file of one language."""
    return _LOCALES / language / "LC_MESSAGES" / "tessera.po"


@cache
def translator(language: str) -> Translate:
    """Return the function that says an English sentence in `language`.

    The catalogue is compiled in memory at first use, so that no compiled file can go stale. A
    language without a catalogue, and a sentence without a translation, stay English.
    """
    path = catalogue_path(language)
    if language == SOURCE_LANGUAGE or not path.is_file():
        return _unchanged
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    gettext = Translations(compiled, domain="tessera").gettext
    return lambda sentence: gettext(sentence) if sentence else ""  # "" names the file's header


def _unchanged(sentence: str) -> str:
    return sentence


def best_language(browser_locale: str | None, configured: str | None) -> Language:
    """Choose the language: what is configured, else what the browser prefers, else English.

    Args:
        browser_locale: A tag such as "zh-CN" or "zh_Hans_CN"; every kind of Chinese gets zh_CN.
        configured: The TESSERA_LANG setting.
    """
    if configured in LANGUAGES:
        return configured
    spoken = (browser_locale or "").replace("_", "-").split("-")[0].lower()
    return "zh_CN" if spoken == "zh" else SOURCE_LANGUAGE
