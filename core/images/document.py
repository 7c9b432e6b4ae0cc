"""Draw and read one page of a PDF with pdfium. Runs in the child only: pdfium aborts when short."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image

from core.images import messages
from core.images.limits import DecodeLimits
from core.images.raster import ChooseSize, Raster, check_size
from core.images.sniff import PDF_MARK
from core.phrases import Phrase
from core.tokens import Size

PAGE_LONG_SIDE_PX = 2048
"""A page has no pixels of its own; this is the size it counts as. Never a fixed resolution: a
314-byte file can claim a page of 70 m."""

_READABLE_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class PageRaster:
    """A drawn page and the text that the file itself gives for it, or None."""

    raster: Raster
    text: str | None


@dataclass(frozen=True, slots=True)
class PageLook:
    """The size in pixels that a page counts as, its text or None, and the pages of its file."""

    size: Size
    text: str | None
    pages: int


def count_pages(data: bytes) -> int:
    """Return the number of pages.

    Raises:
        ImageError: If the file needs a password or is damaged.
    """
    with _document(data) as document:
        return len(document)


def look_at_page(data: bytes, page: int, limits: DecodeLimits) -> PageLook:
    """Return what is known of a page (counted from 0) that is not drawn.

    Raises:
        ImageError: If there is no such page or it has no usable size.
    """
    with _document(data) as document, _page(document, page, limits) as found:
        size = _natural_size(found, page, limits)
        return PageLook(size, _text(found, limits.max_text_bytes), len(document))


def read_page(data: bytes, page: int, limits: DecodeLimits, choose: ChooseSize) -> PageRaster:
    """Draw a page (counted from 0) on white and read its text.

    Raises:
        ImageError: If there is no such page or it cannot be drawn.
    """
    with _document(data) as document:
        if document.get_formtype() != pdfium_c.FORMTYPE_NONE:
            document.init_forms()  # what people filled in is drawn only with this
        with _page(document, page, limits) as found:
            original = _natural_size(found, page, limits)
            target = choose(original)
            notes = list[Phrase]()
            if len(document) > 1:
                notes.append(messages.PAGE.phrase(page=page + 1, total=len(document)))
            notes.append(messages.DRAWN.phrase(px=f"{target.width_px}×{target.height_px}"))
            text = _text(found, limits.max_text_bytes)
            if text is not None:
                notes.append(messages.PAGE_TEXT.phrase(count=len(text)))
            return PageRaster(Raster(_draw(found, page, target), original, tuple(notes)), text)


@contextmanager
def _document(data: bytes) -> Iterator[pdfium.PdfDocument]:
    try:
        document = pdfium.PdfDocument(data[data.find(PDF_MARK) :])
    except pdfium.PdfiumError as error:
        if error.err_code == pdfium_c.FPDF_ERR_PASSWORD:
            raise messages.PASSWORD.error() from error
        raise messages.DAMAGED.error(type="PDF") from error
    with closing(document):
        if len(document) < 1:
            raise messages.NO_PICTURE.error(type="PDF")
        yield document


@contextmanager
def _page(
    document: pdfium.PdfDocument, page: int, limits: DecodeLimits
) -> Iterator[pdfium.PdfPage]:
    if page >= len(document):
        raise messages.NO_SUCH_PAGE.error(page=page + 1, total=len(document))
    if page >= limits.max_pages:
        raise messages.TOO_MANY_PAGES.error(page=page + 1, limit=limits.max_pages)
    try:
        found = document[page]
    except pdfium.PdfiumError as error:
        raise messages.UNDRAWABLE_PAGE.error(page=page + 1) from error
    with closing(found):
        yield found


def _natural_size(found: pdfium.PdfPage, page: int, limits: DecodeLimits) -> Size:
    width, height = found.get_size()
    longest = max(width, height)
    if not (width > 0 and height > 0 and longest < float("inf")):
        raise messages.UNDRAWABLE_PAGE.error(page=page + 1)
    size = Size(
        max(1, round(width / longest * PAGE_LONG_SIDE_PX)),
        max(1, round(height / longest * PAGE_LONG_SIDE_PX)),
    )
    check_size(size, limits)
    return size


def _draw(found: pdfium.PdfPage, page: int, target: Size) -> Image.Image:
    scale = max(target.width_px / found.get_width(), target.height_px / found.get_height())
    try:
        with closing(found.render(scale=scale, rev_byteorder=True)) as bitmap:
            picture: Image.Image = bitmap.to_pil().convert("RGB")
    except pdfium.PdfiumError as error:
        raise messages.UNDRAWABLE_PAGE.error(page=page + 1) from error
    if picture.size == (target.width_px, target.height_px):
        return picture
    return picture.resize((target.width_px, target.height_px), Image.Resampling.LANCZOS)


def _text(found: pdfium.PdfPage, max_bytes: int) -> str | None:
    """Return the text of the page, or None where it is missing or unreadable."""
    try:
        with closing(found.get_textpage()) as layer:
            text = layer.get_text_range(count=min(layer.count_chars(), max_bytes))
    except pdfium.PdfiumError:
        return None  # the picture of the page is still good
    text = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n")).strip()
    text = text.encode("utf-8", "ignore")[:max_bytes].decode("utf-8", "ignore")
    return text if _is_readable(text) else None


def _is_readable(text: str) -> bool:
    """Say whether most characters mean something: fonts without a code table give garbage."""
    signs = [char for char in text if not char.isspace()]
    good = sum(char.isprintable() and char != "\ufffd" for char in signs)
    return bool(signs) and good >= _READABLE_SHARE * len(signs)
