"""A grid as a labelled picture. Pure: pictures in, pages out."""

from collections.abc import Iterator, Sequence

from PIL import Image, ImageDraw, ImageFont

PAPER, INK, QUIET = "#ffffff", "#16181d", "#6b7280"
GAP = 6
MOST_PIXELS = 40_000_000  # of one page; a longer grid goes on to the next page


def wrap(text: str, width: float, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> list[str]:
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


def pages(
    cells: Sequence[Sequence[Image.Image]],
    row_labels: Sequence[str],
    column_labels: Sequence[str],
) -> Iterator[Image.Image]:
    """The grid in pages of at most `MOST_PIXELS`, each with the column labels; cells full size.

    `cells[row][column]` are all of one size.
    """
    width, height = cells[0][0].size
    size = max(13, min(width, height) // 10)
    font = ImageFont.load_default(size)
    side = max(width, 12 * size)  # room for the row labels
    head = 2 * size + GAP
    row_height = max(height, 4 * size) + GAP
    across = side + len(column_labels) * (width + GAP) + 2 * GAP
    rows_a_page = max(1, (MOST_PIXELS // across - head) // row_height)
    for first in range(0, len(cells), rows_a_page):
        part = cells[first : first + rows_a_page]
        page = Image.new("RGB", (across, head + len(part) * row_height + GAP), PAPER)
        pen = ImageDraw.Draw(page)
        for column, label in enumerate(column_labels):
            middle = side + GAP + column * (width + GAP) + width // 2
            pen.text((middle, head // 2), label, INK, font, anchor="mm")
        for row, pictures in enumerate(part):
            top = head + row * row_height
            _row_label(pen, row_labels[first + row], (GAP, top, side, row_height - GAP), font)
            for column, picture in enumerate(pictures):
                page.paste(picture, (side + GAP + column * (width + GAP), top))
        yield page


def _row_label(
    pen: ImageDraw.ImageDraw,
    text: str,
    box: tuple[int, int, int, int],
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
) -> None:
    left, top, width, height = box
    line_height = int(font.getbbox("Ag")[3] * 1.25)
    lines = wrap(text, width - 2 * GAP, font)
    room = max(2, height // line_height)
    if len(lines) > room:  # the last line, with the seed, is kept
        lines = [*lines[: room - 2], f"{lines[room - 2]} …", lines[-1]]
    for number, line in enumerate(lines):
        colour = QUIET if number == len(lines) - 1 else INK
        pen.text((left, top + number * line_height), line, colour, font)
