"""Compare preparing a photo for gpt-4o at high detail with the plain way.

Run `python benchmarks/prepare.py`. All figures are ratios within this one run, because absolute
times say more about the machine than about the code.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter
from skimage.metrics import structural_similarity

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.catalog.rules import TileRule
from core.images.decoder import Decoder
from core.images.encode import encode
from core.images.limits import DecodeLimits
from core.images.raster import read_raster
from core.images.sniff import identify
from core.tokens import Size, seen_size
from core.types import Detail, ImageSource

GPT_4O = TileRule(base_tokens=85, tile_tokens=170)
ROUNDS = 15
PICTURES = 24
WANTED = {"speed": 2.7, "ssim": 0.98, "two workers": 1.7}


def photo(width_px: int = 4000, height_px: int = 3000) -> bytes:
    """Draw something with a photo's mix: smooth light, edges, fine texture, sensor noise; q90."""
    size = (width_px, height_px)
    rng = np.random.default_rng(7)
    light = Image.linear_gradient("L").resize(size)
    clouds = Image.fromarray(rng.integers(0, 255, (60, 80), dtype=np.uint8)).resize(
        size, Image.Resampling.BICUBIC
    )
    scene = Image.merge("RGB", (ImageChops.blend(light, clouds, 0.6), clouds, light))
    draw = ImageDraw.Draw(scene)
    for _ in range(400):
        x, y, r = rng.integers(0, width_px), rng.integers(0, height_px), rng.integers(10, 160)
        colour = tuple(int(value) for value in rng.integers(0, 255, 3))
        draw.ellipse((x, y, x + r, y + r * 0.8), fill=colour)
    soft = scene.filter(ImageFilter.GaussianBlur(2))
    noise = Image.fromarray(rng.normal(128, 3, (height_px, width_px)).astype(np.uint8))
    grain = Image.merge("RGB", (noise, noise, noise))
    out = BytesIO()
    ImageChops.add(soft, grain, offset=-128).save(out, "JPEG", quality=90)
    return out.getvalue()


def target(size: Size) -> Size:
    """Return what gpt-4o sees at high detail."""
    return seen_size(size.width_px, size.height_px, GPT_4O, Detail.HIGH)


def plain_way(data: bytes) -> bytes:
    """Open, resize with LANCZOS, save."""
    with Image.open(BytesIO(data)) as image:
        size = target(Size(*image.size))
        small = image.convert("RGB").resize(
            (size.width_px, size.height_px), Image.Resampling.LANCZOS
        )
    out = BytesIO()
    small.save(out, "JPEG", quality=85)
    return out.getvalue()


def our_way(data: bytes) -> bytes:
    """Do what a decoder child does, in this thread."""
    return encode(read_raster(data, identify(data), DecodeLimits(), target).image).data


def cpu_s(work: Callable[[bytes], bytes], data: bytes) -> float:
    """Return the processor seconds of one call: neighbours on the machine do not count."""
    start = time.process_time()
    work(data)
    return time.process_time() - start


def likeness(first: bytes, second: bytes) -> float:
    """Return the structural similarity of two pictures in grey, 1.0 for equal."""
    grey = (np.asarray(Image.open(BytesIO(each)).convert("L")) for each in (first, second))
    return float(structural_similarity(*grey, data_range=255))


async def wall_s(workers: int, data: bytes) -> float:
    """Return the seconds to prepare many pictures in a pool that is already warm."""
    pool, source = Decoder(workers=workers), ImageSource("photo.jpg", data)

    async def prepare(count: int) -> None:
        jobs = (pool.prepare(source, GPT_4O, Detail.HIGH) for _ in range(count))
        await asyncio.gather(*jobs)

    await prepare(workers)
    start = time.perf_counter()
    await prepare(PICTURES)
    taken = time.perf_counter() - start
    await pool.close()
    return taken


def main() -> None:
    """Print the ratios beside what is wanted."""
    data = photo()
    pairs = [(cpu_s(plain_way, data), cpu_s(our_way, data)) for _ in range(ROUNDS)]
    plain_s, ours_s = map(min, zip(*pairs, strict=True))  # neighbours only ever add
    one, two = (min(asyncio.run(wall_s(n, data)) for _ in range(3)) for n in (1, 2))
    found = {
        "speed": plain_s / ours_s,
        "ssim": likeness(plain_way(data), our_way(data)),
        "two workers": one / two,
    }
    print(f"4000x3000 JPEG, {len(data) / 1e6:.1f} MB, to {target(Size(4000, 3000))}")
    print(f"processor time: plain {plain_s * 1e3:.0f} ms, ours {ours_s * 1e3:.0f} ms")
    print(f"pool: {PICTURES / one:.1f} pictures/s with one worker, {PICTURES / two:.1f} with two")
    for name, value in found.items():
        print(f"{name:12} {value:6.3f}  (wanted {WANTED[name]}, {os.cpu_count()} cores)")


if __name__ == "__main__":
    main()
