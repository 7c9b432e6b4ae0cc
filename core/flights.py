"""Single flight: equal work that is wanted several times at once is done once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from core.engines.base import TextSink

_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass
class Flight:
    """Work under way, and everybody who listens to its text."""

    streaming: bool
    pieces: list[str] = field(default_factory=list)
    sinks: list[TextSink] = field(default_factory=list)
    waiting: int = 0
    claimed: bool = False

    @property
    def text(self) -> str:
        """Return what has arrived so far."""
        return "".join(self.pieces)

    def emit(self, piece: str) -> None:
        """Hand a piece of text to every listener."""
        self.pieces.append(piece)
        for sink in list(self.sinks):
            self._give(sink, piece)

    def listen(self, sink: TextSink) -> None:
        """Hand over what has arrived so far, and everything that follows."""
        self.sinks.append(sink)
        if self.pieces:
            self._give(sink, self.text)

    def _give(self, sink: TextSink, piece: str) -> None:
        try:
            sink(piece)
        except Exception:  # noqa: BLE001 - one listener must not end the work of the others
            _log.exception("text_sink_failed")
            self.sinks.remove(sink)


@dataclass(frozen=True, slots=True)
class Landed(Generic[T]):
    """What a flight brought; exactly one of its callers is the first."""

    value: T
    is_first: bool


class SingleFlights(Generic[T]):
    """Flights by key. The work belongs to no caller: it ends early only when all have left."""

    def __init__(self) -> None:
        self._flights: dict[str, tuple[Flight, asyncio.Task[T]]] = {}

    async def join(
        self,
        key: str,
        work: Callable[[Flight], Awaitable[T]],
        on_text: TextSink | None = None,
    ) -> Landed[T]:
        """Start the work, or wait for the one under way, and return its result.

        A caller that is cancelled leaves; the last one to leave cancels the work and waits until
        it has ended.
        """
        if key not in self._flights:
            self._start(key, work, streaming=on_text is not None)
        flight, task = self._flights[key]
        flight.waiting += 1
        if on_text is not None:
            flight.listen(on_text)
        try:
            value = await asyncio.shield(task)
        finally:
            await self._leave(key, flight, task, on_text)
        is_first, flight.claimed = not flight.claimed, True
        return Landed(value, is_first)

    async def close(self) -> None:
        """Cancel all work and wait until it has ended."""
        tasks = [task for _, task in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, key: str, work: Callable[[Flight], Awaitable[T]], *, streaming: bool) -> None:
        flight = Flight(streaming)
        task = asyncio.ensure_future(work(flight))
        self._flights[key] = (flight, task)
        task.add_done_callback(lambda ended: self._forget(key, ended))

    def _forget(self, key: str, task: "asyncio.Future[T]") -> None:
        if key in self._flights and self._flights[key][1] is task:
            del self._flights[key]

    async def _leave(
        self, key: str, flight: Flight, task: "asyncio.Task[T]", on_text: TextSink | None
    ) -> None:
        flight.waiting -= 1
        if on_text in flight.sinks:
            flight.sinks.remove(on_text)
        if flight.waiting == 0 and not task.done():
            self._forget(key, task)  # who comes now starts anew
            task.cancel()
            await asyncio.wait({task})
