"""The fonts, colours and pen that the sample pictures are written with."""

from dataclasses import dataclass
from pathlib import Path

from PIL import ImageDraw, ImageFont

LIBERATION = Path("/usr/share/fonts/truetype/liberation")
NOTO = Path("/usr/share/fonts/opentype/noto")

INK, GREY, LINE = "#1D2A2D", "#5C6B6E", "#C9D0CF"
TEAL, TERRACOTTA, OCHRE, PAPER = "#17626B", "#C8573C", "#D7A043", "#FFFFFF"

Font = ImageFont.FreeTypeFont


def sans(size: int, style: str = "Regular") -> Font:
    """Return Liberation Sans; sizes are in pixels everywhere here."""
    return ImageFont.truetype(LIBERATION / f"LiberationSans-{style}.ttf", size)


def mono(size: int, style: str = "Regular") -> Font:
    """Return Liberation Mono."""
    return ImageFont.truetype(LIBERATION / f"LiberationMono-{style}.ttf", size)


def chinese(size: int, style: str = "Regular") -> Font:
    """Return Noto Serif CJK in its simplified Chinese forms."""
    return ImageFont.truetype(NOTO / f"NotoSerifCJK-{style}.ttc", size, index=2)


@dataclass(frozen=True)
class Pen:
    """Writes on one picture in one font and colour."""

    draw: ImageDraw.ImageDraw
    font: Font
    color: str = INK

    def left(self, x: float, y: float, text: str) -> None:
        """Write starting at x, on the baseline y."""
        self.draw.text((x, y), text, font=self.font, fill=self.color, anchor="ls")

    def right(self, x: float, y: float, text: str) -> None:
        """Write ending at x."""
        self.draw.text((x, y), text, font=self.font, fill=self.color, anchor="rs")

    def middle(self, x: float, y: float, text: str) -> None:
        """Write centred on x."""
        self.draw.text((x, y), text, font=self.font, fill=self.color, anchor="ms")
