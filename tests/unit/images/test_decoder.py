import asyncio
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from drawings import WHOLE, decoded, encoded, pdf, photo_like, plain, quadrants

from core.catalog.rules import TileRule
from core.errors import ImageError, ImageRefusal
from core.images.decoder import Decoder
from core.images.limits import DecodeLimits
from core.images.wire import ImageInfo
from core.tokens import UnsupportedDetailError
from core.types import Detail, ImageSource

ROOT = Path(__file__).resolve().parents[3]
GPT_4O = TileRule(85, 170)
RED = ImageSource("red.png", plain())

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def children():
    """Process ids of this process's children."""
    tasks = Path("/proc/self/task").iterdir()
    return {int(pid) for task in tasks for pid in (task / "children").read_text().split()}


def environment(pid):
    return Path(f"/proc/{pid}/environ").read_bytes()


async def started(pool):
    """Start the pool's only child and return its process id."""
    before = children()
    await pool.probe(RED)
    (pid,) = children() - before
    return pid


async def begun(work):
    """Start `work` and let it get as far as waiting for the child."""
    task = asyncio.create_task(work)
    for _ in range(20):
        await asyncio.sleep(0)
    return task


async def test_a_photo_is_prepared_for_what_the_model_sees(decoder):
    source = ImageSource("photo.jpg", photo_like((1600, 1200)))
    prepared = await decoder.prepare(source, GPT_4O, Detail.HIGH)
    assert (prepared.width_px, prepared.height_px) == (1024, 768)
    assert (prepared.original_width_px, prepared.original_height_px) == (1600, 1200)
    assert decoded(prepared).size == (1024, 768)
    assert prepared.media_type == "image/jpeg"
    assert prepared.original_format == "JPEG"
    assert [str(note) for note in prepared.notes] == [
        "Resized from 1600×1200 to 1024×768 pixels, the size that the model sees."
    ]


@pytest.mark.parametrize("size", [(40, 24), (512, 512)])
async def test_nothing_is_enlarged(decoder, size):
    prepared = await decoder.prepare(ImageSource("x.png", plain(size)), GPT_4O, Detail.HIGH)
    assert decoded(prepared).size == size
    assert prepared.notes == ()


@pytest.mark.parametrize(
    ("max_size", "expected"),
    [((200, 200), (200, 150)), ((400, 75), (100, 75)), ((999, 999), (400, 300))],
)
async def test_the_person_may_ask_for_less(decoder, max_size, expected):
    source = ImageSource("photo.jpg", photo_like((400, 300)))
    prepared = await decoder.prepare(source, GPT_4O, Detail.HIGH, max_size)
    assert decoded(prepared).size == expected


async def test_a_detail_that_the_model_does_not_take_is_named(decoder):
    with pytest.raises(UnsupportedDetailError):
        await decoder.prepare(RED, GPT_4O, Detail.ORIGINAL)


async def test_a_page_brings_its_text(decoder):
    prepared = await decoder.prepare(ImageSource("in.pdf", pdf(), page=0), GPT_4O, Detail.LOW)
    assert prepared.text_layer == "Total 42.00"
    assert max(decoded(prepared).size) == 512


async def test_probing_says_what_a_source_is(decoder):
    exif = {0x0112: 6}
    sideways = encoded(quadrants(), "JPEG", exif=_exif(exif))
    assert await decoder.probe(ImageSource("x", sideways)) == ImageInfo("JPEG", 48, 64)
    assert await decoder.probe(ImageSource("x", pdf(pages=3))) == ImageInfo(
        "PDF", 2048, 1024, pages=3, text_layer="Total 42.00"
    )
    assert await decoder.pages(ImageSource("x", pdf(pages=3))) == 3
    assert await decoder.pages(RED) == 1


def _exif(tags):
    from PIL import Image

    exif = Image.Exif()
    exif.update(tags)
    return exif


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", ImageRefusal.EMPTY),
        (b"text", ImageRefusal.NOT_AN_IMAGE),
        (b"PK\x03\x04 a zip", ImageRefusal.UNSUPPORTED_TYPE),
        (b"\xff\xd8\xff\xe0junk", ImageRefusal.DAMAGED),
        (plain((4, 4)), ImageRefusal.TOO_SMALL),
    ],
)
async def test_a_refusal_arrives_with_its_reason(decoder, data, reason):
    with pytest.raises(ImageError) as refused:
        await decoder.prepare(ImageSource("x", data), GPT_4O, Detail.HIGH)
    assert refused.value.reason is reason


def test_a_decoder_may_be_made_before_its_loop():
    pool = Decoder(workers=1)

    async def use():
        try:
            return await pool.probe(RED)
        finally:
            await pool.close()

    assert asyncio.run(use()) == ImageInfo("PNG", 40, 24)


@linux_only
async def test_children_are_reused_and_no_more_than_allowed():
    pool, before = Decoder(workers=2), children()
    await asyncio.gather(*(pool.probe(RED) for _ in range(12)))
    assert len(children() - before) <= 2
    await pool.close()
    assert children() <= before


@linux_only
async def test_a_killed_child_is_an_answer_and_is_replaced(decoder):
    pid = await started(decoder)
    os.kill(pid, signal.SIGSTOP)
    task = await begun(decoder.probe(RED))
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ImageError) as refused:
        await task
    assert refused.value.reason is ImageRefusal.TOO_MUCH_MEMORY
    assert await decoder.probe(RED) == ImageInfo("PNG", 40, 24)


@linux_only
@pytest.mark.parametrize(
    ("death", "reason"),
    [
        (signal.SIGXCPU, ImageRefusal.TOO_SLOW),
        (signal.SIGABRT, ImageRefusal.TOO_MUCH_MEMORY),
        (signal.SIGSEGV, ImageRefusal.DAMAGED),
    ],
)
async def test_the_way_a_child_dies_says_why(decoder, death, reason):
    pid = await started(decoder)
    os.kill(pid, signal.SIGSTOP)
    task = await begun(decoder.probe(RED))
    os.kill(pid, death)
    os.kill(pid, signal.SIGCONT)
    with pytest.raises(ImageError) as refused:
        await task
    assert refused.value.reason is reason


@linux_only
async def test_a_child_that_does_not_answer_is_ended():
    pool = Decoder(workers=1, limits=DecodeLimits(max_wall_s=5))
    pid = await started(pool)
    pool.limits = DecodeLimits(max_wall_s=0.05)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ImageError) as refused:
        await pool.probe(RED)
    assert refused.value.reason is ImageRefusal.TOO_SLOW
    assert pid not in children()
    pool.limits = DecodeLimits()
    assert await pool.probe(RED)
    await pool.close()


@linux_only
async def test_a_stopped_job_does_not_leave_its_answer_to_the_next(decoder):
    pid = await started(decoder)
    os.kill(pid, signal.SIGSTOP)
    task = await begun(decoder.probe(ImageSource("other", plain((99, 99)))))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert await decoder.probe(RED) == ImageInfo("PNG", 40, 24)


@linux_only
async def test_a_child_knows_no_keys(decoder, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    pid = await started(decoder)
    assert b"canary" not in environment(pid)


async def test_what_libraries_print_stays_off_the_terminal(decoder, capfd):
    broken = bytearray(encoded(quadrants(), "TIFF", compression="tiff_lzw"))
    broken[-20:] = b"\xff" * 20
    with suppress(ImageError):
        await decoder.prepare(ImageSource("x.tif", bytes(broken)), WHOLE, Detail.HIGH)
    assert capfd.readouterr() == ("", "")


ORPHAN = """
import asyncio, os
from pathlib import Path
from core.images.decoder import Decoder
from core.types import ImageSource

async def main():
    await Decoder(workers=1).probe(ImageSource("red", bytes.fromhex(os.environ["PICTURE"])))
    tasks = Path("/proc/self/task").iterdir()
    print(*(pid for task in tasks for pid in (task / "children").read_text().split()), flush=True)
    os._exit(0)

asyncio.run(main())
"""


@linux_only
def test_children_end_with_their_parent():
    result = subprocess.run(
        [sys.executable, "-c", ORPHAN],
        cwd=ROOT,
        env={**os.environ, "PICTURE": plain().hex()},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    pid = int(result.stdout)
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            assert select.select([handle], [], [], 10)[0], "the child outlived its parent"
        finally:
            os.close(handle)
