import pytest
from drawings import pdf, pdf_of

from core.errors import ImageError, ImageRefusal
from core.images import document, messages
from core.images.limits import DecodeLimits
from core.tokens import Size

LIMITS = DecodeLimits()


def keep(size):
    return size


def test_a_page_is_drawn_on_white_with_its_text():
    page = document.read_page(pdf(), 0, LIMITS, keep)
    assert page.raster.image.mode == "RGB"
    assert page.raster.image.size == (2048, 1024)
    assert page.raster.image.getpixel((5, 5)) == (255, 255, 255)
    assert page.raster.image.convert("L").getextrema()[0] < 50
    assert page.text == "Total 42.00"
    assert messages.PAGE_TEXT.phrase(count=11) in page.raster.notes


def test_a_page_is_drawn_at_the_wanted_size():
    page = document.read_page(pdf(), 0, LIMITS, lambda _: Size(512, 256))
    assert page.raster.image.size == (512, 256)
    assert page.raster.original == Size(2048, 1024)


def test_pages_are_counted_and_named():
    data = pdf(pages=3)
    assert document.count_pages(data) == 3
    notes = document.read_page(data, 2, LIMITS, keep).raster.notes
    assert notes[0] == messages.PAGE.phrase(page=3, total=3)


@pytest.mark.parametrize(
    ("data", "page", "reason"),
    [
        (b"%PDF-1.7 and nothing more", 0, ImageRefusal.DAMAGED),
        (pdf(), 1, ImageRefusal.NOT_FOUND),
        (pdf(pages=4), 3, ImageRefusal.TOO_MANY_PAGES),
        (pdf(size_pt=(1, 10_000)), 0, ImageRefusal.TOO_SMALL),
    ],
)
def test_what_cannot_be_drawn_is_refused(data, page, reason):
    with pytest.raises(ImageError) as refused:
        document.read_page(data, page, DecodeLimits(max_pages=3), keep)
    assert refused.value.reason is reason


def test_a_password_is_asked_for():
    lock = b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (b"41" * 32, b"42" * 32)
    data = pdf_of([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] >>", lock])
    trailer = b"/Root 1 0 R /Encrypt 3 0 R /ID [<00><00>]"
    with pytest.raises(ImageError) as refused:
        document.count_pages(data.replace(b"/Root 1 0 R", trailer))
    assert refused.value.reason is ImageRefusal.PASSWORD


@pytest.mark.parametrize("text", ["", "   ", r"\001\002\003\004\005\006"])
def test_an_empty_or_unreadable_text_layer_is_none(text):
    page = document.read_page(pdf(text=text), 0, LIMITS, keep)
    assert page.text is None
    assert messages.PAGE_TEXT.template not in {note.template for note in page.raster.notes}


def test_the_text_layer_is_capped():
    page = document.read_page(pdf(text="ab " * 100), 0, DecodeLimits(max_text_bytes=10), keep)
    assert page.text is not None
    assert len(page.text) <= 10


def test_a_page_of_seventy_metres_is_drawn_small():
    page = document.read_page(pdf(size_pt=(200_000, 200_000)), 0, LIMITS, keep)
    assert page.raster.image.size == (2048, 2048)
