"""Draw the built-in sample pictures: `python scripts/make_samples.py`.

Every business, person and figure on them is made up. The pictures are committed, so only whoever
changes them needs the fonts (Debian: fonts-liberation, fonts-noto-cjk). What is printed on each is
repeated as the known truth in core/samples.py.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont
from sample_scene import lake_at_sunset

ASSETS = Path(__file__).resolve().parent.parent / "assets"
SAMPLES, QUALITY = ASSETS / "samples", ASSETS / "quality"
LIBERATION = Path("/usr/share/fonts/truetype/liberation")
NOTO = Path("/usr/share/fonts/opentype/noto")

INK, GREY, LINE = "#1D2A2D", "#5C6B6E", "#C9D0CF"
TEAL, TERRACOTTA, OCHRE, PAPER = "#17626B", "#C8573C", "#D7A043", "#FFFFFF"
SEAL_RED = (196, 40, 38)

Font = ImageFont.FreeTypeFont


def sans(size: int, style: str = "Regular") -> Font:
    """Return Liberation Sans; sizes are in pixels everywhere here."""
    return ImageFont.truetype(LIBERATION / f"LiberationSans-{style}.ttf", size)


def mono(size: int, style: str = "Regular") -> Font:
    """Return Liberation Mono."""
    return ImageFont.truetype(LIBERATION / f"LiberationMono-{style}.ttf", size)


def chinese(size: int, style: str = "Regular", family: str = "Serif") -> Font:
    """Return Noto CJK in its simplified Chinese forms."""
    return ImageFont.truetype(NOTO / f"Noto{family}CJK-{style}.ttc", size, index=2)


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


def contract() -> Image.Image:
    """Return a Chinese service contract with a ruled table and two seals, A4 at 150 dpi."""
    page = Image.new("RGB", (1240, 1754), "#FFFEFB")
    draw = ImageDraw.Draw(page)
    plain, bold = Pen(draw, chinese(28)), Pen(draw, chinese(29, "Bold"))
    Pen(draw, chinese(54, "Bold")).middle(620, 170, "展厅设计服务合同")
    Pen(draw, chinese(25), GREY).right(1110, 232, "合同编号：YL-2026-018")
    draw.line((130, 256, 1110, 256), fill=INK, width=3)

    plain.left(130, 318, "甲方：示例市云杉博物馆有限公司")
    plain.left(130, 366, "乙方：样例空间设计工作室")
    plain.left(130, 414, "签订日期：2026年3月18日")
    _articles(
        draw,
        490,
        [
            (
                "第一条 服务内容",
                "乙方为甲方一层展厅提供平面布置、灯光设计与施工图纸，共计三套方案。",
            ),
            ("第二条 服务期限", "自2026年4月1日起至2026年9月30日止。"),
            ("第三条 合同金额", "合同总价为人民币48,000.00元（大写：肆万捌仟元整），含税。"),
            ("第四条 付款方式", "甲方按下表分期支付，每期在收到发票后十个工作日内付清。"),
        ],
    )
    _payment_table(draw, 930)
    _articles(
        draw,
        1210,
        [("第五条 其他约定", "本合同一式两份，双方各执一份，自签字盖章之日起生效。")],
    )
    for x, party, name in ((130, "甲方（盖章）：", "张三"), (690, "乙方（盖章）：", "李四")):
        bold.left(x, 1400, party)
        plain.left(x, 1460, f"授权代表：{name}")
        plain.left(x, 1520, "日期：2026年3月18日")
    Pen(draw, chinese(21), GREY).middle(620, 1680, "本合同为虚构示例，不具有任何法律效力")
    _stamp(page, 345, 1420, "云杉博物馆示例章", -9)
    _stamp(page, 900, 1425, "样例设计工作室章", 7)
    return page


def _articles(draw: ImageDraw.ImageDraw, y: int, articles: list[tuple[str, str]]) -> None:
    for at, (heading, text) in enumerate(articles):
        Pen(draw, chinese(29, "Bold")).left(130, y + at * 108, heading)
        Pen(draw, chinese(28)).left(130, y + 48 + at * 108, text)


def _payment_table(draw: ImageDraw.ImageDraw, top: int) -> None:
    rows = [
        ("期次", "付款节点", "比例", "金额（元）"),
        ("第一期", "合同签订后", "40%", "19,200.00"),
        ("第二期", "方案确认后", "40%", "19,200.00"),
        ("第三期", "验收合格后", "20%", "9,600.00"),
    ]
    edges, height = (130, 330, 690, 860, 1110), 52
    draw.rectangle((130, top, 1110, top + height), fill="#EFEBE2")
    for at, row in enumerate(rows):
        pen = Pen(draw, chinese(26, "Bold" if at == 0 else "Regular"))
        for left, right, text in zip(edges, edges[1:], row, strict=False):
            pen.middle((left + right) / 2, top + at * height + 36, text)
    for at in range(len(rows) + 1):
        draw.line((130, top + at * height, 1110, top + at * height), fill=INK, width=2)
    for x in edges:
        draw.line((x, top, x, top + len(rows) * height), fill=INK, width=2)


def _stamp(page: Image.Image, x: int, y: int, text: str, tilt: float) -> None:
    """Press a round red seal onto the page, thinner where ink is missing."""
    seal = Image.new("L", (220, 220))
    draw = ImageDraw.Draw(seal)
    draw.ellipse((6, 6, 214, 214), outline=255, width=6)
    _star(draw, 110, 110, 30)
    for at, letter in enumerate(text):
        angle = -118 + at * 236 / (len(text) - 1)
        glyph = Image.new("L", (220, 220))
        ImageDraw.Draw(glyph).text(
            (110, 42), letter, font=chinese(27, "Bold"), fill=255, anchor="mm"
        )
        seal = ImageChops.lighter(seal, glyph.rotate(-angle, Image.Resampling.BICUBIC))
    worn = np.random.default_rng(7).normal(0.72, 0.10, (220, 220)).clip(0.35, 0.9)
    ink = Image.fromarray((np.asarray(seal) * worn).astype(np.uint8)).rotate(
        tilt, Image.Resampling.BICUBIC
    )
    page.paste(SEAL_RED, (x, y - 110), ink)


def _star(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float) -> None:
    turns = np.arange(10) * np.pi / 5 - np.pi / 2
    radii = np.where(np.arange(10) % 2 == 0, radius, radius * 0.4)
    points = zip(x + radii * np.cos(turns), y + radii * np.sin(turns), strict=True)
    draw.polygon([(float(px), float(py)) for px, py in points], fill=255)


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
    pen, bold, big = (Pen(draw, font, "#2B2B2E") for font in _receipt_fonts())
    big.middle(300, 100, "SAMPLE CORNER CAFE")
    for at, line in enumerate(("1 Example Street", "Specimen Town", "VAT No. 000 0000 00")):
        pen.middle(300, 148 + at * 36, line)
    pen.left(50, 300, "Date 05/04/2026")
    pen.right(550, 300, "Time 13:07")
    pen.left(50, 338, "Receipt 000417")
    pen.right(550, 338, "Table 6")
    _dashes(draw, 372)
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
    _dashes(draw, 618)
    big.left(50, 690, "TOTAL EUR")
    big.right(550, 690, "20.30")
    for at, (label, amount) in enumerate((("Cash", "25.00"), ("Change", "4.70"))):
        pen.left(50, 750 + at * 42, label)
        pen.right(550, 750 + at * 42, amount)
    _dashes(draw, 830)
    pen.left(50, 884, "VAT 10% included")
    pen.right(550, 884, "1.85")
    bold.middle(300, 980, "THANK YOU")
    pen.middle(300, 1022, "An invented receipt")
    _bars(draw, 1070)
    return _lit_like_paper(page)


def _receipt_fonts() -> tuple[Font, Font, Font]:
    return mono(27), mono(29, "Bold"), mono(38, "Bold")


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
