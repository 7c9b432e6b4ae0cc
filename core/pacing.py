"""Keeps calls within requests and tokens per minute, and within a number at once.

Each limit is a virtual clock (the generic cell rate algorithm): a caller gets the moment of its
start at once and sleeps towards it on its own, so no lock is held while anybody sleeps.
"""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_KEPT_UNUSED = 0.995
"""Share of a limit that is used: the server's minute and ours do not start together."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(slots=True)
class _Limit:
    """One limit per minute; None means that there is none (yet)."""

    per_minute: int | None
    free_at_s: float = 0.0

    def reserve(self, units: int, now_s: float) -> float:
        """Return the moment at which `units` may be used, and count them as used."""
        if self.per_minute is None:
            return now_s
        start_s = max(self.free_at_s, now_s)
        self.free_at_s = start_s + units * 60 / (self.per_minute * _KEPT_UNUSED)
        return start_s

    def lower(self, per_minute: int) -> None:
        self.per_minute = min(per_minute, self.per_minute or per_minute)


@dataclass(slots=True)
class _Lane:
    """The limits of one model, and the moment before which the server wants nothing."""

    requests: _Limit
    tokens: _Limit
    closed_until_s: float = 0.0


@dataclass
class Pacer:
    """Gives each call its start; the clock is monotonic, in seconds.

    Args:
        requests_per_minute: As configured; None until a server says its own.
        tokens_per_minute: Likewise, input and allowed output together.
        max_concurrent: Calls on the wire at once, over all models.
    """

    requests_per_minute: int | None
    tokens_per_minute: int | None
    max_concurrent: int
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _lanes: dict[str, _Lane] = field(init=False)
    _slots: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._lanes = defaultdict(
            lambda: _Lane(_Limit(self.requests_per_minute), _Limit(self.tokens_per_minute))
        )
        self._slots = asyncio.Semaphore(self.max_concurrent)

    @asynccontextmanager
    async def slot(self, model: str, tokens: int) -> AsyncIterator[None]:
        """Wait for a place and for the minute's limits, and hold the place inside the block.

        Args:
            model: Limits are counted for each model.
            tokens: What the call may use at most, input and output.
        """
        async with self._slots:
            await self._wait(self._lanes[model], tokens)
            yield

    def hold(self, model: str, wait_s: float) -> None:
        """Let nobody start before `wait_s` has passed: the server asked for it."""
        lane = self._lanes[model]
        lane.closed_until_s = max(lane.closed_until_s, self.clock() + wait_s)

    def learn(self, model: str, headers: Mapping[str, str]) -> None:
        """Take over the server's own limits where they are lower; names in lower case.

        Source: https://developers.openai.com/api/docs/guides/rate-limits, read 2026-11-23.
        """
        lane = self._lanes[model]
        for limit, unit in ((lane.requests, "requests"), (lane.tokens, "tokens")):
            stated = headers.get(f"x-ratelimit-limit-{unit}", "")
            if stated.isdecimal() and int(stated) > 0:
                limit.lower(int(stated))
            if headers.get(f"x-ratelimit-remaining-{unit}") == "0":
                self.hold(model, duration_s(headers.get(f"x-ratelimit-reset-{unit}", "")))

    async def _wait(self, lane: _Lane, tokens: int) -> None:
        now_s = self.clock()
        start_s = max(lane.requests.reserve(1, now_s), lane.tokens.reserve(tokens, now_s))
        while (wait_s := max(start_s, lane.closed_until_s) - self.clock()) > 0:
            await self.sleep(wait_s)


def duration_s(text: str) -> float:
    """Return the seconds in a duration such as "6m0s" or "84ms"; 0 if there is none."""
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text))
