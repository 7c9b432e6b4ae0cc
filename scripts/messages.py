"""Bring the translators' catalogue up to date with the source: `make messages`.

Every literal in _(), N_(), ngettext() and Phrase() is extracted. Translations stay; sentences that
are gone are dropped; new ones wait, empty, for their translation.
"""

import re
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir, extract_from_file
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("core", "ui", "pages", "service")
LAUNCHER = "app.py"
LANGUAGE = "zh_CN"
CATALOGUE = ROOT / "locales" / LANGUAGE / "LC_MESSAGES" / "tessera.po"
KEYWORDS = {"_": None, "N_": None, "Phrase": None, "ngettext": (1, 2)}

HEADER = """\
# Simplified Chinese for Tessera. English, in the source, is the msgid.
msgid ""
msgstr ""
"Language: zh_CN\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""
"""Written by hand: the library's header carries dates and names that would change on every run."""

_GAP = re.compile(r"\{[^{}]*\}")


def gaps(sentence: str) -> set[str]:
    """Return the names of the gaps that must be filled, such as {"page"}."""
    return {gap[1:-1].split(":")[0].split("!")[0] for gap in _GAP.findall(sentence)}


def needs_words(sentence: str) -> bool:
    """Say whether anything but gaps and signs is in a sentence."""
    return any(letter.isalpha() for letter in _GAP.sub("", sentence))


def template() -> Catalog:
    """Return every sentence of the source with the files it is in."""
    found = Catalog()
    for folder in FOLDERS:
        messages = extract_from_dir(
            ROOT / folder, [("**.py", "python")], keywords=KEYWORDS, strip_comment_tags=True
        )
        for file, line, sentence, _comments, context in messages:
            _add(found, sentence, f"{folder}/{file}", line, context)
    for line, sentence, _comments, context in extract_from_file(
        "python", ROOT / LAUNCHER, keywords=KEYWORDS
    ):
        _add(found, sentence, LAUNCHER, line, context)
    return found


def _add(found: Catalog, sentence: str | tuple, file: str, line: int, context: str | None) -> None:
    singular = sentence if isinstance(sentence, str) else sentence[0]
    if needs_words(singular):
        found.add(sentence, locations=[(Path(file).as_posix(), line)], context=context)


def load() -> Catalog:
    """Return the catalogue as it is on disk, or an empty one."""
    if not CATALOGUE.is_file():
        return Catalog(locale=LANGUAGE)
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale=LANGUAGE)


def main() -> None:
    """Update the catalogue and say what is left to translate."""
    catalogue = load()
    catalogue.update(template(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    with CATALOGUE.open("wb") as file:
        file.write(HEADER.encode())
        write_po(
            file, catalogue, sort_by_file=True, include_lineno=False, omit_header=True, width=96
        )
    empty = [message.id for message in catalogue if message.id and not message.string]
    print(f"{len(catalogue)} sentences, {len(empty)} without a translation")


if __name__ == "__main__":
    main()
