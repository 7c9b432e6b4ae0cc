"""Decodes pictures of which only the digest is known.

Their bytes are in memory while they are decoded, and no longer.
"""

import asyncio
import os

from core.blobs import BlobStore
from core.catalog import ImageRule
from core.errors import ImageError, ImageRefusal
from core.phrases import Phrase
from core.prepared import Preparer
from core.types import Detail, ImageSource, PreparedImage


class StoredPictures:
    """A preparer in front of another that fetches bytes from the blob store where there are none.

    As many originals are in memory as there are cores, and one more that is being read.
    """

    def __init__(self, preparer: Preparer, originals: BlobStore) -> None:
        self._preparer = preparer
        self._originals = originals
        self._room = asyncio.Semaphore((os.cpu_count() or 1) + 1)

    async def prepare(
        self,
        source: ImageSource,
        rule: ImageRule,
        detail: Detail,
        max_size: tuple[int, int] | None = None,
    ) -> PreparedImage:
        """Return the picture to send.

        Raises:
            ImageError: If the source cannot be used, or is no longer in the store.
        """
        if source.data or source.known_digest is None:
            return await self._preparer.prepare(source, rule, detail, max_size)
        async with self._room:
            data = await asyncio.to_thread(self._originals.get, source.known_digest)
            if data is None:
                raise ImageError(
                    ImageRefusal.NOT_FOUND,
                    Phrase("The picture is no longer in the data directory. Send it again."),
                )
            whole = ImageSource(source.name, data, source.page, source.known_digest)
            return await self._preparer.prepare(whole, rule, detail, max_size)

    async def close(self) -> None:
        """Release what the other preparer holds."""
        await self._preparer.close()
