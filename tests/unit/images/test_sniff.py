import io
import zipfile

import pytest
from drawings import pdf, plain

from core.errors import ImageError, ImageRefusal
from core.images.limits import DecodeLimits
from core.images.sniff import Kind, admit, identify


@pytest.mark.parametrize(
    ("kind", "format_"),
    [
        (Kind.JPEG, "JPEG"),
        (Kind.PNG, "PNG"),
        (Kind.WEBP, "WEBP"),
        (Kind.GIF, "GIF"),
        (Kind.BMP, "BMP"),
        (Kind.TIFF, "TIFF"),
        (Kind.AVIF, "AVIF"),
    ],
)
def test_content_decides_the_kind(kind, format_):
    assert identify(plain(format_=format_)) is kind


def test_heic_is_told_from_avif_by_its_brands():
    assert identify(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic") is Kind.HEIC
    assert identify(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif") is Kind.AVIF


def test_a_pdf_may_have_junk_before_its_header():
    assert identify(b"\r\n junk " + pdf()) is Kind.PDF


@pytest.mark.parametrize(
    ("data", "reason", "word"),
    [
        (b"", ImageRefusal.EMPTY, "empty"),
        (b"hello there, I am text", ImageRefusal.NOT_AN_IMAGE, "JPEG"),
        (b"<!DOCTYPE html><p>hi", ImageRefusal.NOT_AN_IMAGE, "web page"),
        (b'<?xml version="1.0"?><svg/>', ImageRefusal.UNSUPPORTED_TYPE, "SVG"),
        (b"%!PS-Adobe-3.0 EPSF", ImageRefusal.UNSUPPORTED_TYPE, "EPS"),
        (b"8BPS\0\1", ImageRefusal.UNSUPPORTED_TYPE, "Photoshop"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", ImageRefusal.UNSUPPORTED_TYPE, "JPEG 2000"),
        (b"\xff\x4f\xff\x51", ImageRefusal.UNSUPPORTED_TYPE, "JPEG 2000"),
        (b"\0\0\1\0\1\0", ImageRefusal.UNSUPPORTED_TYPE, "ICO"),
        (b"\xd7\xcd\xc6\x9a", ImageRefusal.UNSUPPORTED_TYPE, "WMF"),
        (b"\x89PNG\n\x1a\n\0\0", ImageRefusal.DAMAGED, "copied as text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ImageRefusal.UNSUPPORTED_TYPE, "PDF"),
    ],
)
def test_what_is_refused_is_named_with_what_to_do(data, reason, word):
    with pytest.raises(ImageError) as refused:
        identify(data)
    assert refused.value.reason is reason
    assert word in str(refused.value)


def test_an_office_document_is_not_taken_for_a_zip_of_pictures():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as document:
        document.writestr("[Content_Types].xml", "<Types/>")
    with pytest.raises(ImageError, match="Office"):
        admit(out.getvalue(), DecodeLimits())


@pytest.mark.parametrize("make", [plain, pdf])
def test_bytes_are_capped_on_both_sides_of_the_limit(make):
    data = make()
    exact = DecodeLimits(max_image_bytes=len(data), max_document_bytes=len(data))
    admit(data, exact)
    with pytest.raises(ImageError) as refused:
        admit(data + b"\0", exact)
    assert refused.value.reason is ImageRefusal.TOO_LARGE_BYTES
