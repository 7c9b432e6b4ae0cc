"""Sentences for people, kept apart from their values so that they can be translated when shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Translate = Callable[[str], str]
"""A function from an English sentence to the reader's language."""


def N_(template: str) -> str:  # noqa: N802 - gettext's usual name for "extract, translate later"
    """Mark a sentence for the translators without translating it yet."""
    return template


@dataclass(frozen=True, slots=True)
class Phrase:
    """An English sentence with named gaps, and what fills them.

    Write the template as a literal, `Phrase("Page {page} of {total}", {"page": 1, "total": 3})`:
    the catalogue tool extracts the first argument.
    """

    template: str
    values: Mapping[str, str | int | float] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the sentence in English."""
        return self.template.format_map(self.values)

    def translated(self, translate: Translate) -> str:
        """Return the sentence in the language that `translate` speaks."""
        return translate(self.template).format_map(self.values)
