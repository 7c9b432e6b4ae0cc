"""The one way to every answer: cache, single flight, budget, pace, retry, engine, validation."""

from collections.abc import Sequence

from core.engines.base import TextSink
from core.settings import Settings
from core.types import AnalysisRequest, Outcome, PreparedImage


class VisionClient:
    """Answers requests; share one in a process. Its coroutines belong to one event loop."""

    async def analyze(
        self,
        request: AnalysisRequest,
        on_text: TextSink | None = None,
        *,
        front_end: str = "page",
    ) -> Outcome:
        """Answer one request; what went wrong is a `Failure`, never a VisionError.

        A cancelled call (Stop) is settled and recorded before CancelledError goes on.

        Args:
            request: The question and its picture.
            on_text: Gets each piece of the answer; a cached answer arrives as one piece. After a
                retry no pieces are sent any more: show `Success.text`.
            front_end: Who asks, for the ledger: "page", "cli", "rest", "batch".
        """
        raise NotImplementedError

    async def prepare(self, request: AnalysisRequest) -> PreparedImage:
        """Return the picture exactly as it will be sent; the call itself reuses it.

        Raises:
            VisionError: If the source cannot be used or the model is unknown.
        """
        raise NotImplementedError

    async def answers_cached(self, requests: Sequence[AnalysisRequest]) -> tuple[bool, ...]:
        """Say for each request whether its answer is in the cache, without counting a hit."""
        raise NotImplementedError

    async def close(self) -> None:
        """Stop what runs, release connections and files."""
        raise NotImplementedError


def open_client(settings: Settings) -> VisionClient:
    """Build the client with its engine, cache and ledger from the settings.

    Raises:
        StorageError: If the data directory cannot be used.
    """
    raise NotImplementedError
