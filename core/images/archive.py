"""Read pictures out of a zip file without trusting a number in it and without writing to disk."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import BinaryIO

from core.errors import ImageError
from core.images import messages
from core.images.limits import MIB, DecodeLimits
from core.images.names import label
from core.phrases import Phrase

KNOWN_SUFFIXES = frozenset({".pdf", ".zip", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png"}) | {
    ".apng", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".avif", ".heic", ".heif"
}  # fmt: skip
LEFT_OUT = Phrase("Left out: by its name it is neither a picture nor a PDF.")

_END = struct.Struct("<4s4H2IH")
_END_MARK, _END64_MARK = b"PK\x05\x06", b"PK\x06\x07"
_END64_BYTES = 20
_MAX_COMMENT_BYTES = 65535
_BYTES_PER_ENTRY = 1024  # of the directory, with a generous name
_SMALL_BYTES = MIB  # below this a high ratio harms nobody: a blank page is one
_PIECE_BYTES = 256 * 1024
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive: its label and its bytes, why it is refused, or why it is left out."""

    name: str
    content: bytes | ImageError | Phrase = field(repr=False)


def read_entries(file: BinaryIO, limits: DecodeLimits) -> Iterator[Entry]:
    """Yield the entries in the archive's order; bytes count when they are read.

    Raises:
        ImageError: If the archive as a whole is refused.
    """
    _check_directory(file, limits)
    total = 0
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
            if len(infos) > limits.max_archive_entries:
                raise messages.ARCHIVE_ENTRIES.error(limit=limits.max_archive_entries)
            for info in infos:
                if info.is_dir():
                    continue
                entry = _read_entry(archive, info, limits)
                total += len(entry.content) if isinstance(entry.content, bytes) else 0
                if total > limits.max_archive_bytes:
                    raise messages.ARCHIVE_TOTAL.error(limit_mb=limits.max_archive_bytes // MIB)
                yield entry
    except _BROKEN as error:
        raise messages.BAD_ARCHIVE.error() from error


def looks_known(name: str) -> bool:
    """Say whether a file's name promises something that can be read; content decides later."""
    path = PurePosixPath(name.replace("\\", "/"))
    hidden = any(part.startswith(".") and part.strip(".") for part in path.parts)
    return path.suffix.lower() in KNOWN_SUFFIXES and not hidden and "__MACOSX" not in path.parts


def _check_directory(file: BinaryIO, limits: DecodeLimits) -> None:
    """Refuse a directory of absurd size before the library builds an object for each entry."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _MAX_COMMENT_BYTES - _END.size - _END64_BYTES))
    tail = file.read()
    at = tail.rfind(_END_MARK)
    if at < 0 or len(tail) < at + _END.size:
        raise messages.BAD_ARCHIVE.error()
    directory_bytes = _END.unpack_from(tail, at)[5]
    if directory_bytes > limits.max_archive_entries * _BYTES_PER_ENTRY:
        raise messages.ARCHIVE_ENTRIES.error(limit=limits.max_archive_entries)
    if tail[max(0, at - _END64_BYTES) : at].startswith(_END64_MARK):  # it would overrule the sizes
        raise messages.BAD_ARCHIVE.error()


def _read_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: DecodeLimits) -> Entry:
    name = label(info.filename)
    if not looks_known(info.filename) or stat.S_ISLNK(info.external_attr >> 16):
        return Entry(name, LEFT_OUT)
    if info.flag_bits & 1:
        return Entry(name, messages.LOCKED_ARCHIVE.error())
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return Entry(name, messages.BAD_ARCHIVE.error())  # others take memory as the file says
    try:
        return Entry(name, _unpack(archive, info, limits))
    except ImageError as error:
        return Entry(name, error)
    except _BROKEN:
        return Entry(name, messages.BAD_ARCHIVE.error())


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: DecodeLimits) -> bytes:
    content = bytearray()
    allowed = max(_SMALL_BYTES, info.compress_size * limits.max_archive_ratio)
    with archive.open(info) as packed:
        while piece := packed.read(_PIECE_BYTES):
            content += piece
            if len(content) > limits.max_image_bytes:
                raise messages.TOO_LARGE_BYTES.error(limit_mb=limits.max_image_bytes // MIB)
            if len(content) > allowed:
                raise messages.ARCHIVE_RATIO.error(limit=limits.max_archive_ratio)
    return bytes(content)
