"""Draw the built-in sample pictures: `python scripts/make_samples.py`.

Every business, person and figure on them is made up. The pictures are committed, so only whoever
changes them needs the fonts (Debian: fonts-liberation, fonts-noto-cjk). What is printed on each is
repeated as the known truth in core/samples.py.
"""

from pathlib import Path

from PIL import Image, ImageDraw
from sample_contract import contract
from sample_pen import GREY, INK, LINE, OCHRE, PAPER, TEAL, TERRACOTTA, Pen, sans
from sample_receipt import receipt
from sample_scene import lake_at_sunset

ASSETS = Path(__file__).resolve().parent.parent / "assets"
SAMPLES, QUALITY = ASSETS / "samples", ASSETS / "quality"


def invoice() -> Image.Image:
    """Return an English invoice, A4 at 150 dots an inch."""
    page = Image.new("RGB", (1240, 1754), PAPER)
    draw = ImageDraw.Draw(page)
    _invoice_head(draw)
    _invoice_items(draw)
    _invoice_totals(draw)
    foot = (
        (110, 1080, "Payment"),
        (110, 1634, "Thank you for your order."),
        (110, 1670, "This invoice is an invented example. Nobody owes this money."),
    )
    _write(Pen(draw, sans(23), GREY), foot)
    draw.line((110, 1590, 1130, 1590), fill=LINE, width=2)
    return page


def _write(pen: Pen, lines: tuple[tuple[int, int, str], ...]) -> None:
    """Write each (x, y, text) in pixels."""
    for x, y, text in lines:
        pen.left(x, y, text)


def _invoice_head(draw: ImageDraw.ImageDraw) -> None:
    """Draw who sends it to whom, with its number and dates."""
    small, bold = Pen(draw, sans(23), GREY), Pen(draw, sans(27, "Bold"))
    draw.rectangle((0, 0, 1240, 18), fill=TEAL)
    _harbour_mark(draw, 110, 110)
    Pen(draw, sans(40, "Bold"), TEAL).left(230, 152, "Sample Harbour Supplies Ltd")
    small.left(230, 190, "1 Example Quay, Specimen Bay  |  accounts@example.com")
    Pen(draw, sans(64, "Bold")).left(110, 330, "INVOICE")
    facts = (
        ("Invoice number", "INV-2026-0042"),
        ("Invoice date", "14 March 2026"),
        ("Payment due", "13 April 2026"),
    )
    for row, (label, value) in enumerate(facts):
        small.left(720, 290 + row * 44, label)
        bold.right(1130, 290 + row * 44, value)
    small.left(110, 440, "Bill to")
    bold.left(110, 482, "Placeholder Gallery Inc.")
    street = (110, 558, "25 Specimen Road, Exampleton")
    _write(Pen(draw, sans(27)), ((110, 520, "Attn. A. Sample"), street))


def _invoice_items(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle((110, 630, 1130, 690), fill=TEAL)
    _invoice_row(
        Pen(draw, sans(25, "Bold"), PAPER), 669, "Description", "Quantity", "Unit price", "Amount"
    )
    rows = (
        ("Oak display shelf, 120 cm", "4", "86.50", "346.00"),
        ("LED strip, warm white, 5 m", "12", "14.25", "171.00"),
        ("Mounting kit, stainless steel", "4", "9.90", "39.60"),
        ("Delivery and assembly", "1", "65.00", "65.00"),
    )
    for at, row in enumerate(rows):
        _invoice_row(Pen(draw, sans(27)), 746 + at * 70, *row)
        draw.line((110, 772 + at * 70, 1130, 772 + at * 70), fill=LINE, width=2)


def _invoice_row(pen: Pen, y: int, name: str, *figures: str) -> None:
    pen.left(130, y, name)
    for x, figure in zip((760, 930, 1110), figures, strict=True):
        pen.right(x, y, figure)


def _invoice_totals(draw: ImageDraw.ImageDraw) -> None:
    """Draw how to pay, and the sums beside it."""
    plain, bold = Pen(draw, sans(27)), Pen(draw, sans(32, "Bold"))
    for at, (label, value) in enumerate((("Subtotal", "621.60"), ("Sales tax 8%", "49.73"))):
        plain.left(760, 1080 + at * 50, label)
        plain.right(1110, 1080 + at * 50, value)
    draw.rectangle((730, 1160, 1130, 1232), fill="#E6EFEE")
    bold.left(760, 1207, "Total USD")
    bold.right(1110, 1207, "671.33")
    reference = (110, 1160, "Reference INV-2026-0042")
    _write(plain, ((110, 1122, "Bank transfer within 30 days"), reference))


def _harbour_mark(draw: ImageDraw.ImageDraw, x: int, y: int) -> None:
    """Draw a sail over two waves."""
    draw.ellipse((x, y, x + 96, y + 96), fill="#E6EFEE")
    draw.polygon([(x + 46, y + 14), (x + 46, y + 60), (x + 16, y + 60)], fill=TEAL)
    draw.polygon([(x + 52, y + 24), (x + 52, y + 60), (x + 78, y + 60)], fill=TERRACOTTA)
    for step in (68, 78):
        draw.line((x + 20, y + step, x + 76, y + step), fill=TEAL, width=4)


def chart() -> Image.Image:
    """Return a bar chart with a title, an axis and a value on every bar."""
    page = Image.new("RGB", (1280, 860), "#FBF8F3")
    draw = ImageDraw.Draw(page)
    Pen(draw, sans(42, "Bold")).left(90, 100, "Tile Museum of Exampleton")
    Pen(draw, sans(28), GREY).left(90, 146, "Visitors per quarter, 2025 (invented figures)")
    bottom, top, left, right = 730, 220, 150, 1210
    for value in range(0, 5001, 1000):
        y = bottom - (bottom - top) * value / 5000
        draw.line((left, y, right, y), fill="#DDD5C8", width=2)
        Pen(draw, sans(24), GREY).right(left - 16, y + 8, f"{value:,}")
    bars = (("Q1", 2150, TEAL), ("Q2", 3320, TEAL), ("Q3", 4180, TERRACOTTA), ("Q4", 2610, TEAL))
    for at, (name, value, color) in enumerate(bars):
        x = left + 70 + at * 255
        y = bottom - (bottom - top) * value / 5000
        draw.rounded_rectangle(
            (x, y, x + 150, bottom), 10, fill=color, corners=(True, True, False, False)
        )
        Pen(draw, sans(30, "Bold")).middle(x + 75, y - 16, f"{value:,}")
        Pen(draw, sans(28)).middle(x + 75, bottom + 44, name)
    draw.line((left, bottom, right, bottom), fill=INK, width=3)
    draw.rounded_rectangle((90, 800, 114, 824), 5, fill=TERRACOTTA)
    Pen(draw, sans(24), GREY).left(128, 821, "Best quarter")
    return page


def poster() -> Image.Image:
    """Return a picture of 24 megapixels that a model sees much smaller."""
    page = Image.new("RGB", (6000, 4000), "#FBF8F3")
    draw = ImageDraw.Draw(page)
    colors = (TEAL, TERRACOTTA, OCHRE, "#E6EFEE")
    for at in range(24 * 4):
        row, column = divmod(at, 24)
        x, y = column * 250, (0, 250, 3500, 3750)[row]
        draw.rectangle((x + 8, y + 8, x + 242, y + 242), fill=colors[(at * 7 + row) % 4])
    Pen(draw, sans(520, "Bold"), TEAL).middle(3000, 1600, "TESSERA")
    Pen(draw, sans(260)).middle(3000, 2250, "Poster with 24 megapixels")
    Pen(draw, sans(260), TERRACOTTA).middle(3000, 2850, "Edition 1871 of an invented print")
    return page


def _save_flat(picture: Image.Image, name: str, folder: Path = SAMPLES) -> None:
    """Save few-coloured artwork small: 192 colours of its own."""
    picture.quantize(192, dither=Image.Dither.NONE).save(folder / name, optimize=True)


def main() -> None:
    """Write the samples, and the pictures that only checks ask about."""
    SAMPLES.mkdir(parents=True, exist_ok=True)
    QUALITY.mkdir(exist_ok=True)
    _save_flat(poster(), "poster.png", QUALITY)
    Image.new("RGB", (64, 64), "#D81E1E").save(ASSETS / "red.png", optimize=True)
    _save_flat(invoice(), "invoice.png")
    _save_flat(contract(), "contract_zh.png")
    _save_flat(chart(), "chart.png")
    receipt().save(SAMPLES / "receipt.jpg", quality=86, optimize=True, progressive=True)
    lake_at_sunset().save(SAMPLES / "lake.jpg", quality=88, optimize=True, progressive=True)


if __name__ == "__main__":
    main()
