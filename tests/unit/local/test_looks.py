"""Measurements of pictures that the tests draw."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from core.local.lines import Box, TextLine
from core.local.looks import measure
from core.local.tables import find_tables


def picture(colour=(255, 255, 255), size=(400, 300)):
    return Image.new("RGB", size, colour)


def pixels(image):
    return np.asarray(image)


def checkerboard():
    image = picture()
    draw = ImageDraw.Draw(image)
    for x in range(0, 400, 20):
        for y in range(x % 40, 300, 40):
            draw.rectangle((x, y, x + 19, y + 19), fill=(20, 20, 20))
    return image


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ((255, 255, 255), "white"),
        ((0, 0, 0), "black"),
        ((215, 30, 30), "red"),
        ((30, 90, 210), "blue"),
    ],
)
def test_a_plain_picture_has_one_colour(colour, name):
    (found,) = measure(pixels(picture(colour))).colours

    assert (found.name, found.share) == (name, 1.0)


def test_the_largest_colour_comes_first():
    image = picture()
    ImageDraw.Draw(image).rectangle((0, 0, 99, 299), fill=(215, 30, 30))

    assert [(c.name, c.share) for c in measure(pixels(image)).colours] == [
        ("white", 0.75),
        ("red", 0.25),
    ]


def test_blur_is_told_from_sharp_edges():
    sharp = checkerboard()

    assert not measure(pixels(sharp)).is_blurred
    assert measure(pixels(sharp.filter(ImageFilter.GaussianBlur(6)))).is_blurred


def test_exposure_is_measured():
    dark = measure(pixels(picture((3, 3, 3))))

    assert (dark.brightness, dark.contrast, dark.dark_share, dark.light_share) == (3, 0, 1, 0)


def test_a_qr_code_is_read():
    code = cv2.QRCodeEncoder.create().encode("https://example.com/receipt/17")
    large = Image.fromarray(code).resize((240, 240), Image.Resampling.NEAREST).convert("RGB")
    image = picture()
    image.paste(large, (80, 30))

    assert measure(pixels(image)).codes == ("https://example.com/receipt/17",)


def grid(columns=3, rows=3):
    image = picture()
    draw = ImageDraw.Draw(image)
    for column in range(columns + 1):
        draw.line((20 + 100 * column, 20, 20 + 100 * column, 20 + 60 * rows), fill=0, width=2)
    for row in range(rows + 1):
        draw.line((20, 20 + 60 * row, 20 + 100 * columns, 20 + 60 * row), fill=0, width=2)
    return image


def cell_text(column, row):
    left, top = 30 + 100 * column, 40 + 60 * row
    return TextLine(f"r{row}c{column}", 0.9, Box(left, top, left + 50, top + 20))


def test_a_ruled_grid_with_text_is_a_table():
    lines = [cell_text(column, row) for row in range(3) for column in range(3) if row != column]

    (table,) = find_tables(pixels(grid()), lines)

    assert table.rows == (("", "r0c1", "r0c2"), ("r1c0", "", "r1c2"), ("r2c0", "r2c1", ""))


def test_a_grid_without_text_is_no_table():
    assert find_tables(pixels(grid()), [cell_text(0, 0), cell_text(1, 1)]) == ()


def test_text_without_rules_is_no_table():
    lines = [cell_text(column, row) for row in range(3) for column in range(3)]

    assert find_tables(pixels(picture()), lines) == ()
