"""A value that was found in the text."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from core.phrases import Phrase

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A value with where it comes from.

    `written` is the value as it is printed, `row` the whole row, `score` the recogniser's
    confidence in that row (None for given text), `alternatives` the other readings.
    """

    value: T
    written: str
    row: str
    score: float | None = None
    alternatives: tuple[T, ...] = ()
    note: Phrase | None = None
