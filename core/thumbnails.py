"""Small pictures of originals, made when somebody first looks, and kept in a folder."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Final

from core.blobs import BlobStore
from core.catalog.rules import PixelsRule
from core.errors import ImageError
from core.images.decoder import Decoder
from core.types import Detail, ImageSource

SIDE_PX: Final = 160
_RULE: Final = PixelsRule(SIDE_PX)


class Thumbnails:
    """Made one at a time, so that a page of them leaves the other decoders to a batch."""

    def __init__(self, decoder: Decoder, originals: BlobStore, root: Path) -> None:
        self._decoder = decoder
        self._originals = originals
        self._root = root
        self._one = asyncio.Semaphore(1)

    async def get(self, digest: str, page: int | None) -> bytes | None:
        """Return a JPEG or PNG of at most 160 pixels a side.

        None if there is no such original, or nothing can be drawn of it.

        Raises:
            ValueError: If `digest` is not 64 hex digits.
        """
        original = self._originals.path(digest)
        place = self._root / f"{original.name}-{page or 0}"
        async with self._one:
            if (kept := await asyncio.to_thread(_read, place)) is not None:
                return kept
            data = await asyncio.to_thread(self._originals.get, digest)
            if data is None:
                return None
            try:
                source = ImageSource("", data, page, digest)
                small = await self._decoder.prepare(source, _RULE, Detail.HIGH)
            except ImageError:
                return None
            await asyncio.to_thread(_keep, place, small.data)
            return small.data

    def forget_before(self, moment_s: float) -> None:
        """Delete what was made before that moment, in seconds since 1970."""
        for place in self._root.glob("*"):
            if place.stat().st_mtime < moment_s:
                place.unlink(missing_ok=True)


def _read(place: Path) -> bytes | None:
    try:
        return place.read_bytes()
    except FileNotFoundError:
        return None


def _keep(place: Path, data: bytes) -> None:
    """Write it beside its place first: half a picture is never shown."""
    with suppress(OSError):  # a full disk costs only that it is made again
        place.parent.mkdir(mode=0o700, exist_ok=True)
        draft = place.with_suffix(".part")
        draft.write_bytes(data)
        draft.replace(place)
