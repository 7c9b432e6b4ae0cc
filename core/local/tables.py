"""Tables with ruled lines, found only where the grid holds text in its cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from core.local.lines import Box, TextLine
from core.local.looks import Pixels


@dataclass(frozen=True, slots=True)
class Table:
    """A ruled table: its place, and its cells row by row as text.

    The text of a cell that spans several is in the first of them.
    """

    box: Box
    rows: tuple[tuple[str, ...], ...]


_MIN_SIDE_PX = 40
_MIN_FILLED = 4  # cells with text; photographs are full of crossing lines
_TOLERANCE_PX = 6


def find_tables(pixels: Pixels, lines: Sequence[TextLine]) -> tuple[Table, ...]:
    """Return the ruled tables, from top to bottom; tables without rules are not found."""
    horizontal, vertical = _rules(pixels)
    tables = [_table(box, horizontal, vertical, lines) for box in _grids(horizontal, vertical)]
    return tuple(sorted((table for table in tables if table), key=lambda table: table.box.top))


def _rules(pixels: Pixels) -> tuple[Any, Any]:
    """Return the masks of the long horizontal and the long vertical strokes."""
    import cv2

    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    ink = cv2.adaptiveThreshold(
        grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 15, 10
    )
    height, width = grey.shape
    across = cv2.getStructuringElement(cv2.MORPH_RECT, (max(20, width // 20), 1))
    down = cv2.getStructuringElement(cv2.MORPH_RECT, (1, max(20, height // 30)))
    return cv2.morphologyEx(ink, cv2.MORPH_OPEN, across), cv2.morphologyEx(
        ink, cv2.MORPH_OPEN, down
    )


def _grids(horizontal: Any, vertical: Any) -> list[Box]:
    """Return where strokes of both directions hang together."""
    import cv2

    joined = cv2.dilate(cv2.bitwise_or(horizontal, vertical), np.ones((3, 3), np.uint8))
    contours, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    boxes = [cv2.boundingRect(contour) for contour in contours]
    return [
        Box(x, y, x + width, y + height)
        for x, y, width, height in boxes
        if width >= _MIN_SIDE_PX and height >= _MIN_SIDE_PX
    ]


def _table(box: Box, horizontal: Any, vertical: Any, lines: Sequence[TextLine]) -> Table | None:
    area = np.s_[int(box.top) : int(box.bottom), int(box.left) : int(box.right)]
    tops = [box.top + edge for edge in _edges(horizontal[area], axis=1)]
    lefts = [box.left + edge for edge in _edges(vertical[area], axis=0)]
    if len(tops) < 3 or len(lefts) < 3:
        return None
    cells = [["" for _ in lefts[1:]] for _ in tops[1:]]
    for line in lines:
        place = _place(line, tops, lefts)
        if place:
            row, column = place
            cells[row][column] = f"{cells[row][column]} {line.text}".strip()
    if sum(bool(cell) for row in cells for cell in row) < _MIN_FILLED:
        return None
    return Table(box, tuple(tuple(row) for row in cells if any(row)))


def _edges(mask: Any, axis: int) -> list[float]:
    """Return where rules run across at least a third of the grid, near ones put together."""
    share = (mask > 0).mean(axis=axis)
    positions = np.flatnonzero(share >= 1 / 3)
    edges: list[float] = []
    for position in positions:
        if edges and position - edges[-1] <= _TOLERANCE_PX:
            edges[-1] = float(position)
        else:
            edges.append(float(position))
    return edges


def _place(line: TextLine, tops: Sequence[float], lefts: Sequence[float]) -> tuple[int, int] | None:
    """Return the row and column of the cell in which a line of text begins."""
    if line.box is None:
        return None
    y, x = line.box.centre[1], line.box.left + min(line.box.height / 2, 4)
    row = next((at for at, (one, two) in enumerate(pairwise(tops)) if one <= y < two), None)
    column = next((at for at, (one, two) in enumerate(pairwise(lefts)) if one <= x < two), None)
    return None if row is None or column is None else (row, column)
