"""Rows and reading order."""

import pytest

from core.local.lines import Box, Reading, TextLine, read_rows, reading_of_text, text_of


def line(text, left, top, width=100, *, score=0.9):
    return TextLine(text, score, Box(left, top, left + width, top + 20))


def test_pieces_beside_each_other_form_a_row_from_left_to_right():
    reading = Reading((line("4.30", 300, 2), line("Tea", 10, 0), line("Cake", 10, 30)))

    assert [row.text for row in read_rows(reading)] == ["Tea  4.30", "Cake"]


def test_a_tilted_page_keeps_its_rows():
    tilt = 0.06  # 30 px over 500 px: more than a row
    names = [line(f"name {number}", 0, 24 * number) for number in range(4)]
    prices = [line(f"{number}.00", 500, 24 * number + 30) for number in range(4)]

    rows = read_rows(Reading((*names, *prices), tilt))

    assert [row.text for row in rows] == [f"name {number}  {number}.00" for number in range(4)]


def test_columns_of_prose_are_read_one_after_the_other():
    words = "a line of prose that is long enough"
    left = [line(f"{words} L{number}", 0, 30 * number, 300) for number in range(6)]
    right = [line(f"{words} R{number}", 340, 30 * number, 300) for number in range(6)]
    title = line("A title over both columns", 0, -60, 640)

    text = text_of(read_rows(Reading((title, *left, *right))))

    assert [row[-2:] for row in text.splitlines()] == [
        "ns", "L0", "L1", "L2", "L3", "L4", "L5", "R0", "R1", "R2", "R3", "R4", "R5",
    ]  # fmt: skip


def test_columns_of_a_table_are_read_across():
    cells = [line(f"{x}{y}", 200 * x, 30 * y, 50) for y in range(8) for x in range(3)]

    assert read_rows(Reading(tuple(cells)))[0].text == "00  10  20"


def test_a_row_is_as_doubtful_as_its_worst_piece():
    row = read_rows(Reading((line("Total", 0, 0, score=0.99), line("9.90", 300, 0, score=0.6))))[0]

    assert row.score == 0.6


def test_given_text_has_rows_but_no_scores():
    rows = read_rows(reading_of_text("one\n\n  two  "))

    assert [(row.text, row.score) for row in rows] == [("one", None), ("two", None)]


def test_the_mean_score_weighs_lines_by_length():
    reading = Reading((TextLine("abcd", 1.0), TextLine("abcdefgh", 0.7)))

    assert reading.mean_score == pytest.approx(0.8)
    assert Reading(()).mean_score is None
