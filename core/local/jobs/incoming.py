"""What comes in over HTTP: bodies with a limit, and uploads that go straight to disk."""

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from core.local.jobs.limits import MAX_FILE_BYTES
from core.local.problems import RequestError, invalid_value
from core.phrases import Phrase

MAX_BODY_BYTES: Final = 64 * 2**20
"""Several pictures of the decoder's largest size would not fit; one does, as base64."""
_MAX_FIELDS: Final = 10
_MAX_FIELD: Final = 1000  # characters
_MAX_NAME: Final = 255


async def read_body(request: Request) -> bytes:
    """Read the body, but never more than is allowed.

    Raises:
        RequestError: 413 for a larger one.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise _too_large(MAX_BODY_BYTES)
    return bytes(body)


@dataclass(slots=True)
class Upload:
    """A form with one file: its other fields, and the name of the file."""

    fields: dict[str, str] = field(default_factory=dict)
    filename: str = ""


async def receive_upload(request: Request, path: Path) -> Upload:
    """Write the file of a multipart form to `path`; it is safe on disk when this returns.

    Raises:
        RequestError: For anything that is no such form, and 413 for a file that is too large.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise invalid_value("file", Phrase("Send the file as multipart/form-data."))
    with path.open("xb") as file:
        form = _Form(file)
        try:
            parser = form.parser(options[b"boundary"])
            async for chunk in request.stream():
                await asyncio.to_thread(parser.write, chunk)
        except FormParserError as error:
            raise _damaged() from error
        if not form.is_complete:
            raise _damaged()
        await asyncio.to_thread(_flush, file)
    return form.upload


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


class _Form:
    """Takes the parts of a form as the parser finds them."""

    def __init__(self, file: BinaryIO) -> None:
        self.upload = Upload()
        self.is_complete = False
        self._file = file
        self._header, self._value = b"", b""
        self._field = ""
        self._is_file = False

    def parser(self, boundary: bytes) -> MultipartParser:
        """Return the parser that calls this."""
        return MultipartParser(
            boundary,
            {
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_part_data": self._on_part_data,
                "on_end": self._on_end,
            },
        )

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            self._field = options.get(b"name", b"").decode("utf-8", "replace")
            self._is_file = self._field == "file"
            if self._is_file:
                name = options.get(b"filename", b"").decode("utf-8", "replace")
                self.upload.filename = name[:_MAX_NAME]
        self._header, self._value = b"", b""

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if not self._is_file:
            text = self.upload.fields.get(self._field, "")
            text += data[start:end].decode("utf-8", "replace")
            if len(text) > _MAX_FIELD or len(self.upload.fields) > _MAX_FIELDS:
                raise _damaged()
            self.upload.fields[self._field] = text
            return
        self._file.write(data[start:end])
        if self._file.tell() > MAX_FILE_BYTES:
            raise _too_large(MAX_FILE_BYTES)

    def _on_end(self) -> None:
        self.is_complete = True


def _too_large(limit_bytes: int) -> RequestError:
    said = Phrase("The request has more than {limit} bytes.", {"limit": limit_bytes})
    return RequestError(413, "request_too_large", said)


def _damaged() -> RequestError:
    return invalid_value("file", Phrase("The form is damaged or cut off."))
