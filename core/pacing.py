"""Keeps calls within requests and tokens per minute, and within a number at once.

Each limit is a bucket that fills at the limit's rate, as the servers' own do. Of the callers of
one model only the first in line waits for it, so nobody sleeps with a place on the wire that
another could use, and who is more urgent goes first.
"""

import asyncio
import re
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum

from core.turns import Places, Turn

_KEPT_UNUSED = 0.995
"""Share of a limit that is used: the server's minute and ours do not start together."""
_UNITS_UNUSED = 2
"""Calls of a burst that are left, for those that the server counts before we think it does."""
_LONGEST_BURST_S = 1.0
"""Servers may enforce a limit per minute over each second."""
_LATE_S = 0.1
"""How late a start may be and still count as on time; else every late wake-up lowers the rate."""
_REFUSED_SHARE = 0.2
_MEMORY = 1 / 32
"""Weight of the newest answer in the share of refusals."""
_CUT = 0.7
_CUT_EVERY_S = 1.0
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Urgency(IntEnum):
    """Who goes first when several wait."""

    PERSON = 0  # somebody looks at the screen
    REPEAT = 1  # a call of a batch that was begun
    BATCH = 2


@dataclass(slots=True)
class _Limit:
    """One limit per minute; None means that there is none (yet).

    `level` is what may be used at `at_s`; it grows up to `capacity`, which is nothing until the
    server has said what it keeps, so that unused time is not saved up for a burst.
    """

    per_minute: int | None
    level: float = 0.0
    capacity: float = 0.0
    at_s: float = 0.0
    used: int = 0

    @property
    def rate(self) -> float:
        return (self.per_minute or 0) * _KEPT_UNUSED / 60

    def ready_s(self, units: int) -> float:
        """Return the moment from which on `units` may be used."""
        if self.per_minute is None:
            return 0.0
        return self.at_s + max(0.0, min(units, self.capacity) - self.level) / self.rate

    def take(self, units: int, at_s: float) -> None:
        self.used += units
        if self.per_minute is not None:
            self._move(at_s)
            self.level -= units

    def lower(self, per_minute: int, now_s: float) -> None:
        if self.per_minute is None:
            self.at_s = now_s
        self.per_minute = min(per_minute, self.per_minute or per_minute)

    def correct(
        self, remaining: int, used_before: int, sent_s: float, now_s: float, unit: int
    ) -> None:
        """Believe the server: it had `remaining` when a call that was sent at `sent_s` came.

        What was started since then is still to be subtracted, what has flowed in to be added.
        """
        if self.per_minute is None:
            return
        since = self.used - used_before
        level = remaining + self.rate * (now_s - sent_s) - since - _UNITS_UNUSED * unit
        longest = max(self.rate * _LONGEST_BURST_S, unit)
        self.capacity = min(max(self.capacity, level), longest)
        self.at_s, self.level = now_s, min(level, self.capacity)

    def _move(self, at_s: float) -> None:
        if at_s > self.at_s:
            grown = self.level + (at_s - self.at_s) * self.rate
            self.level, self.at_s = min(max(self.capacity, self.level), grown), at_s


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a call took: when it started, and what had been used by then, itself included.

    `held_s` is how long it waited because the server had asked others to wait.
    """

    sent_s: float
    requests: int
    tokens: int
    own_tokens: int
    held_s: float


@dataclass(slots=True)
class _Lane:
    """The limits of one model, and from when until when the server wants nothing.

    `window` is how many calls the server bears at once: all that are allowed, until it refuses.
    """

    requests: _Limit
    tokens: _Limit
    window: float
    turn: Turn = field(default_factory=Turn)
    closed_since_s: float = 0.0
    closed_until_s: float = 0.0
    active: int = 0
    refused: float = 0.0
    cut_at_s: float = float("-inf")
    starts: "deque[tuple[float, int]]" = field(default_factory=deque)


@dataclass(frozen=True, slots=True)
class PaceUse:
    """What the last minute used of the limits of one model; None where there is no limit."""

    requests: int
    tokens: int
    requests_per_minute: int | None
    tokens_per_minute: int | None
    at_once: int


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
    _places: Places = field(init=False)

    def __post_init__(self) -> None:
        self._lanes = defaultdict(
            lambda: _Lane(
                _Limit(self.requests_per_minute),
                _Limit(self.tokens_per_minute),
                self.max_concurrent,
            )
        )
        self._places = Places(self.max_concurrent)

    @asynccontextmanager
    async def slot(
        self, model: str, tokens: int, urgency: Urgency = Urgency.PERSON
    ) -> AsyncIterator[Ticket]:
        """Wait for a place and for the minute's limits, and hold the place inside the block.

        Args:
            model: Limits are counted for each model.
            tokens: What the call may use at most, input and output.
            urgency: Who of those that wait goes first.
        """
        lane, waits_since_s = self._lanes[model], self.clock()
        await lane.turn.take(urgency)
        try:
            await self._places.take(urgency, lambda: lane.active < max(1, int(lane.window)))
            try:
                ticket = await self._start(lane, tokens, waits_since_s)
            except BaseException:
                self._places.free()
                raise
        finally:
            lane.turn.free()
        lane.active += 1
        try:
            yield ticket
        finally:
            lane.active -= 1
            self._places.free()

    def in_flight(self) -> int:
        """Return how many calls hold a place, over all models; may be asked from any thread."""
        return sum(lane.active for lane in tuple(self._lanes.values()))

    def hold(self, model: str, wait_s: float) -> None:
        """Let nobody start before `wait_s` has passed: the server asked for it."""
        lane, now_s = self._lanes[model], self.clock()
        if lane.closed_until_s <= now_s:
            lane.closed_since_s = now_s
        lane.closed_until_s = max(lane.closed_until_s, now_s + wait_s)

    def refused(self, model: str) -> None:
        """Take a refusal into account: if they are many, fewer calls go out at once."""
        lane, now_s = self._lanes[model], self.clock()
        lane.refused += (1 - lane.refused) * _MEMORY
        if lane.refused > _REFUSED_SHARE and now_s >= lane.cut_at_s + _CUT_EVERY_S:
            lane.window, lane.cut_at_s = max(1.0, lane.window * _CUT), now_s

    def served(self, model: str) -> None:
        """Take an answer into account: one more goes out at once after each full round."""
        lane = self._lanes[model]
        lane.refused -= lane.refused * _MEMORY
        lane.window = min(self.max_concurrent, lane.window + 1 / lane.window)

    def learn(self, model: str, headers: Mapping[str, str], ticket: Ticket | None = None) -> None:
        """Take over the server's own limits where they are lower, and what it says is left.

        Args:
            model: Whose limits they are.
            headers: The `x-ratelimit-*` ones, names in lower case.
            ticket: Of the call that brought them; without it nothing is known about what was
                left, except that nothing is.

        Source: https://developers.openai.com/api/docs/guides/rate-limits, read 2026-11-23.
        """
        lane, now_s = self._lanes[model], self.clock()
        for limit, unit in ((lane.requests, "requests"), (lane.tokens, "tokens")):
            stated = _number(headers, f"x-ratelimit-limit-{unit}")
            if stated:
                limit.lower(stated, now_s)
            left = _number(headers, f"x-ratelimit-remaining-{unit}")
            if left is None:
                continue
            if ticket is not None and limit.per_minute is not None:
                before, own = (
                    (ticket.requests, 1)
                    if unit == "requests"
                    else (ticket.tokens, ticket.own_tokens)
                )
                limit.correct(left, before, ticket.sent_s, now_s, own)
            elif left == 0:
                self.hold(model, duration_s(headers.get(f"x-ratelimit-reset-{unit}", "")))

    def use(self, model: str) -> PaceUse:
        """Return how much of the limits the last minute used; may be asked from any thread."""
        lane = self._lanes[model]
        recent = [tokens for at_s, tokens in list(lane.starts) if at_s > self.clock() - 60]
        return PaceUse(
            requests=len(recent),
            tokens=sum(recent),
            requests_per_minute=lane.requests.per_minute,
            tokens_per_minute=lane.tokens.per_minute,
            at_once=int(lane.window),
        )

    async def _start(self, lane: _Lane, tokens: int, waits_since_s: float) -> Ticket:
        """Sleep until both limits and the server allow a start, and take what it needs."""
        while True:
            ready_s = max(
                lane.requests.ready_s(1), lane.tokens.ready_s(tokens), lane.closed_until_s
            )
            now_s = self.clock()
            if ready_s <= now_s:
                break
            await self.sleep(ready_s - now_s)
        counts_from_s = max(ready_s, waits_since_s, now_s - _LATE_S)
        lane.requests.take(1, counts_from_s)
        lane.tokens.take(tokens, counts_from_s)
        lane.starts.append((now_s, tokens))
        while lane.starts[0][0] < now_s - 60:
            lane.starts.popleft()
        held_s = min(now_s, lane.closed_until_s) - max(waits_since_s, lane.closed_since_s)
        return Ticket(now_s, lane.requests.used, lane.tokens.used, tokens, max(0.0, held_s))


def _number(headers: Mapping[str, str], name: str) -> int | None:
    stated = headers.get(name, "")
    return int(stated) if stated.isdecimal() else None


def duration_s(text: str) -> float:
    """Return the seconds in a duration such as "6m0s" or "84ms"; 0 if there is none."""
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text))
