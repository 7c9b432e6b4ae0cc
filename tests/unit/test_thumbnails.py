"""Small pictures: made once, in bounds, and never of what is not there."""

import os
from io import BytesIO

import pytest
from PIL import Image

from core.blobs import BlobStore
from core.images.decoder import Decoder
from core.thumbnails import SIDE_PX, Thumbnails


@pytest.fixture
async def decoder():
    decoder = Decoder(workers=1)
    yield decoder
    await decoder.close()


def picture(width: int, height: int) -> bytes:
    file = BytesIO()
    Image.effect_noise((width, height), 50).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def store(tmp_path):
    return BlobStore(tmp_path / "originals")


async def test_a_small_picture_fits_its_bounds_and_is_made_once(decoder, store, tmp_path):
    thumbnails = Thumbnails(decoder, store, tmp_path / "small")
    digest = store.put(picture(800, 400))
    small = await thumbnails.get(digest, None)
    assert Image.open(BytesIO(small)).size == (SIDE_PX, SIDE_PX // 2)
    store.path(digest).unlink()
    assert await thumbnails.get(digest, None) == small


async def test_nothing_comes_of_what_is_gone_or_no_picture(decoder, store, tmp_path):
    thumbnails = Thumbnails(decoder, store, tmp_path / "small")
    assert await thumbnails.get("a" * 64, None) is None
    assert await thumbnails.get(store.put(b"no picture"), None) is None
    with pytest.raises(ValueError, match="digest"):
        await thumbnails.get("../../etc/passwd", None)


async def test_old_small_pictures_are_forgotten(decoder, store, tmp_path):
    thumbnails = Thumbnails(decoder, store, tmp_path / "small")
    await thumbnails.get(store.put(picture(40, 40)), 0)
    (kept,) = (tmp_path / "small").iterdir()
    os.utime(kept, (1000, 1000))
    thumbnails.forget_before(1000)
    assert kept.exists()
    thumbnails.forget_before(1001)
    assert not kept.exists()
