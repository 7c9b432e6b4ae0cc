"""Tell what a file is by its content; names and declared types are never believed."""

from collections.abc import Callable
from enum import StrEnum
from functools import partial

from core.errors import ImageError
from core.images import messages
from core.images.limits import MIB, DecodeLimits

PDF_MARK = b"%PDF-"
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


class Kind(StrEnum):
    """What is read; the values are shown to people."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WebP"
    GIF = "GIF"
    BMP = "BMP"
    TIFF = "TIFF"
    AVIF = "AVIF"
    HEIC = "HEIC"
    PDF = "PDF"
    ZIP = "zip"


_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"GIF87a", Kind.GIF),
    (b"GIF89a", Kind.GIF),
    (b"II*\0", Kind.TIFF),
    (b"MM\0*", Kind.TIFF),
    (b"II+\0", Kind.TIFF),
    (b"MM\0+", Kind.TIFF),
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),
)
# Known by name only, so that the refusal can say what the file is.
_REFUSED_MAGIC: tuple[tuple[bytes, Callable[[], ImageError]], ...] = (
    (b"\x89PNG", messages.TEXT_MODE.error),
    (b"\tPNG", messages.TEXT_MODE.error),
    (b"%!PS", partial(messages.VECTOR.error, type="EPS/PostScript")),
    (b"\xc5\xd0\xd3\xc6", partial(messages.VECTOR.error, type="EPS/PostScript")),
    (b"\xd7\xcd\xc6\x9a", partial(messages.VECTOR.error, type="WMF")),
    (b"8BPS", partial(messages.OTHER_TYPE.error, type="Photoshop")),
    (b"\0\0\0\x0cjP  ", partial(messages.OTHER_TYPE.error, type="JPEG 2000")),
    (b"\xff\x4f\xff\x51", partial(messages.OTHER_TYPE.error, type="JPEG 2000")),
    (b"\0\0\0\x0cJXL ", partial(messages.OTHER_TYPE.error, type="JPEG XL")),
    (b"\xff\x0a", partial(messages.OTHER_TYPE.error, type="JPEG XL")),
    (b"\0\0\1\0", partial(messages.OTHER_TYPE.error, type="ICO")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", messages.OFFICE.error),
    (b"Rar!", partial(messages.OTHER_TYPE.error, type="RAR")),
    (b"7z\xbc\xaf\x27\x1c", partial(messages.OTHER_TYPE.error, type="7z")),
    (b"\x1f\x8b", partial(messages.OTHER_TYPE.error, type="gzip")),
)


def identify(data: bytes) -> Kind:
    """Return what `data` is.

    Raises:
        ImageError: If it is nothing that can be read; the detail names what it is when known.
    """
    if not data:
        raise messages.EMPTY.error()
    if kind := _picture_or_archive(data):
        return kind
    for magic, refusal in _REFUSED_MAGIC:
        if data.startswith(magic):
            raise refusal()
    if PDF_MARK in data[:1024]:  # readers accept junk before the header, so does the world
        return Kind.PDF
    raise _refused_text(data)


def admit(data: bytes, limits: DecodeLimits, size_bytes: int | None = None) -> Kind:
    """Return what `data` is if it may be read at all.

    Args:
        data: The file, or its first 4096 bytes.
        limits: On its size, by its kind.
        size_bytes: Of the whole file, where `data` is its beginning.

    Raises:
        ImageError: If it is nothing that can be read, or too many bytes of it.
    """
    kind = identify(data)
    allowed = {Kind.PDF: limits.max_document_bytes, Kind.ZIP: limits.max_archive_bytes}.get(
        kind, limits.max_image_bytes
    )
    if (len(data) if size_bytes is None else size_bytes) > allowed:
        raise messages.TOO_LARGE_BYTES.error(limit_mb=allowed // MIB)
    if kind is Kind.ZIP and _is_office(data):
        raise messages.OFFICE.error()
    return kind


def _is_office(data: bytes) -> bool:
    """Say whether a zip is really a document of an office program."""
    return data[30:49] == b"[Content_Types].xml" or data[30:38] == b"mimetype"


def _picture_or_archive(data: bytes) -> Kind | None:
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Kind.WEBP
    if data[:2] == b"BM" and len(data) > 18 and data[14:18] != b"\0\0\0\0":
        return Kind.BMP
    return _iso_media(data)


def _iso_media(data: bytes) -> Kind | None:
    """Read the brands of an ISO media file: AVIF and HEIC share the container."""
    if data[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[start : start + 4] for start in (8, *range(16, end, 4))}
    if brands & _AVIF_BRANDS:
        return Kind.AVIF
    return Kind.HEIC if brands & _HEIC_BRANDS else None


def _refused_text(data: bytes) -> ImageError:
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in start:
        return messages.VECTOR.error(type="SVG")
    if start.startswith((b"<!doctype html", b"<html")):
        return messages.WEB_PAGE.error()
    return messages.NOT_AN_IMAGE.error()
