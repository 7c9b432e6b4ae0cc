"""The photo-like sample: a lake between hills at sunset, painted from sums of noise."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

WIDTH, HEIGHT, HORIZON = 1440, 960, 560
SUN_X, SUN_Y = 905, 428
Pixels = npt.NDArray[np.float64]
"""(rows, columns, 3) light in 0..1, red green blue."""


def lake_at_sunset() -> Image.Image:
    """Return the picture, RGB, 1440 x 960."""
    chance = np.random.default_rng(2026)
    land = _sky(chance)
    for layer in range(5):
        _add_hills(land, layer, chance)
    scene = np.concatenate([land, _water(land, chance)])
    _add_shore(scene, chance)
    return _finish(scene, chance)


def _blend(stops: Sequence[tuple[float, tuple[int, int, int]]], at: Pixels) -> Pixels:
    """Return the colours of a gradient at positions 0..1."""
    places = [place for place, _ in stops]
    channels = [np.interp(at, places, [color[c] / 255 for _, color in stops]) for c in range(3)]
    return np.stack(channels, axis=-1)


def _noise(chance: np.random.Generator, rows: int, columns: int, cells: tuple[int, int]) -> Pixels:
    """Return smooth noise of about -1..1 with so many cells down and across, and finer octaves."""
    total = np.zeros((rows, columns))
    for octave in range(4):
        shape = tuple(count * 2**octave + 1 for count in cells)
        coarse = Image.fromarray(chance.uniform(-1, 1, shape).astype(np.float32))
        total += np.asarray(coarse.resize((columns, rows), Image.Resampling.BICUBIC)) / 2**octave
    return total / 1.9


def _sky(chance: np.random.Generator) -> Pixels:
    rows, columns = np.mgrid[0:HORIZON, 0:WIDTH].astype(float)
    sky = _blend(
        [
            (0.0, (38, 62, 98)),
            (0.35, (92, 112, 146)),
            (0.62, (206, 150, 140)),
            (0.80, (246, 178, 122)),
            (1.0, (255, 214, 150)),
        ],
        rows / HORIZON,
    )
    distance = np.hypot(columns - SUN_X, (rows - SUN_Y) * 1.05)
    glow = np.exp(-distance / 240)[..., None] * np.array([0.42, 0.26, 0.06])
    disc = (1 / (1 + np.exp((distance - 44) / 1.6)))[..., None]
    sky = sky + glow
    sky = sky * (1 - disc) + np.array([1.0, 0.93, 0.74]) * disc
    return _add_clouds(sky, rows, distance, chance)


def _add_clouds(sky: Pixels, rows: Pixels, distance: Pixels, chance: np.random.Generator) -> Pixels:
    bands = _noise(chance, HORIZON, WIDTH, (9, 3))
    height = np.exp(-(((rows - 190) / 130) ** 2))
    cover = np.clip((bands - 0.06) * 2.1, 0, 1) * height
    lit = np.exp(-distance / 420)[..., None]
    color = np.array([0.47, 0.43, 0.52]) * (1 - lit) + np.array([1.0, 0.70, 0.47]) * lit
    veil = (cover * 0.75)[..., None]
    return sky * (1 - veil) + color * veil


_HILLS = (
    # height above the horizon, roughness, colour far in the haze to near
    (150, 46, (196, 152, 146)),
    (118, 40, (150, 122, 134)),
    (88, 34, (104, 98, 118)),
    (58, 30, (62, 78, 92)),
    (30, 24, (30, 52, 60)),
)


def _add_hills(land: Pixels, layer: int, chance: np.random.Generator) -> None:
    """Paint one ridge; haze lifts its foot, and the sun warms it."""
    height, rough, color = _HILLS[layer]
    ridge = HORIZON - height - rough * _noise(chance, 3, WIDTH, (1, 3 + layer))[1]
    ridge = ridge - (1.5 + layer) * chance.normal(0, 0.35, WIDTH) * (layer > 2)
    rows, columns = np.mgrid[0:HORIZON, 0:WIDTH].astype(float)
    inside = np.clip(rows - ridge + 0.5, 0, 1)[..., None]
    haze = np.clip((rows - ridge) / (height + rough), 0, 1)[..., None] * 0.34
    warm = np.exp(-np.abs(columns - SUN_X) / 420)[..., None] * (0.34 - 0.05 * layer)
    paint = np.array(color) / 255
    paint = paint * (1 - haze) + np.array([0.93, 0.70, 0.58]) * haze
    paint = paint * (1 - warm) + np.array([1.0, 0.68, 0.42]) * warm
    land[:] = land * (1 - inside) + paint * inside


def _water(land: Pixels, chance: np.random.Generator) -> Pixels:
    """Return the land upside down, broken by ripples that grow towards the viewer."""
    depth = HEIGHT - HORIZON
    rows, columns = np.mgrid[0:depth, 0:WIDTH]
    near = rows / depth
    ripple = _noise(chance, depth, WIDTH, (46, 6)) * (2 + 30 * near)
    source = np.clip(HORIZON - 2 - rows * 1.25 + ripple, 0, HORIZON - 1).astype(int)
    sway = np.clip(columns + ripple * 0.6, 0, WIDTH - 1).astype(int)
    mirrored = land[source, sway]
    tint = _blend([(0.0, (240, 190, 150)), (0.5, (84, 104, 128)), (1.0, (24, 44, 66))], near)
    path = np.exp(-(((columns - SUN_X) / (36 + 150 * near)) ** 2))
    share = ((0.12 + 0.42 * near) * (1 - 0.8 * path * (near < 0.5)))[..., None]
    water = mirrored * 0.96 * (1 - share) + tint * share
    glints = np.clip(_noise(chance, depth, WIDTH, (70, 22)) - 0.12, 0, 1) * path * (1 - 0.5 * near)
    return water + glints[..., None] * np.array([1.5, 1.05, 0.6])


def _add_shore(scene: Pixels, chance: np.random.Generator) -> None:
    """Lay a dark bank with reeds across the near left corner."""
    columns = np.arange(WIDTH)
    bank = (
        HEIGHT - 150 * np.exp(-((columns / 420) ** 2)) - 8 * np.sin(columns / 60) * (columns < 560)
    )
    rows = np.arange(HEIGHT)[:, None]
    cover = np.clip(rows - bank[None, :], 0, 1)
    for x in np.sort(chance.integers(0, 520, 170)):
        _add_reed(cover, int(x), float(bank[x]), chance)
    soft = Image.fromarray((cover * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.9))
    share = (np.asarray(soft) / 255)[..., None]
    scene[:] = scene * (1 - share) + np.array([0.055, 0.085, 0.095]) * share


def _add_reed(cover: Pixels, x: int, foot: float, chance: np.random.Generator) -> None:
    length = int(chance.uniform(40, 150) * np.exp(-((x / 430) ** 2)) + 12)
    lean = chance.normal(0.05, 0.14)
    for step in range(length):
        row = int(foot) + 6 - step
        column = int(x + lean * step + 0.0016 * lean * step**2)
        thick = 3 if step < length * 0.5 else 2
        if 0 <= row < HEIGHT and 0 <= column < WIDTH - thick:
            cover[row, column : column + thick] = 1


def _finish(scene: Pixels, chance: np.random.Generator) -> Image.Image:
    """Add bloom around the sun, darker corners and film grain."""
    plain = Image.fromarray((scene.clip(0, 1) * 255).astype(np.uint8))
    bloom = np.asarray(plain.filter(ImageFilter.GaussianBlur(26))) / 255
    light = 1 - (1 - scene.clip(0, 1)) * (1 - 0.16 * bloom**2)
    rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    corners = (1 - 0.26 * np.clip(np.hypot(rows, columns) - 0.45, 0, 1) ** 2)[..., None]
    grain = chance.normal(0, 0.011, (HEIGHT, WIDTH, 1))
    return Image.fromarray(((light * corners + grain).clip(0, 1) * 255).astype(np.uint8))
