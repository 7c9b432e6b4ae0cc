"""Files that a page offers and that are made while a browser takes them."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

from core.batch import BatchId, ExportFormat

_MAX_TICKETS = 1000


@dataclass(frozen=True, slots=True)
class Parcel:
    """A batch's results in one format, with or without the words of held answers."""

    batch_id: BatchId
    kind: ExportFormat
    include_held: bool = False


class Outbox:
    """One ticket for each parcel and page session; only who holds it can take the parcel."""

    def __init__(self) -> None:
        self._parcels: OrderedDict[str, Parcel] = OrderedDict()
        self._lock = threading.Lock()

    def new_ticket(self, parcel: Parcel) -> str:
        """Return an unguessable ticket; when there are too many, the oldest makes room."""
        ticket = secrets.token_urlsafe(24)
        with self._lock:
            self._parcels[ticket] = parcel
            while len(self._parcels) > _MAX_TICKETS:
                self._parcels.popitem(last=False)
        return ticket

    def parcel(self, ticket: str) -> Parcel | None:
        """Return what the ticket is for, or None if it was not given out here, or long ago."""
        with self._lock:
            return self._parcels.get(ticket)
