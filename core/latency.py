"""How long answers take of late, to see early that one will not come."""

from collections import defaultdict, deque
from collections.abc import Hashable
from typing import Final

_REMEMBERED: Final = 200
_ENOUGH: Final = 50
_TIMES_THE_SLOWEST: Final = 4.0
_LEAST_S: Final = 2.0


class Latencies:
    """The newest latencies of each kind of request, in seconds."""

    def __init__(self) -> None:
        self._newest: defaultdict[Hashable, deque[float]] = defaultdict(
            lambda: deque(maxlen=_REMEMBERED)
        )

    def note(self, kind: Hashable, latency_s: float) -> None:
        """Remember one answer."""
        self._newest[kind].append(latency_s)

    def patience_s(self, kind: Hashable) -> float:
        """Return how long to wait where waiting costs; without limit until enough is known."""
        newest = self._newest[kind]
        if len(newest) < _ENOUGH:
            return float("inf")
        return max(_LEAST_S, _TIMES_THE_SLOWEST * max(newest))
