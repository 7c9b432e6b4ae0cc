"""Lines of text on a page, the rows they form, and the order in which they are read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle, in pixels of the picture; the origin is its top left corner."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """Return the height in pixels."""
        return self.bottom - self.top

    @property
    def centre(self) -> tuple[float, float]:
        """Return the x and y of the middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


@dataclass(frozen=True, slots=True)
class TextLine:
    """One piece of text as it was found.

    `score` is the recogniser's confidence from 0 to 1, which is no probability of being right.
    Text that was not recognised but given, a PDF's text layer, has neither score nor box.
    """

    text: str
    score: float | None = None
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Pieces of text beside each other, from left to right."""

    pieces: tuple[TextLine, ...]

    @property
    def text(self) -> str:
        """Return the whole row, with two spaces where there was a gap."""
        return "  ".join(piece.text for piece in self.pieces)

    @property
    def score(self) -> float | None:
        """Return the lowest confidence in the row; one misread piece spoils the row."""
        return min((piece.score for piece in self.pieces if piece.score is not None), default=None)


@dataclass(frozen=True, slots=True)
class Reading:
    """The text of a page.

    `tilt` is how far the lines fall from left to right: pixels down for each pixel to the right.
    """

    lines: tuple[TextLine, ...]
    tilt: float = 0.0

    @property
    def mean_score(self) -> float | None:
        """Return the mean confidence, each line weighted by its length."""
        scored = [(line.score, len(line.text)) for line in self.lines if line.score is not None]
        letters = sum(length for _, length in scored)
        return sum(score * length for score, length in scored) / letters if letters else None


def reading_of_text(text: str) -> Reading:
    """Take text that is already known, line by line."""
    return Reading(tuple(TextLine(line.strip()) for line in text.splitlines() if line.strip()))


def read_rows(reading: Reading) -> tuple[Row, ...]:
    """Put the lines into rows and the rows into reading order.

    Columns of prose are read one after the other; the columns of a table or receipt belong together
    and are read across.
    """
    placed = [line for line in reading.lines if line.box is not None]
    if not placed:
        return tuple(Row((line,)) for line in reading.lines)
    return tuple(row for block in _blocks(placed) for row in _rows_of_block(block, reading.tilt))


def _rows_of_block(lines: Sequence[TextLine], tilt: float) -> list[Row]:
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=lambda line: _level(line, tilt)):
        if rows and _share_a_row(rows[-1], line, tilt):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [Row(tuple(sorted(row, key=lambda line: _box(line).left))) for row in rows]


def _share_a_row(row: Sequence[TextLine], line: TextLine, tilt: float) -> bool:
    """Say whether the middles are closer than half the height of the smaller letters."""
    height = min(_box(line).height, fmean(_box(other).height for other in row))
    level = fmean(_level(other, tilt) for other in row)
    return abs(_level(line, tilt) - level) < height / 2


def _level(line: TextLine, tilt: float) -> float:
    """Return where the line's middle would be if the page were level."""
    x, y = _box(line).centre
    return y - tilt * x


def _box(line: TextLine) -> Box:
    if line.box is None:
        raise ValueError("only lines with a place can be sorted by place")
    return line.box


def _blocks(lines: Sequence[TextLine]) -> list[Sequence[TextLine]]:
    """Split a page at a gutter between columns of prose; lines across it end a band."""
    gutter = _gutter(lines)
    if gutter is None:
        return [lines]
    across = sorted((line for line in lines if _crosses(line, gutter)), key=lambda ln: _box(ln).top)
    blocks: list[Sequence[TextLine]] = []
    rest = [line for line in lines if not _crosses(line, gutter)]
    for title in [*across, None]:
        edge = _box(title).top if title else float("inf")
        band = [line for line in rest if _box(line).centre[1] < edge]
        rest = [line for line in rest if _box(line).centre[1] >= edge]
        left = [line for line in band if _box(line).right <= gutter]
        right = [line for line in band if _box(line).left >= gutter]
        for column in (left, right):
            blocks.extend(_blocks(column) if column else [])
        if title:
            blocks.append([title])
    return blocks


_MIN_COLUMN_LINES = 6
_PROSE_WIDTH = 22  # half-width characters: a line of prose is longer, a table's cell is shorter
_MAX_ACROSS = 0.2  # share of lines that may be headings over both columns


def _gutter(lines: Sequence[TextLine]) -> float | None:
    """Return the x of a gap with a column of prose on either side, or None."""
    starts = sorted({_box(line).left for line in lines})
    for x in starts[1:]:
        gutter = x - 1
        left = [line for line in lines if _box(line).right <= gutter]
        right = [line for line in lines if _box(line).left >= gutter]
        across = len(lines) - len(left) - len(right)
        if across <= _MAX_ACROSS * len(lines) and _is_prose(left) and _is_prose(right):
            return gutter
    return None


def _is_prose(lines: Sequence[TextLine]) -> bool:
    return len(lines) >= _MIN_COLUMN_LINES and median(map(_width, lines)) >= _PROSE_WIDTH


def _width(line: TextLine) -> int:
    """Return the length in half-width characters; a Chinese character counts as two."""
    return len(line.text) + sum("\u4e00" <= letter <= "\u9fff" for letter in line.text)


def _crosses(line: TextLine, gutter: float) -> bool:
    box = _box(line)
    return box.left < gutter < box.right


def text_of(rows: Iterable[Row]) -> str:
    """Return the rows as one text, a line each."""
    return "\n".join(row.text for row in rows)
