"""What a call will cost, from its picture as it is sent and from earlier answers."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from typing import Final

from core.errors import ImageError, ImageRefusal
from core.pacing import Urgency
from core.plan import Plan, layer_tokens, quote_plan
from core.quote import Quote
from core.store.ledger import Ledger
from core.tokens import ImageTokensError
from core.types import PreparedImage

_KEPT_S: Final = 5.0
_MOST_KEPT: Final = 200
"""Items of a batch are mostly alike: their quotes are made once and follow the history soon."""


class Quoter:
    """Quotes requests; `clock` is monotonic, in seconds."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._kept: dict[object, tuple[float, Quote]] = {}

    async def quote(self, plan: Plan, image: PreparedImage) -> Quote:
        """Return what the call will use and cost.

        Raises:
            ImageError: If the model cannot take a picture of this size.
        """
        if plan.terms.urgency is not Urgency.BATCH:
            return await asyncio.to_thread(self._quote_now, plan, image)  # counting takes a while
        alike = (replace(plan.parts, source_digest="", page=None), plan.request.max_size)
        key = (alike, plan.request.task, image.width_px, image.height_px, image.text_layer)
        made_at_s, quote = self._kept.get(key, (-inf, None))
        if quote is None or self._clock() - made_at_s > _KEPT_S:
            quote = await asyncio.to_thread(self._quote_now, plan, image)
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = (self._clock(), quote)
        return quote

    def _quote_now(self, plan: Plan, image: PreparedImage) -> Quote:
        history = self._ledger.output_tokens_history(plan.request.task, plan.request.model)
        with size_errors():
            layer = layer_tokens(image.text_layer, plan.request.model)
            return quote_plan(plan, image.width_px, image.height_px, layer, history)


@contextmanager
def size_errors() -> Iterator[None]:
    """A picture that the model cannot count is one that it cannot take."""
    try:
        yield
    except ImageTokensError as error:
        raise ImageError(ImageRefusal.TOO_MANY_PIXELS, error.phrase) from error
