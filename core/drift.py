"""How far the bills are from the estimates, learned from calls that were paid. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

from core.phrases import Phrase
from core.types import Detail

WARN_ABOVE = 0.02
"""A drift of more than 2 % is told to the user."""

ENOUGH_CALLS = 10
"""Fewer calls say too little to correct an estimate."""


@dataclass(frozen=True, slots=True)
class Drift:
    """The relative distance of bills from estimates, for one model and detail.

    `median` keeps its sign (0.03: bills are 3 % above the estimates); `p95` is the distance, in
    either direction, that 95 of 100 calls stay within. `n` calls were compared.
    """

    median: float
    p95: float
    n: int

    @property
    def is_large(self) -> bool:
        """Say whether the user should be told."""
        return self.n > 0 and max(abs(self.median), self.p95) > WARN_ABOVE

    @property
    def correction(self) -> float:
        """Return what `quote_request` should be corrected by; 0 while too little is known."""
        return self.median if self.n >= ENOUGH_CALLS else 0.0


def drift(pairs: Iterable[tuple[int, int]]) -> Drift:
    """Return the drift of (estimated, billed) input tokens; pairs without an estimate are skipped.

    Raises:
        ValueError: If a number is negative.
    """
    shares = []
    for estimated, billed in pairs:
        if estimated < 0 or billed < 0:
            raise ValueError("token counts cannot be negative")
        if estimated:
            shares.append((billed - estimated) / estimated)
    if not shares:
        return Drift(0.0, 0.0, 0)
    return Drift(median(shares), _percentile([abs(share) for share in shares], 95), len(shares))


def drift_note(found: Drift, model: str, detail: Detail) -> Phrase | None:
    """Return the warning with its numbers, or None where bills and estimates agree."""
    if not found.is_large:
        return None
    return Phrase(
        "The bills of {model} at detail '{detail}' differ from the estimates: median "
        "{median:+.1%}, 95 of 100 within {p95:.1%}, from {n} calls.",
        {
            "model": model,
            "detail": detail.value,
            "median": found.median,
            "p95": found.p95,
            "n": found.n,
        },
    )


def _percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that `percent` of 100 values do not exceed."""
    return sorted(values)[ceil(len(values) * percent / 100) - 1]
