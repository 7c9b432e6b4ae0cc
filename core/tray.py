"""From what arrived (a file, a link, a sample) to pictures that are ready to be asked about."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

from core.blobs import BlobStore
from core.catalog.rules import ImageRule
from core.errors import ConfigurationError, ImageError, ImageRefusal
from core.images.decoder import Decoder
from core.images.intake import Accepted, Intake, IntakeItem, Refused, Skipped
from core.inbox import Arrival
from core.phrases import Phrase
from core.plan import TOKENIZED_AS, layer_tokens
from core.runs import SentImage, StoredSource
from core.types import Detail, ImageSource

_PREPARED_AHEAD = 8
"""How many originals are in memory at once while they wait for a decoder."""


@dataclass(frozen=True, slots=True)
class TrayItem:
    """One picture waiting for a question; sizes in pixels are those of the original.

    `preview` is the picture as it was prepared when it came in; `layer_tokens` is the length of
    the text that a PDF page carries itself.
    """

    id: str
    name: str
    source: StoredSource
    preview: SentImage
    width_px: int
    height_px: int
    layer_tokens: int
    notes: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Unusable:
    """Something that cannot be asked about, and why. `code` is empty for what was only left out."""

    id: str
    name: str
    code: str
    why: Phrase


class Tray:
    """Reads what arrives; keeps originals and previews on disk, nothing in memory."""

    def __init__(self, decoder: Decoder, originals: BlobStore, sent: BlobStore) -> None:
        self._decoder = decoder
        self._intake = Intake(decoder)
        self._originals = originals
        self._sent = sent

    async def from_upload(
        self, arrival: Arrival, rule: ImageRule, detail: Detail
    ) -> list[TrayItem | Unusable]:
        """Return what is in an uploaded picture, PDF or zip, in order."""
        file = await asyncio.to_thread(self._originals.open, arrival.digest)
        if file is None:
            why = Phrase("The file did not arrive whole. Send it again.")
            return [_unusable(Refused(arrival.name, ImageError(ImageRefusal.DAMAGED, why)))]
        with file:
            return await self._read(self._intake.from_file(arrival.name, file), rule, detail)

    async def from_url(
        self, url: str, rule: ImageRule, detail: Detail
    ) -> list[TrayItem | Unusable]:
        """Return what is behind an http(s) address; anything else is refused."""
        if not url.lower().startswith(("http://", "https://")):  # a path would read our own files
            why = Phrase("A link starts with http:// or https://.")
            return [_unusable(Refused(url, ImageError(ImageRefusal.FETCH_REFUSED, why)))]
        return await self._read(self._intake.open(url), rule, detail)

    async def _read(
        self, items: AsyncIterator[IntakeItem], rule: ImageRule, detail: Detail
    ) -> list[TrayItem | Unusable]:
        room = asyncio.Semaphore(_PREPARED_AHEAD)
        tasks = []
        async with asyncio.TaskGroup() as group:
            async for item in items:
                await room.acquire()
                task = group.create_task(self._one(item, rule, detail))
                task.add_done_callback(lambda _: room.release())
                tasks.append(task)
        return [task.result() for task in tasks]

    async def _one(self, item: IntakeItem, rule: ImageRule, detail: Detail) -> TrayItem | Unusable:
        if not isinstance(item, Accepted):
            return _unusable(item)
        source = item.source
        try:
            return await self._accept(source, rule, detail)
        except ImageError as error:
            return _unusable(Refused(source.name, error))

    async def _accept(self, source: ImageSource, rule: ImageRule, detail: Detail) -> TrayItem:
        prepared = await self._decoder.prepare(source, rule, detail)
        digest = await asyncio.to_thread(self._originals.put, source.data)
        sent = await asyncio.to_thread(self._sent.put, prepared.data)
        return TrayItem(
            id=secrets.token_hex(6),
            name=source.name,
            source=StoredSource(source.name, digest, source.page),
            preview=SentImage(sent, prepared.width_px, prepared.height_px),
            width_px=prepared.original_width_px,
            height_px=prepared.original_height_px,
            layer_tokens=await asyncio.to_thread(layer_tokens, prepared.text_layer, TOKENIZED_AS),
            notes=prepared.notes,
        )


def _unusable(item: Refused | Skipped) -> Unusable:
    match item:
        case Skipped(name=name, why=why):
            return Unusable(secrets.token_hex(6), name, "", why)
        case Refused(name=name, error=ImageError() | ConfigurationError() as error):
            return Unusable(secrets.token_hex(6), name, error.code, error.detail)
