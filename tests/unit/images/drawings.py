"""Pictures and documents that the tests draw themselves."""

from io import BytesIO

from PIL import Image

from core.catalog.rules import PixelsRule

WHOLE = PixelsRule(max_side_px=20_000)
"""A model that sees every pixel: nothing is resized."""


def encoded(image, format_, **options):
    out = BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def decoded(prepared):
    return Image.open(BytesIO(prepared.data)).copy()


def plain(size=(40, 24), colour="red", format_="PNG", **options):
    return encoded(Image.new("RGB", size, colour), format_, **options)


def photo_like(size=(400, 300), format_="JPEG", **options):
    noise = Image.effect_noise(size, 60)
    gradient = Image.linear_gradient("L").resize(size)
    return encoded(Image.merge("RGB", (noise, gradient, noise)), format_, **options)


def quadrants(size=(64, 48)):
    """Red, green / blue, white: which corner is where shows each of the eight orientations."""
    image = Image.new("RGB", size, "white")
    half = (size[0] // 2, size[1] // 2)
    image.paste("red", (0, 0, *half))
    image.paste("lime", (half[0], 0, size[0], half[1]))
    image.paste("blue", (0, half[1], half[0], size[1]))
    return image


def pdf(pages=1, *, size_pt=(200, 100), text="Total 42.00", count=None):
    """A small PDF with a line of Helvetica on each page."""
    width, height = size_pt
    content = f"BT /F1 18 Tf 20 40 Td ({text}) Tj ET".encode()
    first = 5
    kids = " ".join(f"{first + page} 0 R" for page in range(pages))
    media = f"/MediaBox [0 0 {width} {height}]"
    fonts = "/Resources << /Font << /F1 3 0 R >> >>"
    page = f"<< /Type /Page /Parent 2 0 R {media} /Contents 4 0 R {fonts} >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count or pages} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        *[page.encode()] * pages,
    ]
    return pdf_of(objects)


def pdf_of(objects):
    """Number the objects, the first being the catalogue, and add the table that finds them."""
    body, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    body += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    body += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n" % (len(objects) + 1)
    return bytes(body) + b"%d\n%%%%EOF\n" % body.rfind(b"xref\n0")
