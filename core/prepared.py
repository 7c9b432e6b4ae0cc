"""Prepared pictures that were used lately, so that what is shown is what is sent."""

from collections import OrderedDict
from typing import Protocol

from core.catalog import ImageRule
from core.flights import SingleFlights
from core.request_key import canonical_json
from core.types import Detail, ImageSource, PreparedImage


class Preparer(Protocol):
    """Makes a picture as the model will see it: the decoder, or a fake."""

    async def prepare(
        self,
        source: ImageSource,
        rule: ImageRule,
        detail: Detail,
        max_size: tuple[int, int] | None = None,
    ) -> PreparedImage:
        """Return the picture to send.

        Raises:
            ImageError: If the source cannot be used.
        """
        ...

    async def close(self) -> None:
        """Release what it holds."""
        ...


class PreparedImages:
    """A memory of the newest prepared pictures, bounded in bytes; each is made once at a time."""

    def __init__(self, preparer: Preparer, max_bytes: int) -> None:
        self._preparer = preparer
        self._max_bytes = max_bytes
        self._size_bytes = 0
        self._images: OrderedDict[str, PreparedImage] = OrderedDict()
        self._flights: SingleFlights[PreparedImage] = SingleFlights()

    async def get(
        self,
        source: ImageSource,
        digest: str,
        rule: ImageRule,
        preparation: str,
        detail: Detail,
        max_size: tuple[int, int] | None = None,
        *,
        keeps: bool = True,
    ) -> PreparedImage:
        """Return the prepared picture from memory, or make it.

        Args:
            source: The original.
            digest: Its SHA-256.
            rule: How the model looks at pictures.
            preparation: Rule, detail and size as the request key holds them.
            detail: One that the rule takes.
            max_size: A further (width, height) in pixels to fit into.
            keeps: Whether to remember it: an item of a batch needs its picture once.
        """
        key = canonical_json([digest, source.page, preparation])
        if key in self._images:
            self._images.move_to_end(key)
            return self._images[key]
        landed = await self._flights.join(
            key, lambda _: self._preparer.prepare(source, rule, detail, max_size)
        )
        if landed.is_first and keeps:
            self._keep(key, landed.value)
        return landed.value

    async def close(self) -> None:
        """End what is being made, and the preparer."""
        await self._flights.close()
        await self._preparer.close()

    def _keep(self, key: str, image: PreparedImage) -> None:
        self._images[key] = image
        self._size_bytes += len(image.data)
        while self._size_bytes > self._max_bytes:
            _, oldest = self._images.popitem(last=False)
            self._size_bytes -= len(oldest.data)
