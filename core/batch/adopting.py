"""Goes on with batches whose process has died while this one lives."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from core.batch.service import Batches
from core.batch.types import BatchId
from core.errors import VisionError

_log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 30.0


async def adopt_orphans(
    batches: Batches, sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
) -> None:
    """Look for such batches and work on them, until cancelled.

    Only what was found twice is taken: a batch that another process is just beginning has no
    driver for a moment, either.
    """
    before: set[BatchId] = set()
    while True:
        await sleep(_LOOK_EVERY_S)
        try:
            found = set(await asyncio.to_thread(batches.orphans))
            for each in found & before:
                _log.info("batch_adopted", extra={"batch": each})
                await batches.resume(each)
            before = found
        except VisionError as error:  # a full disk, or somebody cancelled it: look again
            _log.warning("batches_not_adopted", extra={"code": error.code})
