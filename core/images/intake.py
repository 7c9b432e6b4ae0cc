"""From what a person gives (a file, folder, zip, PDF, address or manifest) to single pictures."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol

from core.errors import ConfigurationError, ImageError
from core.images import messages
from core.images.archive import LEFT_OUT, Entry, looks_known, read_entries
from core.images.decoder import Decoder
from core.images.fetch import FetchedFile, safe_fetch
from core.images.limits import DecodeLimits
from core.images.manifest import (
    MANIFEST_SUFFIXES,
    ItemOverrides,
    ManifestItem,
    ManifestRow,
    read_manifest,
)
from core.images.names import label
from core.images.sniff import Kind, admit
from core.phrases import Phrase
from core.types import ImageSource

FETCH_TIMEOUT_S = 30.0
_HEAD_BYTES = 4096
_AS_GIVEN = ItemOverrides()


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of an original that is in the blob store already.

    `layer_tokens` is the length of a PDF page's own text.
    """

    width_px: int
    height_px: int
    size_bytes: int
    layer_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Accepted:
    """A picture to work on, and what a manifest says about it.

    The bytes of one that is `kept` already are not here; its digest is known.
    """

    source: ImageSource
    overrides: ItemOverrides = _AS_GIVEN
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that was meant as a picture and cannot be used."""

    name: str
    error: ImageError | ConfigurationError
    overrides: ItemOverrides = _AS_GIVEN


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was found on the way and left out, and why."""

    name: str
    why: Phrase
    overrides: ItemOverrides = _AS_GIVEN


IntakeItem = Accepted | Refused | Skipped


class Fetch(Protocol):
    """What fetches a file from the network."""

    async def __call__(self, url: str, *, max_bytes: int, total_timeout_s: float) -> FetchedFile:
        """Return the file or raise ImageError."""
        ...


class Intake:
    """Opens sources one by one; a bad one becomes an item, never an exception.

    Pages of a PDF beyond the decoder's limit are skipped and said to be.
    """

    def __init__(self, decoder: Decoder, fetch: Fetch = safe_fetch) -> None:
        self._decoder = decoder
        self._fetch = fetch
        self._limits = decoder.limits

    async def open(self, spec: str | Path) -> AsyncIterator[IntakeItem]:
        """Yield what is behind a path or an http(s) address, in a stable order.

        Only for people who may read this machine's files; a browser's files go to `from_file`.
        """
        if Path(spec).suffix.lower() in MANIFEST_SUFFIXES and not _is_address(spec):
            items = self._from_manifest(Path(spec))
        else:
            items = self._from_one(spec)
        async for item in items:
            yield item

    async def from_file(self, name: str, file: BinaryIO) -> AsyncIterator[IntakeItem]:
        """Yield what is in an open picture, PDF or zip, which its opener closes.

        Of a zip one entry at a time is in memory, however large the file is.
        """
        try:
            content = await asyncio.to_thread(_read_unless_zip, file, self._limits)
        except ImageError as error:
            yield Refused(label(name), error)
            return
        if content is None:
            items = self._from_archive(label(name), file)
        else:
            items = self._from_bytes(label(name), content)
        async for item in items:
            yield item

    def _from_one(self, spec: str | Path) -> AsyncIterator[IntakeItem]:
        if _is_address(spec):
            return self._from_address(str(spec))
        path = Path(spec)
        return (
            self._from_folder(path) if spec and path.is_dir() else self._from_path(path, path.name)
        )

    async def _from_address(self, url: str) -> AsyncIterator[IntakeItem]:
        try:
            file = await self._fetch(
                url, max_bytes=self._limits.max_document_bytes, total_timeout_s=FETCH_TIMEOUT_S
            )
        except ImageError as error:
            yield Refused(label(url), error)
            return
        async for item in self._from_bytes(file.name, file.data):
            yield item

    async def _from_folder(self, folder: Path) -> AsyncIterator[IntakeItem]:
        for path in await asyncio.to_thread(_visible_files, folder):
            name = path.relative_to(folder).as_posix()
            if not looks_known(name):
                yield Skipped(label(name), LEFT_OUT)
                continue
            async for item in self._from_path(path, name):
                yield item

    async def _from_path(self, path: Path, name: str) -> AsyncIterator[IntakeItem]:
        try:
            file = await asyncio.to_thread(_open_file, path)
        except ImageError as error:
            yield Refused(label(name), error)
            return
        with file:
            async for item in self.from_file(name, file):
                yield item

    async def _from_bytes(
        self, name: str, data: bytes, *, packed: bool = False
    ) -> AsyncIterator[IntakeItem]:
        try:
            kind = admit(data, self._limits)
            if packed and kind is Kind.ZIP:
                raise messages.NESTED_ARCHIVE.error()
        except ImageError as error:
            yield Refused(name, error)
            return
        if kind is Kind.ZIP:
            items = self._from_archive(name, BytesIO(data))
        else:
            items = self._from_document(name, data, kind)
        async for item in items:
            yield item

    async def _from_document(self, name: str, data: bytes, kind: Kind) -> AsyncIterator[IntakeItem]:
        if kind is not Kind.PDF:
            yield Accepted(ImageSource(name, data))
            return
        try:
            pages = await self._decoder.pages(ImageSource(name, data))
        except ImageError as error:
            yield Refused(name, error)
            return
        most = self._limits.max_pages
        for page in range(min(pages, most)):
            yield Accepted(ImageSource(_page_label(name, page, pages), data, page))
        if pages > most:
            yield Skipped(name, _pages_left_out(most, pages))

    async def _from_archive(self, name: str, file: BinaryIO) -> AsyncIterator[IntakeItem]:
        entries = read_entries(file, self._limits)
        try:
            while entry := await asyncio.to_thread(next, entries, None):
                async for item in self._from_entry(entry):
                    yield item
        except ImageError as error:
            yield Refused(name, error)

    async def _from_entry(self, entry: Entry) -> AsyncIterator[IntakeItem]:
        match entry.content:
            case Phrase() as why:
                yield Skipped(entry.name, why)
            case ImageError() as error:
                yield Refused(entry.name, error)
            case bytes(data):
                async for item in self._from_bytes(entry.name, data, packed=True):
                    yield item

    async def _from_manifest(self, path: Path) -> AsyncIterator[IntakeItem]:
        try:
            with await asyncio.to_thread(_open_file, path) as file:
                for row in read_manifest(file, path.suffix.lower()):
                    async for item in self._from_row(path, row):
                        yield item
        except (ImageError, ConfigurationError) as error:
            yield Refused(label(path.name), error)

    async def _from_row(self, manifest: Path, row: ManifestRow) -> AsyncIterator[IntakeItem]:
        match row.content:
            case ConfigurationError() as error:
                yield Refused(label(f"{manifest.name}:{row.line}"), error)
            case ManifestItem(source=source, overrides=overrides):
                spec = source if _is_address(source) else manifest.parent / source
                async for item in self._from_one(spec):
                    yield replace(item, overrides=overrides)


def _is_address(spec: str | Path) -> bool:
    return isinstance(spec, str) and spec.lower().startswith(("http://", "https://"))


def _visible_files(folder: Path) -> list[Path]:
    """List a folder's visible files in a stable order; linked folders are not entered."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(parent, name) for name in files if not name.startswith(".")]
    return sorted(found)


def _open_file(path: Path) -> BinaryIO:
    """Open a regular file; pipes and devices never end.

    Raises:
        ImageError: If it is missing or unreadable.
    """
    try:
        if path.is_file():
            return path.open("rb")
    except (OSError, ValueError) as error:
        raise messages.NOT_FOUND.error() from error
    raise messages.NOT_FOUND.error()


def _read_unless_zip(file: BinaryIO, limits: DecodeLimits) -> bytes | None:
    """Return the content of a file that may be in memory as a whole; None for a zip.

    Raises:
        ImageError: If it is nothing that can be read, or too large; it is not read then.
    """
    try:
        size_bytes = file.seek(0, SEEK_END)
        file.seek(0)
        kind = admit(file.read(_HEAD_BYTES), limits, size_bytes)
        file.seek(0)
        return None if kind is Kind.ZIP else file.read(size_bytes)
    except OSError as error:
        raise messages.NOT_FOUND.error() from error


def _page_label(name: str, page: int, pages: int) -> str:
    return name if pages == 1 else f"{name}#page={page + 1}"


def _pages_left_out(taken: int, pages: int) -> Phrase:
    return Phrase(
        "Pages {first} to {last} were left out: at most {limit} pages are taken. Split the PDF.",
        {"first": taken + 1, "last": pages, "limit": taken},
    )
