"""Files that a browser sends straight to disk, waiting until the page that asked for them looks."""

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

_MAX_TICKETS = 1000


@dataclass(frozen=True, slots=True)
class Arrival:
    """An uploaded file: the label the browser gave it, and its digest in the blob store.

    `position` is its place among the files that the browser sent; they arrive in any order.
    """

    name: str
    digest: str
    size_bytes: int
    position: int = 0


class Inbox:
    """One ticket for each page session; only who holds it can add to it or empty it."""

    def __init__(self) -> None:
        self._arrivals: OrderedDict[str, list[Arrival]] = OrderedDict()
        self._lock = threading.Lock()

    def new_ticket(self) -> str:
        """Return an unguessable ticket; when there are too many, the oldest makes room."""
        ticket = f"{int(time.time()):x}-{secrets.token_urlsafe(24)}"
        with self._lock:
            self._arrivals[ticket] = []
            while len(self._arrivals) > _MAX_TICKETS:
                self._arrivals.popitem(last=False)
        return ticket

    def knows(self, ticket: str) -> bool:
        """Say whether this ticket was given out here."""
        with self._lock:
            return ticket in self._arrivals

    def add(self, ticket: str, arrival: Arrival) -> None:
        """Note a complete file."""
        with self._lock:
            if ticket in self._arrivals:
                self._arrivals[ticket].append(arrival)
                self._arrivals.move_to_end(ticket)

    def take(self, ticket: str) -> list[Arrival]:
        """Return what has arrived since last asked, in the order it was chosen."""
        with self._lock:
            if ticket not in self._arrivals:
                return []
            taken, self._arrivals[ticket] = self._arrivals[ticket], []
            return sorted(taken, key=lambda arrival: arrival.position)
