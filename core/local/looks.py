"""What can be measured in any picture: colours, sharpness, exposure, QR codes."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from core.phrases import N_

Pixels = npt.NDArray[np.uint8]
"""A picture as (height, width, 3) uint8 RGB."""


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour and the share of the picture it covers, from 0 to 1."""

    name: str
    hex: str
    share: float


@dataclass(frozen=True, slots=True)
class Looks:
    """Measurements of one picture.

    `sharpness` is the variance of the Laplacian at 640 px on the long side. `brightness` and
    `contrast` are the mean and the standard deviation of the grey levels, 0 to 255. `dark_share`
    and `light_share` are the pixels at the ends of the scale. `codes` are the texts of QR codes,
    which are shown and never opened.
    """

    width_px: int
    height_px: int
    colours: tuple[Colour, ...]
    sharpness: float
    brightness: float
    contrast: float
    dark_share: float
    light_share: float
    codes: tuple[str, ...]

    @property
    def is_blurred(self) -> bool:
        """Say whether the picture is softer than a print in focus."""
        return self.sharpness < BLURRED_BELOW


BLURRED_BELOW: Final = 80.0
"""Flags 3 % of sharp photographs and scans, and all of them after a Gaussian blur of 2.5 px."""

_NAMES: Final = {
    N_("black"): (0, 0, 0), N_("dark grey"): (70, 70, 70), N_("grey"): (128, 128, 128),
    N_("light grey"): (200, 200, 200), N_("white"): (250, 250, 250), N_("red"): (210, 30, 35),
    N_("dark red"): (120, 20, 25), N_("orange"): (240, 135, 25), N_("brown"): (120, 75, 40),
    N_("beige"): (225, 205, 170), N_("yellow"): (245, 220, 40), N_("olive"): (120, 120, 40),
    N_("green"): (45, 150, 60), N_("dark green"): (20, 75, 35), N_("light green"): (150, 215, 140),
    N_("teal"): (20, 130, 130), N_("light blue"): (150, 200, 235), N_("blue"): (40, 95, 205),
    N_("dark blue"): (20, 35, 100), N_("purple"): (115, 55, 150), N_("pink"): (240, 150, 180),
}  # fmt: skip
_PALETTE = 12  # colours before those of one name are put together
_SHOWN_FROM = 0.03  # smaller shares are noise
_LONG_SIDE_PX = 640


def measure(pixels: Pixels) -> Looks:
    """Measure a (height, width, 3) uint8 RGB picture."""
    import cv2

    small = _at_most(pixels, _LONG_SIDE_PX)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    height, width = pixels.shape[:2]
    return Looks(
        width,
        height,
        colours_of(small),
        round(float(cv2.Laplacian(grey, cv2.CV_64F).var()), 1),
        round(float(grey.mean()), 1),
        round(float(grey.std()), 1),
        round(float((grey <= 5).mean()), 3),
        round(float((grey >= 250).mean()), 3),
        _read_codes(pixels),
    )


def _at_most(pixels: Pixels, long_side_px: int) -> Pixels:
    import cv2

    height, width = pixels.shape[:2]
    scale = long_side_px / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def colours_of(pixels: Pixels) -> tuple[Colour, ...]:
    """Return the named colours of a picture, the largest share first."""
    picture = Image.fromarray(pixels).quantize(_PALETTE, method=Image.Quantize.MEDIANCUT)
    palette = np.asarray(picture.getpalette() or [], dtype=np.uint8).reshape(-1, 3)
    counts = np.bincount(np.asarray(picture).ravel(), minlength=len(palette))
    shares: Counter[str] = Counter()
    largest: dict[str, tuple[float, str]] = {}
    for rgb, count in zip(palette, counts, strict=False):
        name, share = _name_of(rgb), float(count) / picture.width / picture.height
        shares[name] += share  # type: ignore[assignment]  # a Counter adds floats as well
        largest[name] = max(largest.get(name, (0.0, "")), (share, f"#{bytes(rgb).hex()}"))
    return tuple(
        Colour(name, largest[name][1], round(share, 3))
        for name, share in shares.most_common()
        if share >= _SHOWN_FROM
    )


def _name_of(rgb: npt.NDArray[np.uint8]) -> str:
    names, table = list(_NAMES), np.array(list(_NAMES.values()), dtype=np.uint8)
    distances = np.linalg.norm(_lab(table) - _lab(rgb[None]), axis=1)
    return names[int(distances.argmin())]


def _lab(colours: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Turn (n, 3) sRGB into CIE L*a*b*, where distances are as the eye sees them."""
    import cv2

    unit = (colours[None].astype(np.float32)) / 255
    return np.asarray(cv2.cvtColor(unit, cv2.COLOR_RGB2LAB)[0], dtype=np.float64)


def _read_codes(pixels: Pixels) -> tuple[str, ...]:
    import cv2

    found: Any = cv2.QRCodeDetector().detectAndDecodeMulti(pixels)
    return tuple(text for text in found[1] if text)
