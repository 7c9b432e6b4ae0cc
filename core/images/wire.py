"""What goes through the pipes between the app and a decoder child: frames of JSON and raw bytes.

Never pickle. A hostile file may have taken the child over, so nothing it says is believed: its
sentences must come from the closed sets of core/images/messages.py and its numbers be in range.
"""

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import lru_cache
from string import Formatter
from typing import Any

from core.catalog.rules import ImageRule, rule_from_json, rule_to_json
from core.errors import ImageError
from core.images import messages
from core.images.limits import MIB, DecodeLimits
from core.images.sniff import Kind
from core.phrases import Phrase
from core.types import Detail, PreparedImage

MAX_HEADER_BYTES = MIB
MAX_ANSWER_BYTES = 100 * MIB
SHELF_FROM_BYTES = MIB // 8
"""What is smaller goes through a pipe in a single piece."""
LENGTHS = struct.Struct(">II")
"""The lengths of a frame's JSON header and of the raw bytes after it."""

_WORD = re.compile(r"[\w ./+×-]{0,40}", re.ASCII)
_MAGIC = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}


class UntrustedAnswerError(ValueError):
    """A child said something that no healthy child says."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A header of plain JSON values, and raw bytes."""

    header: Mapping[str, Any]
    data: bytes = field(default=b"", repr=False)

    def pack(self) -> bytes:
        """Return the header with the lengths in front; `data` goes on the wire after it."""
        header = json.dumps(self.header, ensure_ascii=True).encode()
        return LENGTHS.pack(len(header), len(self.data)) + header


class Wish(StrEnum):
    """What a child can be asked for."""

    PREPARE = "prepare"
    PROBE = "probe"
    COUNT_PAGES = "count_pages"


@dataclass(frozen=True, slots=True)
class Job:
    """One wish about one source; `rule` and `detail` say what the model will see of it.

    `max_size` is a further (width, height) in pixels that the result has to fit into.
    """

    wish: Wish
    limits: DecodeLimits
    page: int | None = None
    rule: ImageRule | None = None
    detail: Detail = Detail.AUTO
    max_size: tuple[int, int] | None = None


@lru_cache(maxsize=64)  # pictures of a batch differ in nothing that is said here
def job_to_json(job: Job) -> dict[str, Any]:
    """Return plain JSON values that `job_from_json` reads back; not to be changed."""
    return {**asdict(job), "rule": job.rule and rule_to_json(job.rule)}


def job_from_json(header: Mapping[str, Any]) -> Job:
    """Read a job in the child; it comes from the app and is trusted."""
    return Job(
        wish=Wish(header["wish"]),
        limits=DecodeLimits(**header["limits"]),
        page=header["page"],
        rule=header["rule"] and rule_from_json(header["rule"]),
        detail=Detail(header["detail"]),
        max_size=header["max_size"] and (header["max_size"][0], header["max_size"][1]),
    )


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What a source is, from its header. A PDF page counts as 2048 pixels on its long side.

    `text_layer` is the page's own text, or None where there is none.
    """

    format: str
    width_px: int
    height_px: int
    frames: int = 1
    pages: int = 1
    text_layer: str | None = field(default=None, repr=False)


def prepared_to_frame(image: PreparedImage) -> Frame:
    """Pack a prepared picture in the child."""
    header = {
        "media_type": image.media_type,
        "width_px": image.width_px,
        "height_px": image.height_px,
        "original_format": image.original_format,
        "original_width_px": image.original_width_px,
        "original_height_px": image.original_height_px,
        "notes": [_phrase_to_json(note) for note in image.notes],
        "text_layer": image.text_layer,
        "ink": image.ink,
    }
    return Frame(header, image.data)


def refusal_to_frame(error: ImageError) -> Frame:
    """Pack a refusal in the child."""
    return Frame({"refused": _phrase_to_json(error.detail)})


def info_to_frame(info: ImageInfo) -> Frame:
    """Pack what was found out in the child."""
    return Frame(asdict(info))


def header_from_bytes(raw: bytes) -> Mapping[str, Any]:
    """Read a header that a child sent.

    Raises:
        UntrustedAnswerError: If it is not a JSON object.
        ImageError: If it is the child's refusal.
    """
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UntrustedAnswerError("not JSON") from error
    if not isinstance(header, dict):
        raise UntrustedAnswerError("not an object")
    if "refused" in header:
        phrase = _known_phrase(header["refused"], messages.REFUSALS)
        raise ImageError(messages.REFUSALS[phrase.template].reason, phrase)
    return header


def prepared_from_frame(frame: Frame, limits: DecodeLimits) -> PreparedImage:
    """Check and unpack the picture that a child sent.

    Raises:
        UntrustedAnswerError: If any part of it cannot be true.
    """
    header, side = frame.header, limits.max_side_px
    media_type = header.get("media_type")
    if media_type not in _MAGIC or not frame.data.startswith(_MAGIC[media_type]):
        raise UntrustedAnswerError("not a picture")
    return PreparedImage(
        data=frame.data,
        media_type=media_type,
        width_px=_number(header, "width_px", side),
        height_px=_number(header, "height_px", side),
        original_format=_kind(header, "original_format"),
        original_width_px=_number(header, "original_width_px", side),
        original_height_px=_number(header, "original_height_px", side),
        notes=tuple(_known_phrase(note, messages.NOTES) for note in _notes(header)),
        text_layer=_text_layer(header, limits),
        ink=_share(header, "ink"),
    )


def info_from_frame(frame: Frame, limits: DecodeLimits) -> ImageInfo:
    """Check and unpack what a child found out.

    Raises:
        UntrustedAnswerError: If any part of it cannot be true.
    """
    return ImageInfo(
        format=_kind(frame.header, "format"),
        width_px=_number(frame.header, "width_px", limits.max_side_px),
        height_px=_number(frame.header, "height_px", limits.max_side_px),
        frames=_number(frame.header, "frames", 1 << 32),
        pages=_number(frame.header, "pages", 1 << 32),
        text_layer=_text_layer(frame.header, limits),
    )


def pages_from_frame(frame: Frame, _: DecodeLimits) -> int:
    """Check and return the number of pages that a child counted.

    Raises:
        UntrustedAnswerError: If it cannot be true.
    """
    return _number(frame.header, "pages", 1 << 32)


def _phrase_to_json(phrase: Phrase) -> list[Any]:
    return [phrase.template, dict(phrase.values)]


def _known_phrase(data: Any, known: Mapping[str, object]) -> Phrase:
    """Accept only our own sentences, with nothing but numbers and plain words in their gaps."""
    match data:
        case [str(template), dict(values)] if template in known:
            gaps = {name for _, name, _, _ in Formatter().parse(template) if name}
            if gaps == set(values) and all(map(_is_plain, values.values())):
                return Phrase(template, values)
    raise UntrustedAnswerError("unknown sentence")


def _is_plain(value: Any) -> bool:
    return isinstance(value, int | float) or (
        isinstance(value, str) and _WORD.fullmatch(value) is not None
    )


def _number(header: Mapping[str, Any], name: str, most: int) -> int:
    value = header.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise UntrustedAnswerError(name)
    return value


def _share(header: Mapping[str, Any], name: str) -> float:
    value = header.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise UntrustedAnswerError(name)
    return float(value)


def _kind(header: Mapping[str, Any], name: str) -> str:
    try:
        return Kind(str(header.get(name))).value
    except ValueError as error:
        raise UntrustedAnswerError(name) from error


def _notes(header: Mapping[str, Any]) -> list[Any]:
    notes = header.get("notes")
    if not isinstance(notes, list) or len(notes) > len(messages.NOTES):
        raise UntrustedAnswerError("notes")
    return notes


def _text_layer(header: Mapping[str, Any], limits: DecodeLimits) -> str | None:
    text = header.get("text_layer")
    if text is None or (isinstance(text, str) and len(text) <= limits.max_text_bytes):
        return text
    raise UntrustedAnswerError("text_layer")
