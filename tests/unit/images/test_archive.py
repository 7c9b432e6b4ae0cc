import io
import zipfile

import pytest
from drawings import plain

from core.errors import ImageError, ImageRefusal
from core.images.archive import LEFT_OUT, looks_known, read_entries
from core.images.limits import DecodeLimits

LIMITS = DecodeLimits()


def packed(*entries, compression=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return out


def read(archive, limits=LIMITS):
    return list(read_entries(archive, limits))


def test_entries_come_in_order_and_the_rest_is_named():
    archive = packed(("b.png", plain()), ("read.txt", "hi"), ("a/c.jpg", b"x"), ("a/", ""))
    assert [(entry.name, entry.content) for entry in read(archive)] == [
        ("b.png", plain()),
        ("read.txt", LEFT_OUT),
        ("a/c.jpg", b"x"),
    ]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("a.JPG", True),
        ("deep/er/a.tiff", True),
        ("../a.png", True),
        ("a.svg", False),
        ("a", False),
        (".hidden.png", False),
        (".git/a.png", False),
        ("__MACOSX/a.png", False),
        ("__MACOSX\\a.png", False),
    ],
)
def test_names_choose_what_is_tried(name, known):
    assert looks_known(name) is known


@pytest.mark.parametrize(("count", "refused"), [(3, False), (4, True)])
def test_entries_are_counted(count, refused):
    archive = packed(*[(f"{number}.png", b"x") for number in range(count)])
    limits = DecodeLimits(max_archive_entries=3)
    if refused:
        with pytest.raises(ImageError, match="more than 3 entries"):
            read(archive, limits)
    else:
        assert len(read(archive, limits)) == count


@pytest.mark.parametrize(("limit", "whole"), [(20, True), (19, False)])
def test_the_total_counts_what_was_read(limit, whole):
    archive = packed(("a.png", b"x" * 10), ("b.png", b"y" * 10))
    entries = read_entries(archive, DecodeLimits(max_archive_bytes=limit))
    assert next(entries).content == b"x" * 10
    if whole:
        assert next(entries).content == b"y" * 10
    else:
        with pytest.raises(ImageError):
            next(entries)


def test_one_large_entry_is_refused_alone():
    archive = packed(("a.png", b"x" * 11), ("b.png", b"y" * 10))
    large, small = read(archive, DecodeLimits(max_image_bytes=10))
    assert large.content.reason is ImageRefusal.TOO_LARGE_BYTES
    assert small.content == b"y" * 10


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_choose_their_own_memory_are_refused(compression):
    (entry,) = read(packed(("a.png", plain()), compression=compression))
    assert entry.content.reason is ImageRefusal.DAMAGED


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 broken", b"PK\x05\x06"])
def test_what_is_no_archive_is_refused(data):
    with pytest.raises(ImageError) as refused:
        read(io.BytesIO(data))
    assert refused.value.reason is ImageRefusal.DAMAGED
