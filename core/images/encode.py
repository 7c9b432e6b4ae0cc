"""Write a picture afresh: nothing of the original file but its pixels goes out."""

from dataclasses import dataclass, field
from io import BytesIO

from PIL import Image, ImageChops

JPEG_QUALITY = 85
_FLAT_SHARE = 0.5
"""Line art and text have more than this share of pixels equal to their neighbour, photos less."""
_STROKE_STEP = 64
"""A step of grey values, of 255, that the edge of a printed letter passes and a soft shade not."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """The bytes of a JPEG or PNG, and the ink on it (as in `PreparedImage`)."""

    data: bytes = field(repr=False)
    media_type: str
    ink: float


def encode(image: Image.Image) -> Encoded:
    """Encode as JPEG, or as PNG where the picture is line art or text and PNG is smaller.

    Args:
        image: Mode L, RGB or YCbCr.
    """
    image.info.clear()  # the encoders would copy comments and profiles from here
    jpeg = _bytes(image, "JPEG", quality=JPEG_QUALITY)
    equal, ink = _neighbours(image)
    if equal > _FLAT_SHARE:
        png = _bytes(image.convert("RGB") if image.mode == "YCbCr" else image, "PNG")
        if len(png) < len(jpeg):
            return Encoded(png, "image/png", ink)
    return Encoded(jpeg, "image/jpeg", ink)


def _bytes(image: Image.Image, format_: str, **options: int) -> bytes:
    out = BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def _neighbours(image: Image.Image) -> tuple[float, float]:
    """Return the shares of pixels that equal, and that differ strongly from, the one beside."""
    grey = image.convert("L")
    width, height = grey.size
    left, right = grey.crop((0, 0, width - 1, height)), grey.crop((1, 0, width, height))
    steps = ImageChops.difference(left, right).histogram()
    pairs = max(1, (width - 1) * height)
    return steps[0] / pairs, sum(steps[_STROKE_STEP:]) / pairs
