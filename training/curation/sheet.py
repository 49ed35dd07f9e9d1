"""Contact sheets: small pictures with a few lines of text beneath, in pages."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from PIL import Image, ImageDraw, ImageFont

from ..data.pictures import PictureError
from ..evaluation.picture import GAP, INK, PAPER, QUIET, wrap
from ..files import legible
from .look import decoded
from .verdict import Curation, Verdict

SIDE = 224  # pixels of a cell
LINES, COLUMNS, ROWS = 6, 6, 5
_SIZE = 12  # of the letters
_TALL = 16  # of a line


@dataclass(frozen=True)
class Cell:
    """One picture, its title and what is written below."""

    picture: Image.Image
    title: str
    text: str


def pages(cells: Iterable[Cell]) -> Iterator[Image.Image]:
    """The cells in pages of at most `COLUMNS` x `ROWS`; one is made at a time."""
    waiting = iter(cells)
    while some := list(islice(waiting, COLUMNS * ROWS)):
        yield _page(some)


def _page(cells: list[Cell]) -> Image.Image:
    across = min(len(cells), COLUMNS)
    wide, tall = SIDE + GAP, SIDE + LINES * _TALL + GAP
    page = Image.new("RGB", (across * wide + GAP, -(-len(cells) // across) * tall + GAP), PAPER)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(_SIZE)
    for number, cell in enumerate(cells):
        left, top = GAP + number % across * wide, GAP + number // across * tall
        small = cell.picture.copy()
        small.thumbnail((SIDE, SIDE))
        page.paste(small, (left + (SIDE - small.width) // 2, top + (SIDE - small.height) // 2))
        told = [_cut(line, font) for line in wrap(legible(cell.text), SIDE, font)]
        if len(told) > LINES - 1:
            told = [*told[: LINES - 2], f"{told[LINES - 2][:24]} …"]
        pen.text((left, top + SIDE + 2), _cut(legible(cell.title), font), QUIET, font)
        for row, line in enumerate(told, 1):
            pen.text((left, top + SIDE + 2 + row * _TALL), line, INK, font)
    return page


def _cut(line: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> str:
    """So much of a line as goes into a cell."""
    while font.getlength(line) > SIDE and len(line) > 2:
        line = f"{line[: len(line) * 9 // 10]}…"
    return line


def curation_cells(curation: Curation, most: int) -> Iterator[Cell]:
    """At most `most` pictures with their reasons: those set aside first, then the others.

    Before the name stands the number of its cluster; those of a cluster stand together.
    """
    ordered = sorted(curation.verdicts, key=lambda one: (one.kept, one.cluster))
    for one in ordered[:most]:
        cluster = f"{one.cluster} · " if one.cluster else ""
        yield Cell(_small(one), f"{cluster}{one.name}", _words(one))


def _words(one: Verdict) -> str:
    why = "; ".join(map(str, one.reasons))
    if one.decided:
        return f"you: {one.decided}. {why}"
    return why or "kept"


def _small(one: Verdict) -> Image.Image:
    try:
        return decoded(one.record.path, SIDE)
    except PictureError:
        return Image.new("RGB", (SIDE, SIDE), QUIET)
