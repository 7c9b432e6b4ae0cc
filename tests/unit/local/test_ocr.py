"""Reading drawn text with the real models."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from core.local.lines import read_rows, text_of
from core.local.ocr import read_text

CHINESE_FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Bold.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
)


def drawn(lines, font, degrees=0):
    image = Image.new("RGB", (640, 40 + 60 * len(lines)), "white")
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((40, 20 + 60 * number), line, fill="black", font=font)
    return np.asarray(image.rotate(degrees, fillcolor="white", expand=True))


@pytest.mark.slow
def test_a_tilted_page_is_read_and_its_tilt_is_known():
    pixels = drawn(["CORNER BAKERY LTD", "Total due 21.40"], ImageFont.load_default(32), -2)

    reading = read_text(pixels)

    assert text_of(read_rows(reading)) == "CORNER BAKERY LTD\nTotal due 21.40"
    assert reading.tilt == pytest.approx(0.035, abs=0.01)
    assert reading.mean_score > 0.9


@pytest.mark.slow
def test_chinese_is_read():
    font = next((path for path in CHINESE_FONTS if Path(path).is_file()), None)
    if font is None:
        pytest.skip("no font with Chinese letters is installed")

    reading = read_text(drawn(["开票日期：2024年05月06日"], ImageFont.truetype(font, 32)))

    assert "2024年05月06日" in text_of(read_rows(reading))


@pytest.mark.slow
def test_an_empty_page_has_no_text():
    assert read_text(np.full((200, 200, 3), 255, np.uint8)).lines == ()
