import io
import os
import tracemalloc
import zipfile

import pytest
from drawings import pdf, plain

from core.errors import ConfigurationError, ImageRefusal
from core.images import messages
from core.images.decoder import Decoder
from core.images.fetch import FetchedFile
from core.images.intake import Accepted, Intake, Refused, Skipped
from core.images.limits import DecodeLimits
from core.types import Detail


async def listed(items):
    return [item async for item in items]


def shape(items):
    """Reduce items to what they are called and what became of them."""
    found = []
    for item in items:
        match item:
            case Accepted(source=source):
                found.append((source.name, source.page))
            case Refused(name=name, error=error):
                found.append((name, getattr(error, "reason", error.code)))
            case Skipped(name=name):
                found.append((name, "skipped"))
    return found


@pytest.fixture
def intake(decoder):
    return Intake(decoder)


async def test_a_file_is_one_item(intake, tmp_path):
    path = tmp_path / "red.png"
    path.write_bytes(plain())
    (item,) = await listed(intake.open(path))
    assert item.source.name == "red.png"
    assert item.source.data == plain()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", ImageRefusal.EMPTY), (b"text", ImageRefusal.NOT_AN_IMAGE)],
)
async def test_a_bad_file_is_an_item_too(intake, tmp_path, content, reason):
    (tmp_path / "bad.png").write_bytes(content)
    assert shape(await listed(intake.open(str(tmp_path / "bad.png")))) == [("bad.png", reason)]


async def test_a_missing_file_and_a_device_are_not_read(intake, tmp_path):
    for path in (tmp_path / "none.png", "/dev/zero", ""):
        (item,) = await listed(intake.open(path))
        assert item.error.reason is ImageRefusal.NOT_FOUND


async def test_a_folder_is_walked_in_order(intake, tmp_path):
    for name in ("b.png", "a/2.png", "a/1.png", ".hidden/x.png", ".dot.png", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(plain())
    assert shape(await listed(intake.open(tmp_path))) == [
        ("a/1.png", None),
        ("a/2.png", None),
        ("b.png", None),
        ("notes.txt", "skipped"),
    ]


async def test_each_page_of_a_pdf_is_an_item(intake):
    items = await listed(intake.from_file("in.pdf", io.BytesIO(pdf(pages=2))))
    assert shape(items) == [("in.pdf#page=1", 0), ("in.pdf#page=2", 1)]


async def test_a_single_page_keeps_its_name(intake):
    assert shape(await listed(intake.from_file("in.pdf", io.BytesIO(pdf())))) == [("in.pdf", 0)]


async def test_pages_beyond_the_limit_are_said_to_be_left_out():
    file, decoder = io.BytesIO(pdf(pages=5)), Decoder(workers=1, limits=DecodeLimits(max_pages=2))
    *pages, rest = await listed(Intake(decoder).from_file("in.pdf", file))
    await decoder.close()
    assert len(pages) == 2
    assert str(rest.why).startswith("Pages 3 to 5 were left out")


async def test_a_broken_pdf_is_one_refusal(intake):
    items = await listed(intake.from_file("in.pdf", io.BytesIO(b"%PDF-1.4 broken")))
    assert shape(items) == [("in.pdf", ImageRefusal.DAMAGED)]


def packed(**entries):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("_", "."), content)
    return out.getvalue()


async def test_a_zip_gives_pictures_pages_and_reasons(intake):
    data = packed(
        a_png=plain(), b_pdf=pdf(pages=2), c_zip=packed(d_png=plain()), e_txt="", f_jpg=b""
    )
    assert shape(await listed(intake.from_file("all.zip", io.BytesIO(data)))) == [
        ("a.png", None),
        ("b.pdf#page=1", 0),
        ("b.pdf#page=2", 1),
        ("c.zip", ImageRefusal.UNSUPPORTED_TYPE),
        ("e.txt", "skipped"),
        ("f.jpg", ImageRefusal.EMPTY),
    ]


async def test_an_upload_keeps_only_a_label_of_its_name(intake):
    (item,) = await listed(intake.from_file("../../\u202ex.png", io.BytesIO(plain())))
    assert item.source.name == "x.png"


async def test_an_address_goes_through_fetch(decoder):
    async def fetch(url, *, max_bytes, total_timeout_s):
        if url.endswith("gone.png"):
            raise messages.BAD_STATUS.error(host="example.com", status=404)
        return FetchedFile("x.png", plain())

    intake = Intake(decoder, fetch)
    assert shape(await listed(intake.open("https://example.com/x.png"))) == [("x.png", None)]
    (gone,) = await listed(intake.open("HTTPS://example.com/gone.png"))
    assert gone.error.reason is ImageRefusal.FETCH_FAILED


async def test_a_manifest_lists_sources_beside_it_and_their_settings(intake, tmp_path):
    (tmp_path / "red.png").write_bytes(plain())
    manifest = tmp_path / "list.csv"
    manifest.write_text("source,id,detail\nred.png,7,low\nnone.png,8,\nred.png,9,huge\n")
    good, missing, bad = await listed(intake.open(manifest))
    assert good.overrides.id == "7"
    assert good.overrides.detail is Detail.LOW
    assert missing.error.reason is ImageRefusal.NOT_FOUND
    assert missing.overrides.id == "8"
    assert bad.name == "list.csv:4"
    assert isinstance(bad.error, ConfigurationError)


async def test_a_manifest_is_not_followed_into_another(intake, tmp_path):
    manifest = tmp_path / "list.jsonl"
    manifest.write_text('{"source": "list.jsonl"}')
    (item,) = await listed(intake.open(manifest))
    assert item.error.reason is ImageRefusal.NOT_AN_IMAGE


async def test_an_unreadable_manifest_is_one_refusal(intake, tmp_path):
    manifest = tmp_path / "list.csv"
    manifest.write_text("file\nx.png\n")
    (item,) = await listed(intake.open(manifest))
    assert isinstance(item.error, ConfigurationError)


async def test_a_zip_file_is_read_entry_by_entry(intake, tmp_path):
    """Ten entries that are larger together than what may be in memory here."""
    path = tmp_path / "many.zip"
    noise = os.urandom(1_000_000)
    with zipfile.ZipFile(path, "w") as packed:
        for number in range(10):
            packed.writestr(f"{number}.png", plain() + noise)
    tracemalloc.start()
    with path.open("rb") as file:
        names = [item.source.name async for item in intake.from_file("many.zip", file)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert names == [f"{number}.png" for number in range(10)]
    assert peak < 4_000_000
