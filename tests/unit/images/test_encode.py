from io import BytesIO

from drawings import photo_like
from PIL import Image, ImageDraw

from core.images.encode import encode


def test_a_photo_becomes_a_jpeg():
    image = Image.open(BytesIO(photo_like()))
    sent = encode(image.copy())
    assert sent.media_type == "image/jpeg"
    assert Image.open(BytesIO(sent.data)).size == image.size


def test_line_art_stays_exact_as_png():
    image = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(image).text((20, 20), "Total 42.00", fill="black")
    sent = encode(image)
    assert sent.media_type == "image/png"
    assert Image.open(BytesIO(sent.data)).tobytes() == image.tobytes()


def test_metadata_does_not_travel():
    image = Image.new("RGB", (32, 32), "red")
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0)})
    image.info |= {"exif": exif.tobytes(), "comment": b"secret place", "icc_profile": b"profile"}
    for picture in (image, Image.open(BytesIO(photo_like(comment=b"secret place"))).copy()):
        sent = encode(picture)
        reopened = Image.open(BytesIO(sent.data))
        assert not reopened.getexif()
        assert b"secret" not in sent.data
        assert b"Exif" not in sent.data


def test_print_has_ink_and_blank_paper_and_soft_shades_have_none():
    page = Image.new("L", (400, 400), "white")
    for line in range(20, 380, 12):
        ImageDraw.Draw(page).text((10, line), "Total 42.00 of this line of text", fill="black")
    assert encode(page).ink > 0.02
    assert encode(Image.new("RGB", (400, 400), "white")).ink == 0
    assert encode(Image.linear_gradient("L")).ink == 0
