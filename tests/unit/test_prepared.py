import asyncio

from core.catalog.rules import PixelsRule
from core.prepared import PreparedImages
from core.types import Detail, ImageSource
from tests.client_kit import FakePreparer

SIZE = len(b"\xff\xd8picture")


def get(images, digest="d", preparation="p", page=None):
    source = ImageSource("name", b"", page)
    return images.get(source, digest, PixelsRule(2048), preparation, Detail.HIGH)


async def test_the_same_picture_is_prepared_once_even_at_once():
    preparer = FakePreparer()
    images = PreparedImages(preparer, 100)
    first, second = await asyncio.gather(get(images), get(images))
    assert first is second is await get(images)
    assert preparer.prepared == 1


async def test_page_and_preparation_make_another_picture():
    preparer = FakePreparer()
    images = PreparedImages(preparer, 100)
    await get(images)
    await get(images, page=0)
    await get(images, preparation="q")
    assert preparer.prepared == 3


async def test_the_longest_unused_goes_when_the_bytes_are_too_many():
    preparer = FakePreparer()
    images = PreparedImages(preparer, 2 * SIZE)
    for digest in ("a", "b", "a", "c", "a"):
        await get(images, digest)
    assert preparer.prepared == 3
    await get(images, "b")
    assert preparer.prepared == 4


async def test_a_picture_larger_than_the_memory_is_still_prepared():
    images = PreparedImages(FakePreparer(), SIZE - 1)
    assert (await get(images)).data


async def test_what_is_needed_once_is_not_remembered():
    preparer = FakePreparer()
    images = PreparedImages(preparer, 100)
    source, rule = ImageSource("name", b""), PixelsRule(2048)
    for _ in range(2):
        await images.get(source, "d", rule, "p", Detail.HIGH, keeps=False)
    assert preparer.prepared == 2
