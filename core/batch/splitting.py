"""How requests are split into files for the Batch API. Pure, and no more in memory than one sum."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Final

MOST_REQUESTS: Final = 50_000
"""Requests of one file.

Source: https://developers.openai.com/api/docs/guides/batch, read 2026-11-23.
"""
MOST_BYTES: Final = 190_000_000
"""Bytes of one file, pictures in base64 included: the vendor's 200 MB and a margin."""
_QUEUE_SHARE: Final = 0.95
"""Part of the queue's token limit that is used: the vendor counts a little differently."""


@dataclass(frozen=True, slots=True)
class Line:
    """A request as it counts against the limits of a file.

    `size_bytes` is that of the whole line; `tokens` are the input tokens it keeps in the queue.
    """

    size_bytes: int
    tokens: int


@dataclass(slots=True)
class JobRoom:
    """How much one file may still take, and what it has taken.

    `most_tokens` is what the vendor's queue has room for; None if no limit is known.
    """

    most_requests: int = MOST_REQUESTS
    most_bytes: int = MOST_BYTES
    most_tokens: int | None = None
    requests: int = 0
    size_bytes: int = 0
    tokens: int = 0

    def takes(self, line: Line) -> bool:
        """Say whether the line fits beside what is there."""
        most_tokens = inf if self.most_tokens is None else self.most_tokens
        return (
            self.requests < self.most_requests
            and self.size_bytes + line.size_bytes <= self.most_bytes
            and self.tokens + line.tokens <= most_tokens
        )

    def take(self, line: Line) -> None:
        """Count a line that fits."""
        self.requests += 1
        self.size_bytes += line.size_bytes
        self.tokens += line.tokens


@dataclass(frozen=True, slots=True)
class FilePlan:
    """A file of `requests` lines in a row, the first of them the `first` of all, from 0."""

    first: int
    requests: int
    size_bytes: int
    tokens: int


def split(lines: Iterable[Line], most_tokens: int | None = None) -> Iterator[FilePlan]:
    """Yield the files that requests make in their order, each as full as the limits allow.

    Raises:
        ValueError: If a single line is larger than a file may be.
    """
    first, room = 0, JobRoom(most_tokens=most_tokens)
    for line in lines:
        if not room.takes(line):
            if not room.requests:
                raise ValueError("a request is larger than a file may be")
            yield FilePlan(first, room.requests, room.size_bytes, room.tokens)
            first, room = first + room.requests, JobRoom(most_tokens=most_tokens)
            if not room.takes(line):
                raise ValueError("a request is larger than a file may be")
        room.take(line)
    if room.requests:
        yield FilePlan(first, room.requests, room.size_bytes, room.tokens)


def next_limit(refused_tokens: int, named: int | None, times_before: int) -> int | None:
    """Return how many tokens to keep in the queue after it was too full for a job.

    Args:
        refused_tokens: Of the job, as they are counted here.
        named: The limit as the vendor told it; None if it told none.
        times_before: How often it was too full before.
    """
    if named is None or not times_before or refused_tokens > named:
        return named or refused_tokens // 2 or None
    # What fitted was refused again: the vendor counts more tokens than we do.
    return max(refused_tokens * 3 // 4, named // 2)


def queue_room(limit_tokens: int | None, enqueued_tokens: int) -> int | None:
    """Return how many tokens the vendor's queue has room for; None if no limit is known."""
    if limit_tokens is None:
        return None
    return max(0, int(limit_tokens * _QUEUE_SHARE) - enqueued_tokens)
