"""Files made to harm: each ends in a code or a harmless picture, and the pool lives on."""

import io
from pathlib import Path

import hostile_files as hostile
import pytest
from PIL import Image

from core.catalog.rules import PixelsRule, TileRule
from core.errors import ImageError, ImageRefusal
from core.images.decoder import Decoder
from core.images.intake import Accepted, Intake, Refused, Skipped
from core.images.limits import MIB, DecodeLimits
from core.types import Detail, ImageSource, PreparedImage

GPT_4O = TileRule(85, 170)
EVERY_PIXEL = PixelsRule(max_side_px=20_000)
PLAIN = hostile.encoded(Image.new("RGB", (40, 24), "red"), "PNG")
BAD_HARD = Path(__file__).resolve().parents[3] / "shared" / "data" / "images" / "bad_hard"


@pytest.fixture(scope="module")
def limits():
    """The real ones, but for the time: a trap of ten seconds is one of two."""
    return DecodeLimits(max_cpu_s=2)


@pytest.fixture
async def decoder(limits):
    pool = Decoder(workers=1, limits=limits)
    yield pool
    assert await pool.prepare(ImageSource("plain", PLAIN), GPT_4O, Detail.HIGH), "pool is dead"
    await pool.close()


async def outcome(decoder, data, rule=GPT_4O):
    """Return the picture or the reason why there is none."""
    try:
        return await decoder.prepare(ImageSource("hostile", data), rule, Detail.HIGH)
    except ImageError as error:
        return error.reason


@pytest.mark.parametrize("make", hostile.FLOODS.values(), ids=hostile.FLOODS)
async def test_a_flood_of_pixels_is_refused_by_its_claim(decoder, make):
    data = make()
    assert await outcome(decoder, data) is ImageRefusal.TOO_MANY_PIXELS
    with pytest.raises(ImageError):
        await decoder.probe(ImageSource("flood", data))


@pytest.mark.parametrize("make", hostile.TRAPS.values(), ids=hostile.TRAPS)
async def test_a_trap_ends_in_a_code(decoder, make):
    found = await outcome(decoder, make())
    assert isinstance(found, PreparedImage | ImageRefusal)


@pytest.mark.parametrize("scans", [80, 400])
async def test_a_jpeg_that_redraws_itself_is_bounded(decoder, scans):
    found = await outcome(decoder, hostile.many_scans(scans))
    if scans == 400:
        assert found is ImageRefusal.TOO_SLOW
    else:
        assert isinstance(found, PreparedImage)


async def test_processor_time_is_bounded_behind_every_check():
    pool = Decoder(workers=1, limits=DecodeLimits(max_cpu_s=1, max_jpeg_scans=10**6))
    data = hostile.many_scans(300, (1024, 1024))[: 24 * MIB]
    assert await outcome(pool, data) is ImageRefusal.TOO_SLOW
    assert isinstance(await outcome(pool, PLAIN), PreparedImage)
    await pool.close()


async def test_memory_is_bounded_behind_every_check():
    pool = Decoder(workers=1, limits=DecodeLimits(max_memory_bytes=256 * MIB))
    rows = hostile.zeros(7000 * (7000 * 4 + 1))
    data = hostile.png(7000, 7000, colour=6, pixels=rows)
    assert await outcome(pool, data, EVERY_PIXEL) is ImageRefusal.TOO_MUCH_MEMORY
    assert isinstance(await outcome(pool, PLAIN), PreparedImage)
    await pool.close()


async def test_a_claim_of_two_thousand_million_pages_is_not_believed_far():
    data = hostile.pdf(*hostile.pages(2_000_000_000), hostile.stream(b""))
    pool = Decoder(workers=1, limits=DecodeLimits(max_pages=3))
    found = await taken(pool, data)
    assert len(found) <= 4
    await pool.close()


async def test_many_frames_cost_one(decoder):
    found = await outcome(decoder, hostile.gif(64, 64, 100_000))
    assert any("more than 1000" in str(note) for note in found.notes)


async def test_a_directory_that_names_itself_ends(decoder):
    found = await outcome(decoder, hostile.cyclic_tiff())
    assert isinstance(found, PreparedImage)
    assert found.notes == ()


async def test_a_page_of_seventy_metres_is_drawn_at_the_seen_size(decoder):
    media = b"[0 0 200000 200000]"
    data = hostile.pdf(*hostile.pages(media=media), hostile.stream(b""))
    found = await outcome(decoder, data)
    assert (found.width_px, found.height_px) == (768, 768)


POLYGLOTS = {
    "html": (b"<html><script>alert(1)</script>", ImageRefusal.NOT_AN_IMAGE),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", ImageRefusal.UNSUPPORTED_TYPE),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", ImageRefusal.UNSUPPORTED_TYPE),
    "gif with html": (b"GIF89a=1;</script><html>", ImageRefusal.DAMAGED),
}


@pytest.mark.parametrize("name", POLYGLOTS)
async def test_a_name_that_lies_does_not_help(decoder, name):
    data, reason = POLYGLOTS[name]
    items = [item async for item in Intake(decoder).from_file("picture.png", io.BytesIO(data))]
    match items:
        case [Refused(error=error)]:
            assert error.reason is reason
        case [Accepted(source=source)]:
            with pytest.raises(ImageError) as refused:
                await decoder.prepare(source, GPT_4O, Detail.HIGH)
            assert refused.value.reason in (reason, ImageRefusal.TOO_MANY_PIXELS)


TAILS = {
    "zip": hostile.packed(("evil.js", "alert('evil')")),
    "html": b"<html><script>alert('evil')</script></html>",
}


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "WEBP"])
async def test_what_hangs_on_behind_a_picture_is_gone(decoder, format_, tail):
    image = Image.new("RGB", (32, 32), "red")
    found = await outcome(decoder, hostile.encoded(image, format_) + TAILS[tail])
    assert b"evil" not in found.data
    with Image.open(io.BytesIO(found.data)) as sent:
        assert sent.size == (32, 32)


async def test_places_and_devices_do_not_travel(decoder):
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0)})
    image = Image.new("RGB", (32, 32), "red")
    for format_ in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        found = await outcome(decoder, hostile.encoded(image, format_, exif=exif))
        with Image.open(io.BytesIO(found.data)) as sent:
            assert not sent.getexif()
        assert b"Secret" not in found.data


async def taken(decoder, data):
    """Return what an uploaded zip came to: names and what became of them."""
    found = []
    async for item in Intake(decoder).from_file("bomb.zip", io.BytesIO(data)):
        match item:
            case Accepted(source=source):
                found.append((source.name, "accepted"))
            case Refused(name=name, error=error):
                found.append((name, error.reason))
            case Skipped(name=name):
                found.append((name, "skipped"))
    return found


ZIPS = [
    (
        "ratio",
        hostile.packed(("zeros.png", bytes(20 * MIB)), ("ok.png", PLAIN)),
        [("zeros.png", ImageRefusal.TOO_LARGE_BYTES), ("ok.png", "accepted")],
    ),
    (
        "nesting",
        hostile.packed(("a.zip", hostile.packed(("b.zip", hostile.packed(("c.png", PLAIN)))))),
        [("a.zip", ImageRefusal.UNSUPPORTED_TYPE)],
    ),
    (
        "traversal",
        hostile.packed(("../../x.png", PLAIN), ("/abs/y.png", PLAIN), ("C:\\z.png", PLAIN)),
        [("x.png", "accepted"), ("abs/y.png", "accepted"), ("z.png", "accepted")],
    ),
    ("symlink", hostile.symlink_zip(), [("link.png", "skipped")]),
    ("lying size", hostile.lying_zip(), [("a.png", ImageRefusal.DAMAGED)]),
    ("crowd", hostile.crowded_zip(), [("bomb.zip", ImageRefusal.TOO_LARGE_BYTES)]),
    (
        "direction",
        hostile.packed(("\u202egnp.exe.png", PLAIN)),
        [("gnp.exe.png", "accepted")],
    ),
]


@pytest.mark.parametrize(("data", "expected"), [z[1:] for z in ZIPS], ids=[z[0] for z in ZIPS])
async def test_zips_are_read_within_limits(decoder, data, expected):
    assert await taken(decoder, data) == expected


async def test_entries_that_share_their_bytes_count_each_time():
    pool = Decoder(workers=1, limits=DecodeLimits(max_archive_bytes=5 * MIB))
    found = await taken(pool, hostile.overlapping_zip())
    assert found[-1] == ("bomb.zip", ImageRefusal.TOO_LARGE_BYTES)
    assert len(found) < 10
    await pool.close()


async def test_a_locked_entry_says_what_to_do(decoder):
    data = bytearray(hostile.packed(("a.png", PLAIN)))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    assert await taken(decoder, bytes(data)) == [("a.png", ImageRefusal.PASSWORD)]


async def test_every_difficult_file_gives_a_picture_or_a_code():
    if not BAD_HARD.is_dir():
        pytest.skip("the shared pictures (shared/data/images/bad_hard) are not on this machine")
    pool, used, refused = Decoder(), 0, set()
    async for item in Intake(pool).open(BAD_HARD):
        if not isinstance(item, Accepted):
            continue
        found = await outcome(pool, item.source.data)
        used += isinstance(found, PreparedImage)
        refused |= {found} if isinstance(found, ImageRefusal) else set()
    await pool.close()
    assert used > 130
    assert refused <= {
        ImageRefusal.DAMAGED, ImageRefusal.TOO_SMALL, ImageRefusal.TOO_MANY_PIXELS,
    }  # fmt: skip
