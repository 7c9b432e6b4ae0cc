"""Golden pixels: the model must see what the person sees."""

import struct
import zlib

import pytest
from drawings import encoded, photo_like, plain, quadrants
from PIL import Image, ImageCms

from core.errors import ImageError, ImageRefusal
from core.images import messages
from core.images.limits import DecodeLimits
from core.images.raster import read_info, read_raster
from core.images.sniff import Kind, identify
from core.tokens import Size

LIMITS = DecodeLimits()
CORNERS = ((8, 8), (-9, 8), (8, -9), (-9, -9))


def read(data, target=None):
    return read_raster(data, identify(data), LIMITS, lambda size: target or size)


def templates(raster):
    return {note.template for note in raster.notes}


def corner_colours(image):
    width, height = image.size
    return [image.getpixel((x % width, y % height)) for x, y in CORNERS]


def png_chunk(name, content):
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check


def png(width, height, depth, colour, rows, *extra):
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", head), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


# How a camera stored the upright picture under each orientation tag.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("tag", range(1, 9))
def test_every_orientation_ends_upright(tag, format_):
    upright = quadrants()
    stored = upright.transpose(STORED[tag]) if STORED[tag] is not None else upright
    exif = Image.Exif()
    exif[0x0112] = tag
    options = {"lossless": True} if format_ == "WEBP" else {}
    data = encoded(stored, format_, exif=exif, **options)
    raster = read(data)
    assert raster.original == Size(64, 48)
    assert corner_colours(raster.image) == corner_colours(upright)
    assert read_info(data, identify(data), LIMITS).size == Size(64, 48)


@pytest.mark.parametrize("tag", range(1, 9))
def test_a_reduced_photo_is_turned_too(tag):
    upright = quadrants((640, 480))
    stored = upright.transpose(STORED[tag]) if STORED[tag] is not None else upright
    exif = Image.Exif()
    exif[0x0112] = tag
    raster = read(encoded(stored, "JPEG", exif=exif, quality=95), Size(64, 48))
    assert raster.image.size == (64, 48)
    seen_corners = corner_colours(raster.image.convert("RGB"))
    for seen, meant in zip(seen_corners, corner_colours(quadrants()), strict=True):
        assert max(abs(a - b) for a, b in zip(seen, meant, strict=True)) < 12
    assert (messages.TURNED.template in templates(raster)) == (tag > 1)
    assert messages.RESIZED.template in templates(raster)


HIDDEN_RED = (255, 0, 0, 0)


def red_palette():
    image = Image.new("P", (16, 16), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    return image


@pytest.mark.parametrize(
    "data",
    [
        encoded(Image.new("RGBA", (16, 16), HIDDEN_RED), "PNG"),
        encoded(Image.new("LA", (16, 16), (0, 0)), "PNG"),
        encoded(Image.new("RGBA", (16, 16), HIDDEN_RED), "WEBP", lossless=True, exact=True),
        encoded(red_palette(), "PNG", transparency=1),
        encoded(red_palette(), "GIF", transparency=1),
        encoded(Image.new("L", (16, 16), 7), "PNG", transparency=7),
        encoded(Image.new("RGB", (16, 16), "red"), "PNG", transparency=(255, 0, 0)),
        encoded(Image.new("1", (16, 16), 0), "PNG", transparency=0),
        png(16, 16, 16, 0, (b"\0" + b"\x9c\x40" * 16) * 16, (b"tRNS", b"\x9c\x40")),
    ],
    ids=["RGBA", "LA", "WebP", "P", "GIF", "L+tRNS", "RGB+tRNS", "1+tRNS", "16-bit+tRNS"],
)  # fmt: skip
def test_hidden_colours_stay_hidden(data):
    raster = read(data)
    assert raster.image.convert("RGB").getcolors() == [(256, (255, 255, 255))]
    assert messages.FLATTENED.template in templates(raster)


def test_half_transparent_black_becomes_grey():
    raster = read(encoded(Image.new("RGBA", (16, 16), (0, 0, 0, 128)), "PNG"))
    assert raster.image.getpixel((3, 3)) == (127, 127, 127)


def test_premultiplied_grey_is_read():
    image = Image.new("LA", (16, 16), (200, 255)).convert("La")
    tiff = encoded(image.convert("LA"), "TIFF", tiffinfo={338: 1})
    assert read(tiff).image.mode == "L"


def test_an_opaque_alpha_channel_is_not_worth_a_note():
    assert read(encoded(Image.new("RGBA", (16, 16), "red"), "PNG")).notes == ()


@pytest.mark.parametrize(("value", "seen"), [(0, 0), (300, 1), (40_000, 155), (65_535, 255)])
def test_sixteen_bit_png_is_scaled_not_clipped(value, seen):
    raster = read(encoded(Image.new("I;16", (16, 16), value), "PNG"))
    assert abs(raster.image.getpixel((0, 0)) - seen) <= 1
    assert messages.RANGE.template in templates(raster)


def two_values(mode, low, high):
    image = Image.new(mode, (16, 16), low)
    image.paste(high, (0, 0, 8, 16))
    return encoded(image, "TIFF")


@pytest.mark.parametrize(
    ("mode", "low", "high", "seen"),
    [
        ("I;16", 0, 4095, (255, 0)),
        ("I;16B", 0, 65_535, (255, 0)),
        ("I", -1000, 1000, (255, 0)),
        ("I", 0, 255, (255, 0)),
        ("F", 0.0, 1.0, (255, 0)),
        ("F", -5.0, 15.0, (255, 0)),
        ("F", 0.0, 255.0, (255, 0)),
        ("F", float("nan"), 1.0, (255, None)),
    ],
)
def test_deep_grey_uses_the_range_that_fits(mode, low, high, seen):
    image = read(two_values(mode, low, high)).image
    assert image.mode == "L"
    assert abs(image.getpixel((0, 0)) - seen[0]) <= 1
    assert seen[1] is None or abs(image.getpixel((15, 0)) - seen[1]) <= 1


@pytest.mark.parametrize(
    ("ink", "seen"),
    [((0, 0, 0, 0), (255, 255, 255)), ((0, 255, 255, 0), (255, 0, 0)), ((0, 0, 0, 255), (0, 0, 0))],
)
@pytest.mark.parametrize("format_", ["JPEG", "TIFF"])
def test_printing_inks_become_screen_colours(ink, seen, format_):
    pixel = read(encoded(Image.new("CMYK", (16, 16), ink), format_)).image.getpixel((4, 4))
    assert max(abs(a - b) for a, b in zip(pixel, seen, strict=True)) <= 3


def test_an_embedded_profile_is_applied_and_a_broken_one_ignored():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    broken = read(plain(icc_profile=b"not a profile"))
    assert broken.image.getpixel((0, 0)) == (255, 0, 0)
    assert broken.notes == ()
    assert read(plain(icc_profile=lab)).image.mode == "RGB"


def test_grey_stays_grey():
    assert read(encoded(Image.new("L", (16, 16), 9), "JPEG")).image.mode == "L"


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP", "TIFF", "AVIF", "MPO"])
def test_the_first_of_several_pictures_is_used_and_said(format_):
    first, *rest = (Image.effect_noise((48, 32), 60).convert("RGB") for _ in range(3))
    data = encoded(first, format_, save_all=True, append_images=rest)
    raster = read(data)
    assert messages.FRAME.phrase(total=3) in raster.notes


@pytest.mark.parametrize(("format_", "keep"), [("JPEG", 0.6), ("PNG", 0.6), ("GIF", 0.6)])
def test_a_cut_file_is_used_with_a_note(format_, keep):
    data = photo_like((200, 200), format_)
    raster = read(data[: int(len(data) * keep)])
    assert messages.CUT_OFF.template in templates(raster)


def test_a_png_with_rows_missing_is_not_passed_off_as_whole():
    row = b"\0" + b"\x80" * 3 * 50
    partial, whole = (png(50, 100, 8, 2, row * rows) for rows in (10, 100))
    assert messages.CUT_OFF.template in templates(read(partial))
    assert read(whole).notes == ()


def test_a_black_last_row_is_not_a_missing_one():
    assert read(plain(colour="black")).notes == ()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xd8\xff\xe0junk", ImageRefusal.DAMAGED),
        (photo_like()[:300], ImageRefusal.DAMAGED),
        (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IEND", b""), ImageRefusal.DAMAGED),
        (b"GIF89a\0", ImageRefusal.DAMAGED),
        (b"II*\0\xff\xff\xff\x7f", ImageRefusal.DAMAGED),
        (plain((7, 40)), ImageRefusal.TOO_SMALL),
        (plain((20_001, 8), format_="PNG"), ImageRefusal.TOO_MANY_PIXELS),
    ],
    ids=["jpeg", "jpeg head", "png", "gif", "tiff", "too small", "too wide"],
)
def test_what_cannot_be_used_is_refused(data, reason):
    with pytest.raises(ImageError) as refused:
        read(data)
    assert refused.value.reason is reason


@pytest.mark.parametrize("size", [(8, 8), (8, 20_000)])
def test_sizes_on_the_right_side_of_the_limits_pass(size):
    assert read(plain(size)).image.size == size


def test_too_many_pixels_are_named_in_megapixels():
    head = struct.pack(">IIBBBBB", 10_000, 5_001, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", b"") * 2
    with pytest.raises(ImageError, match=r"50\.0 megapixels"):
        read(data)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow mentions it; the child keeps quiet
def test_broken_metadata_does_not_cost_the_picture():
    raster = read(plain(format_="JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"))
    assert raster.image.size == (40, 24)


def test_a_heic_photo_without_the_extra_names_the_command(monkeypatch):
    monkeypatch.setattr("core.images.raster.find_spec", lambda name: None)
    with pytest.raises(ImageError, match=r"pip install -r requirements-heic\.txt") as refused:
        read(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert refused.value.reason is ImageRefusal.UNSUPPORTED_TYPE


def test_a_heic_photo_is_read_with_the_extra():
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    data = encoded(quadrants(), "HEIF", quality=95)
    assert identify(data) is Kind.HEIC
    raster = read(data)
    assert raster.original == Size(64, 48)
    assert raster.image.getpixel((4, 4))[0] > 200


def without_jfif(data):
    """Drop the JFIF segment, as cameras do."""
    assert data[2:4] == b"\xff\xe0"
    return data[:2] + data[4 + int.from_bytes(data[4:6], "big") :]


@pytest.mark.parametrize(
    "data",
    [
        encoded(quadrants((640, 480)), "JPEG", quality=95, keep_rgb=True),
        without_jfif(encoded(quadrants((640, 480)), "JPEG", quality=95)),
        encoded(quadrants((640, 480)).convert("CMYK"), "JPEG", quality=95),
    ],
    ids=["stored as RGB", "no JFIF", "CMYK"],
)
def test_colours_survive_the_fast_way(data):
    image = read(data, Size(64, 48)).image.convert("RGB")
    for seen, meant in zip(corner_colours(image), corner_colours(quadrants()), strict=True):
        assert max(abs(a - b) for a, b in zip(seen, meant, strict=True)) < 12


def test_a_reduced_photo_with_a_profile_is_converted():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = photo_like((400, 300), icc_profile=profile.replace(b"sRGB", b"tRGB"))
    raster = read(data, Size(100, 75))
    assert raster.image.mode == "RGB"
    assert messages.COLOURS.phrase() in raster.notes
