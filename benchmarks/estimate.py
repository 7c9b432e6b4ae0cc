"""How fast estimates are, as ratios: many sizes against plain numpy, and one quote in ms."""

import timeit
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.catalog import Catalog, load_catalog
from core.quote import Quote, SelectionImage, quote_request, quote_selection
from core.tokens import image_tokens
from core.tokens_many import image_tokens_many
from core.types import Detail

ROWS = 100_000
ONE_BY_ONE = 2000
REPEATS = 5

Sides = NDArray[np.int64]


def plain_tiles(widths: Sides, heights: Sides) -> NDArray[np.float64]:
    """Count as gpt-4o does in a few lines of floating-point numpy: the ideal to compare with."""
    scale = np.minimum(1, 2048 / np.maximum(widths, heights))
    w, h = np.round(widths * scale), np.round(heights * scale)
    scale = np.minimum(1, 768 / np.minimum(w, h))
    w, h = np.floor(w * scale), np.floor(h * scale)
    return 85 + 170 * np.ceil(w / 512) * np.ceil(h / 512)


def plain_patches(widths: Sides, heights: Sides) -> NDArray[np.float64]:
    """Count as gpt-5.4 does at high, likewise."""
    scale = np.minimum(1, 2048 / np.maximum(widths, heights))
    w, h = np.round(widths * scale), np.round(heights * scale)
    shrink = np.sqrt(32**2 * 2500 / (w * h))
    across, down = w * shrink / 32, h * shrink / 32
    shrink *= np.minimum(np.floor(across) / across, np.floor(down) / down)
    over = np.ceil(w / 32) * np.ceil(h / 32) > 2500
    w, h = np.where(over, np.floor(w * shrink), w), np.where(over, np.floor(h * shrink), h)
    return np.ceil(np.ceil(w / 32) * np.ceil(h / 32) * 1.2)


def best_s(work: Callable[[], object]) -> float:
    """Return the fastest of a few runs, in seconds."""
    return min(timeit.repeat(work, number=1, repeat=REPEATS))


def measure_many(
    catalog: Catalog, name: str, plain: Callable[[Sides, Sides], NDArray[np.float64]]
) -> None:
    """Print our time for many sizes as a ratio to plain numpy and to a loop."""
    rule = catalog.card(name).image_rule
    widths, heights = np.random.default_rng(seed=1).integers(16, 6000, (2, ROWS))
    few = list(zip(widths[:ONE_BY_ONE].tolist(), heights[:ONE_BY_ONE].tolist(), strict=True))
    ours_s = best_s(lambda: image_tokens_many(widths, heights, rule, Detail.HIGH))
    ideal_s = best_s(lambda: plain(widths, heights))
    loop_s = best_s(lambda: [image_tokens(w, h, rule, Detail.HIGH) for w, h in few])
    print(
        f"  {name:8} {ours_s * 1e3:6.2f} ms, {ours_s / ideal_s:.2f}x plain numpy,"
        f" {loop_s * ROWS / ONE_BY_ONE / ours_s:.0f} times as fast as one by one"
    )


def quote_one(catalog: Catalog, width_px: int, height_px: int) -> Quote:
    """Quote a usual request."""
    return quote_request(
        catalog.card("gpt-4o"),
        width_px,
        height_px,
        Detail.HIGH,
        120,
        max_output_tokens=1000,
        expected_output_tokens=400,
    )


def main() -> None:
    """Measure everything and print it."""
    catalog = load_catalog()
    print(f"{ROWS:,} sizes at detail high (wanted: under 20x plain numpy)")
    measure_many(catalog, "gpt-4o", plain_tiles)
    measure_many(catalog, "gpt-5.4", plain_patches)
    thousand_s = best_s(lambda: [quote_one(catalog, 1920, 1080) for _ in range(1000)])
    print(f"one quote: {thousand_s:.3f} ms (wanted: under 1 ms)")
    images = [SelectionImage(str(n), 1920 + n % 50, 1080) for n in range(10_000)]
    selection_s = best_s(
        lambda: quote_selection(images, set(), lambda w, h, _: quote_one(catalog, w, h))
    )
    print(f"a selection of 10,000 images in 50 sizes: {selection_s * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
