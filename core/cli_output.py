"""How the command line speaks: results on stdout, everything else on stderr."""

import json
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TextIO

from core.errors import VisionError
from core.export import explain
from core.phrases import Phrase, Translate

EXIT_OK: Final = 0
EXIT_SOME_FAILED: Final = 1
EXIT_BAD_USAGE: Final = 2
EXIT_STOPPED: Final = 3
EXIT_INTERRUPTED: Final = 130

STOPPING_CODES: Final = frozenset({"API001", "API003", "BGT001"})
"""Authentication, quota and budget: what ends a run with EXIT_STOPPED."""


@dataclass(frozen=True, slots=True)
class Console:
    """Where words go. With `as_json`, stdout carries one document and nothing else."""

    translate: Translate
    as_json: bool
    out: TextIO
    err: TextIO

    def note(self, phrase: Phrase) -> None:
        """Say something on the side."""
        print(phrase.translated(self.translate), file=self.err, flush=True)

    def progress(self, line: str) -> None:
        """Show that work goes on; programs that read JSON do not need it."""
        if not self.as_json:
            print(line, file=self.err, flush=True)

    def document(self, document: Any) -> None:
        """Print the one JSON document."""
        print(json.dumps(document, ensure_ascii=False, indent=2), file=self.out)

    def text(self, text: str) -> None:
        """Print a result for people."""
        print(text, file=self.out)

    def error(self, error: VisionError) -> None:
        """Say why nothing could be done, and what to do."""
        words = explain(error.code, error.detail, self.translate)
        print(f"{error.code}: {words.message}\n{words.hint}", file=self.err)
        if self.as_json:
            told = {"code": error.code, "message": words.message, "hint": words.hint}
            self.document({"error": told})


def console(translate: Translate, *, as_json: bool) -> Console:
    """Return the console of this process."""
    return Console(translate, as_json, sys.stdout, sys.stderr)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Return rows in aligned columns; the first `left` to the left, the others to the right."""
    widths = [max(_columns(cell) for cell in cells) for cells in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(
            _pad(cell, width, to_left=at < left)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _pad(text: str, width: int, *, to_left: bool) -> str:
    space = " " * (width - _columns(text))
    return text + space if to_left else space + text


def _columns(text: str) -> int:
    """Return how many columns of a terminal `text` takes; a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def usd(amount: Decimal | None, unknown: str) -> str:
    """Return dollars with as many places as small prices need."""
    if amount is None:
        return unknown
    return f"${amount:,.2f}" if amount == 0 or amount >= 1 else f"${amount:.6f}"
