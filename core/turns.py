"""Waiting in line, the most urgent first; a waiter that is cancelled leaves the line."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

_Waiter = tuple[int, int, "asyncio.Future[None]", Callable[[], bool]]


class Places:
    """A number of places. A caller may wait for more than a free place: `may_go` says when."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._line: list[_Waiter] = []
        self._order = count()

    async def take(self, urgency: int, may_go: Callable[[], bool] = lambda: True) -> None:
        """Wait for a place; among equally urgent callers the first who came is served first.

        `may_go` is asked again whenever somebody frees a place.
        """
        arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._line, (urgency, next(self._order), arrived, may_go))
        self._let_in()
        try:
            await arrived
        except asyncio.CancelledError:
            if arrived.done() and not arrived.cancelled():
                self.free()  # it was given a place in the very moment in which it left
            raise

    def free(self) -> None:
        """Give a place back."""
        self._free += 1
        self._let_in()

    def _let_in(self) -> None:
        passed_over: list[_Waiter] = []
        while self._free and self._line:
            waiter = heapq.heappop(self._line)
            _, _, arrived, may_go = waiter
            if arrived.done():
                continue
            if may_go():
                self._free -= 1
                arrived.set_result(None)
            else:
                passed_over.append(waiter)
        for waiter in passed_over:
            heapq.heappush(self._line, waiter)


class Turn(Places):
    """One place: one caller at a time."""

    def __init__(self) -> None:
        super().__init__(1)
