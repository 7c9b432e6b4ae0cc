"""Draw the logo and the favicon: a T laid in hand-cut tiles, and the name beside it.

Everything is geometry, so the drawing needs no font: `python scripts/make_brand.py`.
"""

import random
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

ASSETS = Path(__file__).resolve().parent.parent / "assets"

TEAL, TEAL_DEEP, TEAL_SOFT = "#17626B", "#0E4A52", "#2F7F86"
TERRACOTTA, STONE = "#C8573C", "#D9CBB2"
INK, PAPER = "#1D2A2D", "#F3EDE2"

PATTERN = ("tds", "pap", "ptp")
"""One letter a tile: a T in teals with a terracotta heart, set into pale stone."""
TILE_COLORS = {"t": TEAL, "d": TEAL_DEEP, "s": TEAL_SOFT, "a": TERRACOTTA, "p": STONE}
CELL, GAP, JITTER = 100 / 3, 3.6, 2.6
"""Side of a cell, width of the joint and irregularity of the cut, in drawing units."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Tile:
    """One tile: its four corners and its colour."""

    corners: tuple[Point, ...]
    color: str


def tiles() -> list[Tile]:
    """Return the mark, in a square of 100 units."""
    chance = random.Random(79)  # the year Pompeii's floors were buried; any number would do
    laid = []
    for row, line in enumerate(PATTERN):
        for column, letter in enumerate(line):
            corners = _cut(column * CELL, row * CELL, chance)
            laid.append(Tile(corners, TILE_COLORS[letter]))
    return laid


def _cut(left: float, top: float, chance: random.Random) -> tuple[Point, ...]:
    near, far = GAP / 2, CELL - GAP / 2
    square = ((near, near), (far, near), (far, far), (near, far))
    return tuple(
        (
            round(left + x + chance.uniform(-JITTER, JITTER) / 2, 2),
            round(top + y + chance.uniform(-JITTER, JITTER) / 2, 2),
        )
        for x, y in square
    )


def mark_svg() -> str:
    """Return the tiles as SVG elements."""
    return "\n".join(
        f'  <polygon points="{" ".join(f"{x},{y}" for x, y in tile.corners)}" '
        f'fill="{tile.color}" stroke="{tile.color}" stroke-width="2" stroke-linejoin="round"/>'
        for tile in tiles()
    )


# Strokes of the seven letters, each on its own origin: x-height 40, bowls of radius 20.
LETTERS = {
    "t": ("M9 -18 V28 Q9 40 21 40 H24 M0 0 H24", 24),
    "e": ("M1 21 H39 A19.5 20 0 1 0 33.5 34.5", 39),
    "s": ("M27 6 Q22 0 14 0 Q2 0 2 10 Q2 18 10 19 L19 21 Q28 23 28 30 Q28 40 15 40 Q5 40 0 33", 28),
    "r": ("M0 40 V0 M0 17 Q2 1 18 1", 18),
    "a": ("M38 0 V40 M38 20 A19 20 0 1 0 0 20 A19 20 0 1 0 38 20", 38),
}


def word_svg(color: str) -> str:
    """Return the name as strokes, 7 units thick, on a line that starts at x 0."""
    parts, x = [], 0.0
    for letter in "tessera":
        path, width = LETTERS[letter]
        parts.append(f'    <path transform="translate({x:g} 0)" d="{path}"/>')
        x += width + 15
    body = "\n".join(parts)
    return (
        f'  <g transform="translate(132 32)" fill="none" stroke="{color}" stroke-width="7.5" '
        f'stroke-linecap="round" stroke-linejoin="round">\n{body}\n  </g>'
    )


def logo_svg(word_color: str) -> str:
    """Return the whole logo; only the name's colour differs between themes."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 452 104" width="452" height="104" '
        f'role="img" aria-label="Tessera">\n{mark_svg()}\n{word_svg(word_color)}\n</svg>\n'
    )


def icon_svg() -> str:
    """Return the mark alone."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 104 104" width="104" height="104" '
        f'role="img" aria-label="Tessera">\n{mark_svg()}\n</svg>\n'
    )


def favicon(size_px: int = 64) -> Image.Image:
    """Return the mark on nothing, RGBA, drawn eight times larger and reduced."""
    scale = size_px * 8 / 100
    canvas = Image.new("RGBA", (size_px * 8, size_px * 8))
    draw = ImageDraw.Draw(canvas)
    for tile in tiles():
        draw.polygon([(x * scale, y * scale) for x, y in tile.corners], fill=tile.color)
    return canvas.resize((size_px, size_px), Image.Resampling.BOX)


def main() -> None:
    """Write every file of the brand."""
    (ASSETS / "logo.svg").write_text(logo_svg(INK), encoding="utf-8")
    (ASSETS / "logo_dark.svg").write_text(logo_svg(PAPER), encoding="utf-8")
    (ASSETS / "icon.svg").write_text(icon_svg(), encoding="utf-8")
    favicon().save(ASSETS / "favicon.png", optimize=True)


if __name__ == "__main__":
    main()
