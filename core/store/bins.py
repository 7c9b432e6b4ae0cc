"""Counts of seconds by fine bins: they say in which bin the value of any rank lies.

A bin ends where a floating-point number has no more than seven bits of fraction, and holds what is
up to that number and above the one before. So bins are at most 0.8 % wide, the same on every
machine, and 0.25, 2.5, 7.5 or 30 s end one, as the buckets of a Prometheus histogram need it.
"""

import sqlite3
import struct
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_SHIFT = 52 - 7
_LONG, _DOUBLE = struct.Struct(">Q"), struct.Struct(">d")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the value of a rank lies: in (low_s, high_s], after `before` smaller values there."""

    low_s: float
    high_s: float
    before: int


def bin_of(value_s: float) -> int:
    """Return the number of the bin of a value; what is not above 0 has the bin 0."""
    number: int = _LONG.unpack(_DOUBLE.pack(value_s))[0] - 1 if value_s > 0 else 0
    return number >> _SHIFT


def find_places(packed: bytes, ranks: Sequence[int]) -> list[Place]:
    """Return the bin of each rank, counted from 0.

    Args:
        packed: Counts as `install`'s functions make them, perhaps several after one another.
        ranks: Each below the sum of the counts.
    """
    import numpy as np  # where it is first needed: every command opens the database

    pairs = np.frombuffer(packed, np.uint32).reshape(-1, 2)
    first = int(pairs[:, 0].min())
    upto = np.bincount(pairs[:, 0] - first, pairs[:, 1]).cumsum()
    found = np.searchsorted(upto, ranks, side="right")
    return [
        Place(_low_s(first + at), _low_s(first + at + 1), rank - int(upto[at - 1] if at else 0))
        for rank, at in zip(ranks, found.tolist(), strict=True)
    ]


def count_up_to(packed: bytes, bounds_s: Sequence[float]) -> list[int]:
    """Return how many values are at most each bound, which must be the end of a bin."""
    import numpy as np

    pairs = np.frombuffer(packed, np.uint32).reshape(-1, 2)
    return [int(pairs[pairs[:, 0] <= bin_of(bound_s), 1].sum()) for bound_s in bounds_s]


def install(connection: sqlite3.Connection) -> None:
    """Teach a connection the functions that the rollups are kept with.

    `count_bins(seconds)` and `join_bins(counts)` are aggregates, `add_bins(counts, counts)` keeps
    one count for each bin.
    """
    connection.create_aggregate("count_bins", 1, _CountBins)  # type: ignore[arg-type]
    connection.create_aggregate("join_bins", 1, _JoinBins)  # type: ignore[arg-type]
    connection.create_function("add_bins", 2, _add, deterministic=True)


class _CountBins:
    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()

    def step(self, value_s: float) -> None:
        self.counts[bin_of(value_s)] += 1

    def finalize(self) -> bytes:
        return _pack(self.counts)


class _JoinBins:
    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def step(self, packed: bytes) -> None:
        self.parts.append(packed)

    def finalize(self) -> bytes:
        return b"".join(self.parts)


def _add(first: bytes, second: bytes) -> bytes:
    numbers = array("I", first + second)
    counts: Counter[int] = Counter()
    for at in range(0, len(numbers), 2):
        counts[numbers[at]] += numbers[at + 1]
    return _pack(counts)


def _pack(counts: Counter[int]) -> bytes:
    return array("I", [number for pair in counts.items() for number in pair]).tobytes()


def _low_s(number: int) -> float:
    if number == 0:
        return -1.0  # below 0, which is in this bin
    low_s: float = _DOUBLE.unpack(_LONG.pack(number << _SHIFT))[0]
    return low_s
