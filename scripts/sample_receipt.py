"""The photographed sample: a till receipt on a table of dark planks."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from sample_pen import Pen, mono


def receipt() -> Image.Image:
    """Return a till receipt photographed on a table, in colour."""
    paper = _receipt_paper()
    table = _table(1000, 1400)
    shadow = Image.new("L", table.size)
    shadow.paste(150, (218, 96, 218 + paper.width, 96 + paper.height))
    shadow = shadow.rotate(-1.8, Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(18))
    table.paste((18, 14, 12), (0, 0), shadow)
    layer, mask = Image.new("RGB", table.size), Image.new("L", table.size)
    layer.paste(paper, (200, 80))
    mask.paste(255, (200, 80, 200 + paper.width, 80 + paper.height))
    turned = [part.rotate(-1.8, Image.Resampling.BICUBIC) for part in (layer, mask)]
    table.paste(turned[0], (0, 0), turned[1])
    return table


def _receipt_paper() -> Image.Image:
    page = Image.new("RGB", (600, 1230), "#FBFAF6")
    draw = ImageDraw.Draw(page)
    pen, bold, big = (
        Pen(draw, font, "#2B2B2E") for font in (mono(27), mono(29, "Bold"), mono(38, "Bold"))
    )
    _receipt_head(pen, big)
    _dashes(draw, 372)
    _receipt_items(pen)
    _dashes(draw, 618)
    _receipt_totals(pen, big)
    _dashes(draw, 830)
    pen.left(50, 884, "VAT 10% included")
    pen.right(550, 884, "1.85")
    bold.middle(300, 980, "THANK YOU")
    pen.middle(300, 1022, "An invented receipt")
    _bars(draw, 1070)
    return _lit_like_paper(page)


def _receipt_head(pen: Pen, big: Pen) -> None:
    big.middle(300, 100, "SAMPLE CORNER CAFE")
    for at, line in enumerate(("1 Example Street", "Specimen Town", "VAT No. 000 0000 00")):
        pen.middle(300, 148 + at * 36, line)
    pen.left(50, 300, "Date 05/04/2026")
    pen.right(550, 300, "Time 13:07")
    pen.left(50, 338, "Receipt 000417")
    pen.right(550, 338, "Table 6")


def _receipt_items(pen: Pen) -> None:
    rows = [
        ("2", "Flat white", "7.60"),
        ("1", "Tomato soup", "6.20"),
        ("1", "Lemon tart", "4.50"),
        ("1", "Still water", "2.00"),
    ]
    for at, (quantity, name, amount) in enumerate(rows):
        y = 430 + at * 48
        pen.left(50, y, quantity)
        pen.left(100, y, name)
        pen.right(550, y, amount)


def _receipt_totals(pen: Pen, big: Pen) -> None:
    big.left(50, 690, "TOTAL EUR")
    big.right(550, 690, "20.30")
    for at, (label, amount) in enumerate((("Cash", "25.00"), ("Change", "4.70"))):
        pen.left(50, 750 + at * 42, label)
        pen.right(550, 750 + at * 42, amount)


def _dashes(draw: ImageDraw.ImageDraw, y: int) -> None:
    for x in range(50, 550, 20):
        draw.line((x, y, x + 11, y), fill="#6B6B6E", width=2)


def _bars(draw: ImageDraw.ImageDraw, y: int) -> None:
    """Draw stripes that look like a barcode and say nothing."""
    chance = np.random.default_rng(11)
    x = 150
    while x < 450:
        width = int(chance.integers(2, 7))
        draw.rectangle((x, y, x + width, y + 80), fill="#2B2B2E")
        x += width + int(chance.integers(3, 8))


def _lit_like_paper(page: Image.Image) -> Image.Image:
    """Add soft folds and light from one side."""
    rows, columns = np.mgrid[0 : page.height, 0 : page.width]
    light = 1 - 0.07 * columns / page.width - 0.02 * np.sin(rows / 210)
    light -= 0.05 * np.exp(-(((rows - 520) / 9) ** 2))
    light += 0.02 * np.exp(-(((rows - 540) / 14) ** 2))
    pixels = np.asarray(page) * light[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _table(width: int, height: int) -> Image.Image:
    """Return dark planks with a grain that runs downwards."""
    chance = np.random.default_rng(3)
    grain = chance.normal(0, 1, (1, width)).repeat(height, 0)
    drift = chance.normal(0, 1, (height // 50, width // 4))
    soft = Image.fromarray(drift.astype(np.float32)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    wave = grain * 0.5 + np.asarray(soft) * 0.9
    shade = 1 + 0.045 * wave
    shade *= np.where((np.arange(width) % 250) < 4, 0.62, 1)[None, :]
    planks = 1 + 0.06 * np.sin(np.arange(width) // 250 * 2.1)[None, :]
    light = 1.12 - 0.3 * np.mgrid[0:height, 0:width][0] / height
    color = np.array([96, 66, 48])[None, None, :] * (shade * planks * light)[..., None]
    wood = Image.fromarray(color.clip(0, 255).astype(np.uint8))
    return wood.filter(ImageFilter.GaussianBlur(0.8))
