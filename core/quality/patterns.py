"""Regular expressions from a file, which must not stop the process however they are written.

They run in `regex`, which gives up after a while; the one of the standard library goes on for ever.
"""

from typing import Final

import regex

from core.errors import InputNotUsableError
from core.phrases import Phrase

LONGEST_PATTERN: Final = 500
LONGEST_TEXT: Final = 100_000
WITHIN_S: Final = 1.0


def check_pattern(pattern: str) -> None:
    """Refuse what is no regular expression, or longer than anybody can read.

    Raises:
        InputNotUsableError: Saying what is wrong.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise InputNotUsableError(
            Phrase("A pattern may have {most} characters.", {"most": LONGEST_PATTERN})
        )
    try:
        regex.compile(pattern)
    except (regex.error, RecursionError) as error:
        values = {"pattern": pattern, "problem": str(error) or type(error).__name__}
        raise InputNotUsableError(
            Phrase("{pattern} is no regular expression: {problem}.", values)
        ) from error


def is_found(pattern: str, text: str) -> bool | None:
    """Say whether the pattern is found; None if that took too long to find out.

    Other threads go on meanwhile.
    """
    try:
        found = regex.search(pattern, text[:LONGEST_TEXT], timeout=WITHIN_S, concurrent=True)
    except TimeoutError:
        return None
    return found is not None
