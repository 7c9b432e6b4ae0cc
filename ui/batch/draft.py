"""From uploads to a batch: what is in them, without a picture in memory, and the start."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from decimal import Decimal

from core.errors import ImageError, ImageRefusal
from core.i18n import Language
from core.images.intake import Accepted, Intake, IntakeItem, Refused, Skipped
from core.inbox import Arrival
from core.phrases import Phrase
from core.runs import Question, StoredSource
from core.survey import SurveyedPicture
from core.types import ImageSource
from core.workbench import Workbench

_AHEAD = 8
"""How many pictures are in memory at once."""


Found = SurveyedPicture | Refused | Skipped
"""A picture that can be asked about, or what was in an upload besides, and why it cannot."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person wants done with the pictures."""

    name: str
    question: Question
    language: Language
    budget_usd: Decimal | None
    max_items: int | None
    priority: int


@dataclass
class Launch:
    """A batch on its way into the store; `taken` of `total` are there."""

    total: int
    taken: int = 0
    future: "Future[str] | None" = None


async def read_uploads(bench: Workbench, arrivals: Sequence[Arrival]) -> list[Found]:
    """Return what is in uploaded pictures, PDFs and zips, in order; originals go to disk."""
    found = await asyncio.gather(*(_read_upload(bench, arrival) for arrival in arrivals))
    return [each for part in found for each in part]


async def read_link(bench: Workbench, url: str) -> list[Found]:
    """Return what is behind an http(s) address; anything else is refused."""
    if not url.lower().startswith(("http://", "https://")):  # a path would read our own files
        why = Phrase("A link starts with http:// or https://.")
        return [Refused(url, ImageError(ImageRefusal.FETCH_REFUSED, why))]
    return await _look_at_all(bench, Intake(bench.decoder).open(url))


async def _read_upload(bench: Workbench, arrival: Arrival) -> list[Found]:
    data = await asyncio.to_thread(bench.originals.get, arrival.digest)
    if data is None:
        return [_gone(arrival.name)]
    return await _look_at_all(bench, Intake(bench.decoder).from_upload(arrival.name, data))


async def _look_at_all(bench: Workbench, items: AsyncIterator[IntakeItem]) -> list[Found]:
    room = asyncio.Semaphore(_AHEAD)
    tasks = []
    async with asyncio.TaskGroup() as group:
        async for item in items:
            await room.acquire()
            task = group.create_task(_look_at(bench, item))
            task.add_done_callback(lambda _: room.release())
            tasks.append(task)
    return [task.result() for task in tasks]


async def _look_at(bench: Workbench, item: IntakeItem) -> Found:
    if not isinstance(item, Accepted):
        return item
    source = item.source
    try:
        info = await bench.decoder.probe(source)
    except ImageError as error:
        return Refused(source.name, error.with_traceback(None))  # its frames hold the picture
    digest = await asyncio.to_thread(bench.originals.put, source.data)
    stored = StoredSource(source.name, digest, source.page)
    return SurveyedPicture(stored, info.width_px, info.height_px)


async def launch(bench: Workbench, wish: Wish, found: Sequence[Found], progress: Launch) -> str:
    """Make the batch and start it; return its id.

    Raises:
        VisionError: If a limit makes no sense, or the disk does not take it.
    """
    batch_id = await bench.batches.create(
        wish.name,
        _again(bench, found, progress),
        wish.question,
        budget_usd=wish.budget_usd,
        max_items=wish.max_items,
        priority=wish.priority,
        language=wish.language,
    )
    await bench.batches.start(batch_id)
    return batch_id


async def _again(
    bench: Workbench, found: Sequence[Found], progress: Launch
) -> AsyncIterator[IntakeItem]:
    """Yield what was found as it came from the uploads, with the pictures' bytes."""
    for each in found:
        progress.taken += 1
        if not isinstance(each, SurveyedPicture):
            yield each
            continue
        source = each.source
        data = await asyncio.to_thread(bench.originals.get, source.digest)
        yield (
            _gone(source.name)
            if data is None
            else Accepted(ImageSource(source.name, data, source.page))
        )


def _gone(name: str) -> Refused:
    why = Phrase("The file did not arrive whole. Send it again.")
    return Refused(name, ImageError(ImageRefusal.DAMAGED, why))
