"""Read the structure of picture files without decoding them: sizes, frames, scans, missing ends.

Decoders allocate, seek and loop on what these headers claim, so the claims are looked at first.
Everything here is bounded by the length of the file.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from core.images.sniff import Kind

MAX_COUNTED_FRAMES = 1000

_NEXT_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_JPEG_END, _JPEG_SCAN = 0xD9, 0xDA
_JPEG_BARE = {0x01, 0xD8}  # markers without content
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column, first row, column step, row step of the passes: PNG specification, 8.2.
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def jpeg_scans(data: bytes) -> int:
    """Return how often a JPEG draws over itself; what follows its end is not looked at."""
    scans, progressive, components = 0, False, 0
    for code, at in _jpeg_markers(data):
        if code in _JPEG_FRAMES and at + 8 <= len(data):
            progressive, components = code in _JPEG_PROGRESSIVE, data[at + 7]
        elif code == _JPEG_SCAN:
            scans += 1
            if not progressive and data[at + 2 : at + 3] == bytes([components]):
                break  # everything in one go: decoders stop here, and so can we
    return scans


def webp_canvas(data: bytes) -> tuple[int, int] | None:
    """Return the (width, height) that a WebP claims: its decoder allocates it when it opens."""
    match data[12:16]:
        case b"VP8X":
            return _little(data, 24, 3) + 1, _little(data, 27, 3) + 1
        case b"VP8L":
            bits = _little(data, 21, 4)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
    return None


def is_cut_off(data: bytes, kind: Kind) -> bool:
    """Say whether the end of the file is missing, for the kinds whose beginning can be used."""
    match kind:
        case Kind.JPEG:
            return all(code != _JPEG_END for code, _ in _jpeg_markers(data))
        case Kind.PNG:
            return not any(name == b"IEND" for name, _, _ in _png_chunks(data))
        case Kind.GIF:
            return _count_gif(data).cut_off
    return False


def png_misses_rows(data: bytes) -> bool:
    """Say whether the pixel data of a PNG unpacks to fewer rows than its header promises."""
    expected = _png_expected_bytes(data)
    unpacker, seen = zlib.decompressobj(), 0
    try:
        for name, start, end in _png_chunks(data):
            piece = data[start:end] if name == b"IDAT" else b""
            while piece and seen < expected:
                seen += len(unpacker.decompress(piece, 1 << 20))
                piece = unpacker.unconsumed_tail
    except zlib.error:
        return True
    return seen < expected


def count_frames(data: bytes, kind: Kind) -> int | None:
    """Count the pictures of a GIF or TIFF, at most one beyond MAX_COUNTED_FRAMES.

    None for the other kinds, whose decoders read the number from a header.
    """
    match kind:
        case Kind.GIF:
            return _count_gif(data).frames
        case Kind.TIFF:
            return _count_tiff(data)
    return None


@dataclass(frozen=True, slots=True)
class _GifCount:
    frames: int
    cut_off: bool


def _count_gif(data: bytes) -> _GifCount:
    frames, at = 0, 13 + _gif_table(data, 10)
    while frames <= MAX_COUNTED_FRAMES:
        match data[at : at + 1]:
            case b"\x2c":
                frames += 1
                at = _skip_gif_blocks(data, at + 11 + _gif_table(data, at + 9))
            case b"\x21":
                at = _skip_gif_blocks(data, at + 2)
            case end:
                return _GifCount(frames, cut_off=end == b"")
    return _GifCount(frames, cut_off=False)


def _gif_table(data: bytes, flags_at: int) -> int:
    """Return the length of the colour table that the flags at this place announce."""
    flags = data[flags_at] if flags_at < len(data) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _skip_gif_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += data[at] + 1
    return at + 1


def _count_tiff(data: bytes) -> int:
    """Follow the chain of directories; one that comes back to itself ends there."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    count_form, next_form, entry_bytes = ("Q", "Q", 20) if big else ("H", "I", 12)
    seen: set[int] = set()
    try:
        (at,) = struct.unpack_from(order + next_form, data, 8 if big else 4)
        while at and at not in seen and len(seen) <= MAX_COUNTED_FRAMES:
            (entries,) = struct.unpack_from(order + count_form, data, at)
            seen.add(at)
            after = at + struct.calcsize(count_form) + entries * entry_bytes
            (at,) = struct.unpack_from(order + next_form, data, after)
    except (struct.error, OverflowError):
        pass  # a chain that leaves the file ends where it leaves
    return max(1, len(seen))


def _jpeg_markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield each marker's code and where its content starts, up to the end of the picture."""
    at = 2
    while marker := _NEXT_JPEG_MARKER.search(data, at):
        at = marker.end()
        code = data[at - 1]
        yield code, at
        if code == _JPEG_END:
            return
        if code not in _JPEG_BARE:
            at += int.from_bytes(data[at : at + 2], "big")


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name, start and end of each complete chunk's content."""
    at = 8
    while at + 12 <= len(data):
        start, length = at + 8, int.from_bytes(data[at : at + 4], "big")
        if start + length + 4 > len(data):
            if data[at + 4 : start] == b"IDAT":
                yield b"IDAT", start, len(data)
            return
        yield data[at + 4 : start], start, start + length
        at = start + length + 4


def _png_expected_bytes(data: bytes) -> int:
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    bits = _PNG_CHANNELS.get(colour, 1) * depth
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    sizes = (
        (-(-(width - left) // across), -(-(height - top) // down))
        for left, top, across, down in passes
    )
    return sum(
        rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes if columns > 0 < rows
    )


def _little(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "little")
