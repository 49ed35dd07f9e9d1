"""A table of figures as a picture: the fuller the colour, the larger the figure. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from ..evaluation.picture import GAP, INK, PAPER, QUIET, wrap

_SIZE, _TALL, _WIDE = 13, 20, 56  # of the letters, and of a cell
_LEGEND = 640  # pixels of a line of text, at least
_NOTHING = "#f3f4f6"
Colour = tuple[int, int, int]
_COOL: Colour = (37, 99, 235)
_WARM: Colour = (200, 60, 30)
_PALE: Colour = (250, 250, 250)


@dataclass(frozen=True)
class Scale:
    """Figures from `low` to `high`: from cool over pale to warm where there is a `middle`, else
    from pale to warm. `form` writes a figure.
    """

    low: float
    high: float
    middle: float | None = None
    form: str = "{:.2f}"

    def colour(self, value: float) -> Colour:
        start = self.low if self.middle is None else self.middle
        end = self.high if value >= start else self.low
        share = min(1.0, abs(value - start) / (abs(end - start) or 1.0))
        strong = _WARM if value >= start else _COOL
        red, green, blue = (
            round(pale + share * (full - pale)) for pale, full in zip(_PALE, strong, strict=True)
        )
        return red, green, blue


def heat_map(
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | None]],
    scale: Scale,
    legend: Sequence[str],
) -> Image.Image:
    """`values[row][column]`; `None` is a cell without a figure. `legend` stands beneath."""
    font = ImageFont.load_default(_SIZE)
    side = int(max(font.getlength(row) for row in rows)) + 2 * GAP
    wide = max(_WIDE, *(int(font.getlength(column)) + 2 * GAP for column in columns))
    across = max(side + wide * len(columns) + GAP, _LEGEND)
    told = [line for text in legend for line in wrap(text, across - 2 * GAP, font)]
    head = 2 * _TALL + GAP
    down = head + _TALL * len(rows) + 2 * GAP + _TALL * len(told) + GAP
    page = Image.new("RGB", (across, down), PAPER)
    pen = ImageDraw.Draw(page)
    pen.text((GAP, GAP), title, INK, font)
    for column, label in enumerate(columns):
        pen.text((side + wide * column + wide // 2, head - GAP), label, INK, font, anchor="ms")
    for row, label in enumerate(rows):
        top = head + _TALL * row
        pen.text((side - GAP, top + _TALL // 2), label, INK, font, anchor="rm")
        for column, value in enumerate(values[row]):
            left = side + wide * column
            _cell(pen, (left, top, left + wide - 2, top + _TALL - 2), value, scale, font)
    for row, line in enumerate(told):
        pen.text((GAP, head + _TALL * (len(rows) + row) + 2 * GAP), line, QUIET, font)
    return page


def _cell(
    pen: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    value: float | None,
    scale: Scale,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
) -> None:
    if value is None:
        pen.rectangle(box, _NOTHING)
        return
    colour = scale.colour(value)
    dark = sum(colour) < 400
    pen.rectangle(box, colour)
    middle = (box[0] + box[2]) // 2, (box[1] + box[3]) // 2
    pen.text(middle, scale.form.format(value), PAPER if dark else INK, font, anchor="mm")
