"""Which answers a person should look at before anybody uses them. Pure.

A model that fails silently sends a whole, valid answer that is not about the picture. Two signs
are sure enough to hold an answer back: it says next to nothing about a page full of text, or it is
word for word the answer to another picture. What is held is kept and marked, and left out of files
until a person accepts it.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from core.phrases import Phrase
from core.types import Outcome, PreparedImage, Success

_READING_TASKS: Final = frozenset({"document", "receipt"})
"""Tasks whose answer is what is written on the picture: only there is a short answer a sign."""
_LEAST_SAID: Final = 20
"""Letters and digits: a shop's short name, a date, a currency and a total have as many."""
_FULL_LAYER: Final = 200
"""Letters and digits of a PDF page's own text: three lines; headings and page numbers have less."""
_LEAST_SHARE: Final = 0.1
"""A transcript is about as long as the text; a tenth leaves room for a text that is there twice."""
_FULL_INK: Final = 0.01
"""Scanned receipts and printed pages have 0.011 to 0.1 of it, blank paper and skies 0.000."""
_FULL_SIDE_PX: Final = 256
"""Smaller pictures hold a word or two."""
_LONG_BYTES: Final = 200
"""Letters and digits in UTF-8: two or three sentences. "No text can be seen." may well come twice;
nobody writes this much twice with the same words."""

_NOT_SAID: Final = re.compile(r"[\W_]+")
_ACCEPTED: Final = Phrase("A person has looked at this answer and accepted it.")


class HeldCode(StrEnum):
    """Why an answer is held; the words are in core/diagnosis.py."""

    NEAR_EMPTY = "CNT007"
    REPEATED = "CNT008"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why an answer is held, with what was special here."""

    code: HeldCode
    note: Phrase


REPEATED: Final = Doubt(
    HeldCode.REPEATED, Phrase("Another picture got the same answer, word for word.")
)


def near_empty(task: str, answer: Success, image: PreparedImage) -> Doubt | None:
    """Return the doubt about an answer that says too little for what is on the picture.

    Args:
        task: The preset that was asked.
        answer: A valid answer; without a schema only those of reading tasks are judged.
        image: As it was sent.
    """
    if answer.data is None and task not in _READING_TASKS:
        return None
    said = len(_said(answer))
    layer = len(_letters(image.text_layer or ""))
    if task == "document" and layer >= _FULL_LAYER and said < _LEAST_SHARE * layer:
        return _near_empty(said)
    least = _LEAST_SAID if task in _READING_TASKS else 1
    return _near_empty(said) if said < least and _is_full(image, layer) else None


def answer_digest(answer: Success) -> str | None:
    """Return what two answers share that say the same in the same words; None for short ones.

    Case, punctuation, spaces and the names of fields do not count.
    """
    said = _said(answer).encode()
    return sha256(said).hexdigest() if len(said) >= _LONG_BYTES else None


def hold(answer: Success, doubt: Doubt) -> Success:
    """Return the answer as one that waits for a person."""
    return replace(answer, held=doubt.code.value, notes=(*answer.notes, doubt.note))


def accept(answer: Success) -> Success:
    """Return the answer as one that a person has looked at."""
    return replace(answer, held=None, notes=(*answer.notes, _ACCEPTED))


def hold_the_same(outcomes: Mapping[int, Outcome]) -> dict[int, Success]:
    """Return the answers of one run that are held only now, by their position.

    When the first of several equal answers came, nobody could know.
    """
    answers = {at: each for at, each in outcomes.items() if isinstance(each, Success)}
    repeated = {answer_digest(each) for each in answers.values() if each.held == HeldCode.REPEATED}
    return {
        at: hold(each, REPEATED)
        for at, each in answers.items()
        if repeated and not each.held and not is_accepted(each) and answer_digest(each) in repeated
    }


def withheld(outcome: Outcome) -> Outcome:
    """Return a held answer without its words, for files; anything else as it is."""
    if isinstance(outcome, Success) and outcome.held:
        return replace(outcome, text="", data=None)
    return outcome


def is_accepted(answer: Success) -> bool:
    """Say whether a person has accepted the answer: it is not held a second time."""
    return _ACCEPTED in answer.notes


def _near_empty(said: int) -> Doubt:
    note = Phrase(
        "The page is full, but the answer has {count} letters and digits.", {"count": said}
    )
    return Doubt(HeldCode.NEAR_EMPTY, note)


def _is_full(image: PreparedImage, layer: int) -> bool:
    is_large = min(image.width_px, image.height_px) >= _FULL_SIDE_PX
    return layer >= _FULL_LAYER or (is_large and image.ink >= _FULL_INK)


def _said(answer: Success) -> str:
    if answer.data is None:
        return _letters(answer.text)
    return _letters(" ".join(_leaves(answer.data)))


def _letters(text: str) -> str:
    return _NOT_SAID.sub("", unicodedata.normalize("NFKC", text).casefold())


def _leaves(value: Any) -> Iterator[str]:
    match value:
        case None:
            return
        case Mapping():
            for child in value.values():
                yield from _leaves(child)
        case list():
            for child in value:
                yield from _leaves(child)
        case _:
            yield str(value)
