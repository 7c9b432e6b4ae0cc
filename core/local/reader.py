"""Pages read in worker threads: decoded safely first, a few at once, and remembered."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from core.catalog.rules import PixelsRule
from core.errors import ImageError
from core.images.decoder import Decoder
from core.local.facts import PageFacts, load_pixels, read_page
from core.local.looks import Looks, measure
from core.local.ocr import WORKERS
from core.local.problems import RequestError, image_problem
from core.local.request import Picture
from core.phrases import Phrase
from core.types import Detail, ImageSource

MAX_WAITING: Final = 32
"""Pages under way or in the queue; one more is told to come back."""
_SECONDS_A_PAGE: Final = 2  # of one core, for the advice when to come back
_REMEMBERED: Final = 64  # pages; a page's facts are some tens of kilobytes
_RULE: Final = PixelsRule(max_side_px=2560)  # larger pictures cost time and read no better

ReadPage = Callable[[bytes, Looks, str | None], PageFacts]


@dataclass(frozen=True, slots=True)
class OpenPage:
    """A page that could be decoded: how it looks is known; `facts` when it was read before."""

    key: str
    picture: bytes = field(repr=False)
    text_layer: str | None = field(repr=False)
    looks: Looks
    facts: PageFacts | None = None


def _read(picture: bytes, looks: Looks, text_layer: str | None) -> PageFacts:
    return read_page(load_pixels(picture), looks, text_layer)


class PageReader:
    """Opens and reads pages; belongs to one event loop."""

    def __init__(self, decoder: Decoder, read: ReadPage = _read) -> None:
        self._decoder = decoder
        self._read = read
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="ocr")
        self._waiting = 0
        self._remembered: OrderedDict[str, PageFacts] = OrderedDict()

    async def open(self, picture: Picture) -> OpenPage:
        """Decode and measure a picture.

        Raises:
            RequestError: If it cannot be decoded, or too many pages are waiting.
        """
        key = _key(picture)
        if known := self._remembered.get(key):
            self._remembered.move_to_end(key)
            return OpenPage(key, b"", picture.text_layer, known.looks, known)
        if self._waiting >= MAX_WAITING:
            raise _queue_is_full(self._waiting)
        try:
            source = ImageSource("picture", picture.data)
            prepared = await self._decoder.prepare(source, _RULE, Detail.HIGH)
        except ImageError as error:
            raise image_problem(error) from error
        looks = await asyncio.to_thread(lambda: measure(load_pixels(prepared.data)))
        return OpenPage(key, prepared.data, picture.text_layer or prepared.text_layer, looks)

    async def read(self, page: OpenPage) -> PageFacts:
        """Return the facts of an open page.

        Raises:
            RequestError: If too many pages are waiting.
        """
        if page.facts:
            return page.facts
        if self._waiting >= MAX_WAITING:
            raise _queue_is_full(self._waiting)
        facts = await asyncio.wrap_future(self._submit(page))
        self._remember(page.key, facts)
        return facts

    def _submit(self, page: OpenPage) -> "Future[PageFacts]":
        """Queue a page; it counts until its thread is done, also when nobody waits for it."""
        loop = asyncio.get_running_loop()
        self._waiting += 1
        future = self._threads.submit(self._read, page.picture, page.looks, page.text_layer)
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))
        return future

    def _done(self) -> None:
        self._waiting -= 1

    def _remember(self, key: str, facts: PageFacts) -> None:
        self._remembered[key] = facts
        while len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)

    async def close(self) -> None:
        """Finish the pages under way, drop the others, end the decoder's children."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        await self._decoder.close()


def _key(picture: Picture) -> str:
    layer = (picture.text_layer or "").encode()
    return f"{sha256(picture.data).hexdigest()}-{sha256(layer).hexdigest()}"


def _queue_is_full(waiting: int) -> RequestError:
    return RequestError(
        429,
        "rate_limit_exceeded",
        Phrase("The local engine already has {count} pages to read.", {"count": waiting}),
        retry_after_s=max(1, waiting * _SECONDS_A_PAGE // WORKERS // 2),
    )
