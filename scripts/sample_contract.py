"""The Chinese sample: a service contract with a ruled table and two seals."""

import numpy as np
from PIL import Image, ImageChops, ImageDraw
from sample_pen import GREY, INK, Pen, chinese

SEAL_RED = (196, 40, 38)
PARTIES = (
    "甲方：示例市云杉博物馆有限公司",
    "乙方：样例空间设计工作室",
    "签订日期：2026年3月18日",
)
ARTICLES = (
    ("第一条 服务内容", "乙方为甲方一层展厅提供平面布置、灯光设计与施工图纸，共计三套方案。"),
    ("第二条 服务期限", "自2026年4月1日起至2026年9月30日止。"),
    ("第三条 合同金额", "合同总价为人民币48,000.00元（大写：肆万捌仟元整），含税。"),
    ("第四条 付款方式", "甲方按下表分期支付，每期在收到发票后十个工作日内付清。"),
)
LAST_ARTICLE = ("第五条 其他约定", "本合同一式两份，双方各执一份，自签字盖章之日起生效。")
PAYMENTS = (
    ("期次", "付款节点", "比例", "金额（元）"),
    ("第一期", "合同签订后", "40%", "19,200.00"),
    ("第二期", "方案确认后", "40%", "19,200.00"),
    ("第三期", "验收合格后", "20%", "9,600.00"),
)


def contract() -> Image.Image:
    """Return a Chinese service contract with a ruled table and two seals, A4 at 150 dpi."""
    page = Image.new("RGB", (1240, 1754), "#FFFEFB")
    draw = ImageDraw.Draw(page)
    _head(draw)
    for at, article in enumerate(ARTICLES):
        _article(draw, 490 + at * 108, *article)
    _payment_table(draw, 930)
    _article(draw, 1210, *LAST_ARTICLE)
    _signature(draw, 130, "甲方（盖章）：", "张三")
    _signature(draw, 690, "乙方（盖章）：", "李四")
    Pen(draw, chinese(21), GREY).middle(620, 1680, "本合同为虚构示例，不具有任何法律效力")
    _stamp(page, 345, 1420, "云杉博物馆示例章", -9)
    _stamp(page, 900, 1425, "样例设计工作室章", 7)
    return page


def _head(draw: ImageDraw.ImageDraw) -> None:
    Pen(draw, chinese(54, "Bold")).middle(620, 170, "展厅设计服务合同")
    Pen(draw, chinese(25), GREY).right(1110, 232, "合同编号：YL-2026-018")
    draw.line((130, 256, 1110, 256), fill=INK, width=3)
    for at, party in enumerate(PARTIES):
        Pen(draw, chinese(28)).left(130, 318 + at * 48, party)


def _article(draw: ImageDraw.ImageDraw, y: int, heading: str, text: str) -> None:
    Pen(draw, chinese(29, "Bold")).left(130, y, heading)
    Pen(draw, chinese(28)).left(130, y + 48, text)


def _signature(draw: ImageDraw.ImageDraw, x: int, party: str, name: str) -> None:
    Pen(draw, chinese(29, "Bold")).left(x, 1400, party)
    plain = Pen(draw, chinese(28))
    plain.left(x, 1460, f"授权代表：{name}")
    plain.left(x, 1520, "日期：2026年3月18日")


def _payment_table(draw: ImageDraw.ImageDraw, top: int) -> None:
    edges, height = (130, 330, 690, 860, 1110), 52
    draw.rectangle((130, top, 1110, top + height), fill="#EFEBE2")
    for at, row in enumerate(PAYMENTS):
        pen = Pen(draw, chinese(26, "Bold" if at == 0 else "Regular"))
        for left, right, text in zip(edges, edges[1:], row, strict=False):
            pen.middle((left + right) / 2, top + at * height + 36, text)
    for at in range(len(PAYMENTS) + 1):
        draw.line((130, top + at * height, 1110, top + at * height), fill=INK, width=2)
    for x in edges:
        draw.line((x, top, x, top + len(PAYMENTS) * height), fill=INK, width=2)


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
