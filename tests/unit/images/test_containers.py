import struct

import pytest
from drawings import encoded, photo_like, plain
from PIL import Image

from core.images import containers
from core.images.sniff import Kind


def frames(count, format_):
    first, *rest = [Image.new("L", (16, 16), value * 20) for value in range(count)]
    return encoded(first, format_, save_all=True, append_images=rest)


@pytest.mark.parametrize(("progressive", "scans"), [(False, 1), (True, 10)])
def test_scans_of_a_jpeg_are_counted(progressive, scans):
    assert containers.jpeg_scans(photo_like(progressive=progressive)) == scans


def test_what_follows_a_jpeg_is_not_counted_as_scans():
    data = photo_like(progressive=True) + b"\xff\xda" * 500
    assert containers.jpeg_scans(data) == 10


@pytest.mark.parametrize("lossless", [False, True])
def test_the_canvas_of_a_webp_is_read_from_its_header(lossless):
    assert containers.webp_canvas(plain((50, 31), format_="WEBP", lossless=lossless)) == (50, 31)


def test_the_canvas_of_an_animated_webp_is_read_from_its_header():
    assert containers.webp_canvas(frames(3, "WEBP")) == (16, 16)


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize(("format_", "kind"), [("GIF", Kind.GIF), ("TIFF", Kind.TIFF)])
def test_frames_are_counted_without_decoding(format_, kind, count):
    assert containers.count_frames(frames(count, format_), kind) == count


def test_a_directory_that_leads_back_to_itself_ends():
    data = bytearray(b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 0) + struct.pack("<I", 8))
    assert containers.count_frames(bytes(data), Kind.TIFF) == 1


def test_counting_stops_one_beyond_the_limit():
    head = b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0, 0, 0)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 8, 8, 0) + b"\x02\x00"
    counted = containers.count_frames(head + frame * 5000 + b";", Kind.GIF)
    assert counted == containers.MAX_COUNTED_FRAMES + 1


@pytest.mark.parametrize(
    ("format_", "kind"), [("JPEG", Kind.JPEG), ("PNG", Kind.PNG), ("GIF", Kind.GIF)]
)
def test_a_missing_end_is_seen(format_, kind):
    data = photo_like(format_=format_)
    assert not containers.is_cut_off(data, kind)
    assert containers.is_cut_off(data[: len(data) // 2], kind)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16"])
def test_a_complete_png_misses_no_rows(mode):
    assert not containers.png_misses_rows(encoded(Image.new(mode, (33, 17)), "PNG"))
