"""Looking into uploads, links, server folders and manifests, while the page stays usable.

Works on the process's loop; the page looks at `Reading` and may be left meanwhile.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final, TypeVar

from core.errors import ImageError, ImageRefusal, InputNotUsableError
from core.images.archive import LEFT_OUT, looks_known
from core.images.folders import Folder, Folders, open_below
from core.images.intake import Accepted, Intake, IntakeItem, Refused, Skipped
from core.images.manifest import MANIFEST_SUFFIXES, ItemOverrides, ManifestRow, read_manifest
from core.images.names import label
from core.inbox import Arrival
from core.phrases import Phrase
from core.plan import TOKENIZED_AS, layer_tokens
from core.runs import StoredSource
from core.survey import SurveyedPicture
from core.tasks import prompt_for, task
from core.workbench import Workbench
from ui.batch.draft import DraftPicture, Found, Row, gone, refused_row

T = TypeVar("T")

_AHEAD: Final = 4
"""How many pictures are in memory at once."""
_NOTHING: Final = ItemOverrides()


@dataclass
class Reading:
    """What is being looked into: `done` of `total` files or links; `found` and `rows` grow."""

    total: int
    done: int = 0
    found: list[Found] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    future: "Future[None] | None" = None


class Reader:
    """Reads into one `Reading`; what is read lands in the blob store, not in memory."""

    def __init__(self, bench: Workbench, reading: Reading) -> None:
        self._bench = bench
        self._reading = reading
        self._intake = Intake(bench.decoder)
        self._folders = Folders(bench.settings.tessera_folders)

    async def uploads(self, arrivals: Sequence[Arrival]) -> None:
        """Read uploaded pictures, PDFs, zips and manifests, in order."""
        await self._keep(self._from_uploads(arrivals))

    async def links(self, urls: Sequence[str]) -> None:
        """Read what is behind http(s) addresses; anything else is refused."""
        async for found in _in_order(_stream(self._behind(url) for url in urls)):
            self._reading.found += found
            self._reading.done += 1

    async def folder(self, folder: Folder) -> None:
        """Read every picture in and below a folder of the server."""
        await self._keep(self._from_folder(folder))

    async def _keep(self, items: AsyncIterator[IntakeItem]) -> None:
        async for found in _in_order(self._look_at(item) async for item in items):
            self._reading.found.append(found)

    async def _from_uploads(self, arrivals: Sequence[Arrival]) -> AsyncIterator[IntakeItem]:
        for arrival in arrivals:
            file = await asyncio.to_thread(self._bench.originals.open, arrival.digest)
            if file is None:
                yield gone(arrival.name)
                continue
            suffix = PurePosixPath(arrival.name).suffix.lower()
            with file:
                if suffix in MANIFEST_SUFFIXES:
                    await self._manifest(label(arrival.name), file, suffix)
                else:
                    async for item in self._intake.from_file(arrival.name, file):
                        yield item
            self._reading.done += 1

    async def _from_folder(self, folder: Folder) -> AsyncIterator[IntakeItem]:
        for way in await asyncio.to_thread(list, self._folders.files(folder)):
            name = label(str(way.relative_to(folder.below)))
            if looks_known(way.name):
                async for item in self._from_server(folder.root, way, name):
                    yield item
                self._reading.done += 1
            else:
                yield Skipped(name, LEFT_OUT)

    async def _from_server(
        self, root: Path, way: PurePosixPath, name: str
    ) -> AsyncIterator[IntakeItem]:
        try:
            file = await asyncio.to_thread(open_below, root, way)
        except ImageError as error:
            yield Refused(name, error)
            return
        with file:
            async for item in self._intake.from_file(name, file):
                yield item

    async def _manifest(self, name: str, file: BinaryIO, suffix: str) -> None:
        try:
            rows = _stream(self._row(name, row) for row in read_manifest(file, suffix))
            async for row in _in_order(rows):
                self._reading.rows.append(row)
        except InputNotUsableError as error:
            self._reading.rows.append(refused_row(name, error))

    async def _row(self, manifest: str, row: ManifestRow) -> Row:
        place = f"{manifest}:{row.line}"
        if isinstance(row.content, InputNotUsableError):
            return refused_row(place, row.content)
        source, said = row.content.source, row.content.overrides
        try:
            if said.task:
                prompt_for(task(said.task), custom_prompt=said.prompt)
        except InputNotUsableError as error:
            return refused_row(place, error)
        return Row(place, source, said, await self._named(source, said))

    async def _named(self, source: str, said: ItemOverrides) -> tuple[Found, ...]:
        """Return what a line names, unless that is an upload."""
        if source.lower().startswith(("http://", "https://")):
            return tuple(await self._behind(source, said))
        if not (place := await asyncio.to_thread(self._folders.find, source)):
            return ()
        items = self._from_server(*place, label(source))
        return tuple([await self._look_at(item, said) async for item in items])

    async def _behind(self, url: str, said: ItemOverrides = _NOTHING) -> list[Found]:
        if not url.lower().startswith(("http://", "https://")):  # a path would read our own files
            why = Phrase("A link starts with http:// or https://.")
            return [Refused(label(url), ImageError(ImageRefusal.FETCH_REFUSED, why))]
        return [await self._look_at(item, said) async for item in self._intake.open(url)]

    async def _look_at(self, item: IntakeItem, said: ItemOverrides = _NOTHING) -> Found:
        if not isinstance(item, Accepted):
            return replace(item, overrides=said)
        source = item.source
        try:
            info = await self._bench.decoder.probe(source)
        except ImageError as error:
            return Refused(source.name, error.with_traceback(None))  # its frames hold the picture
        digest = await asyncio.to_thread(self._bench.originals.put, source.data)
        stored = StoredSource(source.name, digest, source.page)
        layer = await asyncio.to_thread(layer_tokens, info.text_layer, TOKENIZED_AS)
        seen = SurveyedPicture(stored, info.width_px, info.height_px, layer)
        return DraftPicture(seen, len(source.data), said)


async def _stream(values: Any) -> AsyncIterator[Any]:
    for value in values:
        yield value


async def _in_order(work: AsyncIterable[Coroutine[Any, Any, T]]) -> AsyncIterator[T]:
    """Yield results in their order, while the next few are under way."""
    coming: deque[asyncio.Task[T]] = deque()
    try:
        async for each in work:
            coming.append(asyncio.create_task(each))
            if len(coming) >= _AHEAD:
                yield await coming.popleft()
        while coming:
            yield await coming.popleft()
    finally:
        for task_ in coming:
            task_.cancel()
        await asyncio.gather(*coming, return_exceptions=True)
