"""A grid as a labelled picture. Pure: pictures in, pages out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

PAPER, INK, QUIET = "#ffffff", "#16181d", "#6b7280"
GAP = 6
MOST_PIXELS = 40_000_000  # of one page; a larger grid goes on to the next page
MOST_LINES = 6  # of a column's label

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


def wrap(text: str, width: float, font: Font) -> list[str]:
    """`text` in lines of at most `width` pixels, broken at spaces (a longer word stands alone)."""
    out: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > width:
                out.append(line)
                line = word
            else:
                line = longer
        out.append(line)
    return out


@dataclass(frozen=True)
class Table:
    """A grid that is laid out: `picture(row, column)` is asked for when it is pasted. `size` is
    that of the largest one."""

    picture: Callable[[int, int], Image.Image]
    size: tuple[int, int]
    rows: Sequence[str]
    columns: Sequence[str]


@dataclass(frozen=True)
class _Sheet:
    """The measures of a page, in pixels, and how many columns and rows fit on it."""

    font: Font
    side: int  # room for the row labels
    head: int  # for those of the columns
    across: int  # a column with its gap
    down: int
    columns: int
    rows: int

    @classmethod
    def of(cls, table: Table) -> "_Sheet":
        width, height = table.size
        size = max(13, min(width, height) // 10)
        font = ImageFont.load_default(size)
        side = max(width, 12 * size)
        across, down = width + GAP, max(height, 4 * size) + GAP
        most = max(len(wrap(label, width, font)) for label in table.columns)
        head = _line_height(font) * min(most, MOST_LINES) + size + GAP
        columns = max(1, (MOST_PIXELS // (head + down) - side - 2 * GAP) // across)
        columns = min(columns, len(table.columns))
        rows = max(1, (MOST_PIXELS // (side + columns * across + 2 * GAP) - head - GAP) // down)
        return cls(font, side, head, across, down, columns, rows)


def pages(table: Table) -> Iterator[Image.Image]:
    """The grid in pages of at most `MOST_PIXELS`, each with the labels; cells full size.

    What is too wide for a page goes on to the next. A single picture may be larger than the limit.
    """
    sheet = _Sheet.of(table)
    rows, columns = range(len(table.rows)), range(len(table.columns))
    for top in rows[:: sheet.rows]:
        for left in columns[:: sheet.columns]:
            part = columns[left : left + sheet.columns]
            yield _page(table, sheet, rows[top : top + sheet.rows], part)


def _page(table: Table, sheet: _Sheet, rows: range, columns: range) -> Image.Image:
    width = sheet.side + len(columns) * sheet.across + 2 * GAP
    page = Image.new("RGB", (width, sheet.head + len(rows) * sheet.down + GAP), PAPER)
    pen = ImageDraw.Draw(page)
    lefts = {column: sheet.side + GAP + n * sheet.across for n, column in enumerate(columns)}
    for column, left in lefts.items():
        _column_label(
            pen, table.columns[column], (left, sheet.across - GAP, sheet.head), sheet.font
        )
    for number, row in enumerate(rows):
        top = sheet.head + number * sheet.down
        _row_label(pen, table.rows[row], (GAP, top, sheet.side, sheet.down - GAP), sheet.font)
        for column, left in lefts.items():
            page.paste(table.picture(row, column), (left, top))
    return page


def _column_label(
    pen: ImageDraw.ImageDraw, text: str, place: tuple[int, int, int], font: Font
) -> None:
    """Centred in lines; `place` is left, width and the height of the head."""
    left, width, head = place
    lines = wrap(text, width, font)
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], f"{lines[MOST_LINES - 1]} …"]
    step = _line_height(font)
    first = (head - step * (len(lines) - 1)) // 2
    for number, line in enumerate(lines):
        pen.text((left + width // 2, first + number * step), line, INK, font, anchor="mm")


def _line_height(font: Font) -> int:
    return int(font.getbbox("Ag")[3] * 1.25)


def _row_label(
    pen: ImageDraw.ImageDraw,
    text: str,
    box: tuple[int, int, int, int],
    font: Font,
) -> None:
    left, top, width, height = box
    line_height = _line_height(font)
    lines = wrap(text, width - 2 * GAP, font)
    room = max(2, height // line_height)
    if len(lines) > room:  # the last line, with the seed, is kept
        lines = [*lines[: room - 2], f"{lines[room - 2]} …", lines[-1]]
    for number, line in enumerate(lines):
        colour = QUIET if number == len(lines) - 1 else INK
        pen.text((left, top + number * line_height), line, colour, font)
