"""A scenario is a question about money: which pictures, how many a month, to which model. Pure.

What a scenario costs is in core/what_if.py.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar
from urllib.parse import quote, unquote

from core.errors import InputNotUsableError
from core.phrases import N_, Phrase
from core.quote import Lane
from core.tokens import Size
from core.types import Detail

T = TypeVar("T")

MOST_SIZES = 100
"""More different sizes would make a page and a link slow; they are refused, not cut."""

_LONGEST_NAME = 80
_LONGEST_SIDE_PX = 65_535
_SIZE = re.compile(r"(\d{1,6})\s*[xX×]\s*(\d{1,6})(?:\s*\*\s*(\d{1,9}))?")
_SEPARATOR = "~"


@dataclass(frozen=True, slots=True)
class SizeShare:
    """One size of a mixed lot and how many pictures of it there are for each of the others."""

    size: Size
    count: int = 1


@dataclass(frozen=True, slots=True)
class Scenario:
    """A month of one kind of work.

    `sizes` are the originals; `images` is their number in a month. `output_tokens` is the usual
    answer, `output_limit_tokens` the longest that is allowed. `cached_percent` of the images are
    already answered and cost nothing; `prompt_cached_percent` of the input is thought to be read
    from the vendor's own prompt cache.
    """

    model: str = "gpt-4o"
    detail: Detail = Detail.HIGH
    sizes: tuple[SizeShare, ...] = (SizeShare(Size(1024, 1024)),)
    images: int = 1000
    prompt_tokens: int = 200
    output_tokens: int = 500
    output_limit_tokens: int = 1000
    cached_percent: int = 0
    prompt_cached_percent: int = 0
    lane: Lane = Lane.REALTIME
    name: str = ""

    @property
    def main_size(self) -> Size:
        """Return the size that most of the pictures have."""
        return max(self.sizes, key=lambda share: share.count).size

    @property
    def paid_images(self) -> Decimal:
        """Return how many images a month are really sent."""
        return Decimal(self.images * (100 - self.cached_percent)) / 100


@dataclass(frozen=True, slots=True)
class _Range:
    label: str
    least: int
    most: int


_NUMBERS = {
    "images": _Range(N_("Pictures a month"), 1, 1_000_000_000),
    "prompt_tokens": _Range(N_("Prompt tokens"), 0, 1_000_000),
    "output_tokens": _Range(N_("Answer tokens"), 1, 1_000_000),
    "output_limit_tokens": _Range(N_("Longest answer"), 1, 1_000_000),
    "cached_percent": _Range(N_("Already answered, %"), 0, 100),
    "prompt_cached_percent": _Range(N_("Prompt cache, %"), 0, 100),
}


def checked(scenario: Scenario) -> Scenario:
    """Return the scenario if every part of it is possible.

    Raises:
        InputNotUsableError: Naming the part.
    """
    for field, bounds in _NUMBERS.items():
        value = getattr(scenario, field)
        if not bounds.least <= value <= bounds.most:
            raise _bad(f"{bounds.label}: {value}")
    if not scenario.sizes or len(scenario.sizes) > MOST_SIZES:
        raise InputNotUsableError(
            Phrase(
                "A scenario takes 1 to {most} different sizes, not {count}.",
                {"most": MOST_SIZES, "count": len(scenario.sizes)},
            )
        )
    for share in scenario.sizes:
        sides = (share.size.width_px, share.size.height_px)
        if share.count < 1 or not all(1 <= side <= _LONGEST_SIDE_PX for side in sides):
            raise _bad(sizes_to_text([share]))
    if not scenario.model or len(scenario.model) > _LONGEST_NAME:
        raise _bad(f"{N_('Model')}: {scenario.model[:_LONGEST_NAME]}")
    return replace(scenario, name=" ".join(scenario.name.split())[:_LONGEST_NAME])


def sizes_from_text(text: str) -> tuple[SizeShare, ...]:
    """Read "1024x768" or a mix such as "1024x768*3, 800x600" (three of one for each of the other).

    Raises:
        InputNotUsableError: Naming the part that is not a size.
    """
    shares = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _SIZE.fullmatch(part)
        if match is None:
            raise _bad(part[:_LONGEST_NAME])
        shares.append(SizeShare(Size(int(match[1]), int(match[2])), int(match[3] or 1)))
    return checked(Scenario(sizes=_merged(shares))).sizes


def sizes_to_text(sizes: Iterable[SizeShare]) -> str:
    """Return sizes as `sizes_from_text` reads them."""
    return ", ".join(
        f"{share.size.width_px}x{share.size.height_px}"
        + (f"*{share.count}" if share.count > 1 else "")
        for share in sizes
    )


def sizes_of_images(sizes: Iterable[Size]) -> tuple[SizeShare, ...]:
    """Return the mix of real pictures."""
    return _merged(SizeShare(size) for size in sizes)


def _merged(shares: Iterable[SizeShare]) -> tuple[SizeShare, ...]:
    counts: dict[Size, int] = {}
    for share in shares:
        counts[share.size] = counts.get(share.size, 0) + share.count
    return tuple(SizeShare(size, count) for size, count in counts.items())


# One scenario as one word, for addresses and files


def scenario_to_text(scenario: Scenario) -> str:
    """Return the scenario as one word without spaces, which `scenario_from_text` reads back."""
    parts = [
        scenario.model,
        scenario.detail.value,
        sizes_to_text(scenario.sizes).replace(" ", ""),
        *(str(getattr(scenario, field)) for field in _NUMBERS),
        scenario.lane.name.lower(),
        scenario.name,
    ]
    return _SEPARATOR.join(_quoted(part) for part in parts)


def scenario_from_text(text: str) -> Scenario:
    """Read a scenario back.

    Raises:
        InputNotUsableError: Naming what cannot be read in it.
    """
    parts = [unquote(part) for part in text.split(_SEPARATOR)]
    expected = len(_NUMBERS) + 5
    if len(parts) != expected:
        raise _bad(text[:_LONGEST_NAME])
    model, detail, sizes, *numbers, lane, name = parts
    return checked(
        Scenario(
            model=model,
            detail=_read(detail, Detail),
            sizes=sizes_from_text(sizes),
            **{
                field: _read(number, _whole)
                for field, number in zip(_NUMBERS, numbers, strict=True)
            },
            lane=_read(lane, lambda word: Lane[word.upper()]),
            name=name,
        )
    )


def _quoted(text: str) -> str:
    return quote(text, safe=",*").replace(_SEPARATOR, "%7E")


def _read(text: str, kind: Callable[[str], T]) -> T:
    try:
        return kind(text)
    except (ValueError, KeyError) as error:
        raise _bad(text[:_LONGEST_NAME]) from error


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise ValueError(text)
    return int(text)


def _bad(part: str) -> InputNotUsableError:
    return InputNotUsableError(
        Phrase("This scenario cannot be read: {part} is not usable.", {"part": f"'{part}'"})
    )


# The guide's examples


@dataclass(frozen=True, slots=True)
class Example:
    """A scenario of the guide, with the figures that its tables print, in USD.

    `title` goes through the translator. A row of the table of months has a cost of one request;
    a row of the tables of batches has a cost over the Batch API where the guide printed one.
    """

    title: str
    scenario: Scenario
    printed_usd: Decimal
    printed_single_usd: Decimal | None = None
    printed_batch_usd: Decimal | None = None


def _month(title: str, size: Size, single_usd: str, images_a_day: int, printed_usd: int) -> Example:
    """Return a row of the guide's table of months; 60 prompt tokens give its first single cost."""
    scenario = Scenario(sizes=(SizeShare(size),), images=images_a_day * 30, prompt_tokens=60)
    return Example(title, scenario, Decimal(printed_usd), Decimal(single_usd))


def _lot(title: str, images: int, printed_usd: str, batch_usd: str | None = None) -> Example:
    """Return a row of the guide's tables of batches, which follow from 200 prompt tokens."""
    batch = None if batch_usd is None else Decimal(batch_usd)
    return Example(title, Scenario(images=images), Decimal(printed_usd), None, batch)


MONTH_EXAMPLES = (
    _month(N_("Product pictures of a shop"), Size(1024, 1024), "0.028", 1000, 840),
    _month(N_("Documents to text"), Size(1400, 2000), "0.045", 500, 675),
    _month(N_("Social media watch"), Size(800, 600), "0.022", 2000, 1320),
    _month(N_("Medical pictures"), Size(2048, 2048), "0.088", 100, 264),
)
RUN_EXAMPLES = (
    _lot(N_("Batch of 100"), 100, "2.80"),
    _lot(N_("Batch of 500"), 500, "14.20"),
)
"""From the guide's benchmark, whose third row is the first of the table of batches."""
BATCH_EXAMPLES = (
    _lot(N_("Batch of 1,000"), 1000, "28.50", "14.25"),
    _lot(N_("Batch of 10,000"), 10_000, "285.00", "142.50"),
    _lot(N_("Batch of 50,000"), 50_000, "1425.00", "712.50"),
)
