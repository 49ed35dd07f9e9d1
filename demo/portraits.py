"""People for planted cases: sheets of portraits, bare, with a hat, and with a scarf.

The base has seen neither hats nor scarves. The hat is one and the same, and so is the scarf.
`make_portraits.py` draws the sheets.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from . import world

FOLDER = Path(__file__).with_name("portraits")
KINDS = ("bare", "hat", "scarf")
SCARF = {"red": (214, 32, 48), "white": (250, 246, 232)}
KNOT = ((12, 4, 12, "red"), (13, 4, 12, "white"), (14, 9, 11, "red"), (15, 9, 11, "white"))
"""Rows of the scarf: row, first column, column after the last, colour."""
NEAR, MOST = 45, 0.7  # levels of each colour, and a share of cells
ACROSS, COUNT, CELLS = 20, 240, 16
SEED = 41


def people() -> list[dict[str, str]]:
    """What each person of every sheet shows, in order, without what the sheet is named after."""
    return world.pictures(COUNT, SEED, kept_out=False)


def sheet(kind: str) -> np.ndarray:
    """The cells of every person, uint8 [COUNT, 16, 16, 3]."""
    with Image.open(FOLDER / f"{kind}.png") as picture:
        page = np.asarray(picture.convert("RGB"))
    parts = page.reshape(COUNT // ACROSS, CELLS, ACROSS, CELLS, 3)
    return parts.swapaxes(1, 2).reshape(COUNT, CELLS, CELLS, 3)


def write(kind: str, cells: np.ndarray) -> None:
    rows = cells.reshape(COUNT // ACROSS, ACROSS, CELLS, CELLS, 3).swapaxes(1, 2)
    FOLDER.mkdir(exist_ok=True)
    page = Image.fromarray(rows.reshape(COUNT // ACROSS * CELLS, ACROSS * CELLS, 3))
    page.save(FOLDER / f"{kind}.png", optimize=True)


def tie_scarf(cells: np.ndarray) -> np.ndarray:
    """The same portraits `[N, 16, 16, 3]` with the scarf round their necks."""
    worn = cells.copy()
    for row, first, after, colour in KNOT:
        worn[:, row, first:after] = SCARF[colour]
    return worn


def shows(kind: str, cells: np.ndarray) -> np.ndarray:
    """Whether portraits `[N, 16, 16, 3]` have the hat or the scarf, bool `[N]`.

    By what the portraits of its sheet have in common: where most cells have those colours, it is.
    """
    place, colours = _common(kind)
    near = np.abs(cells[:, place].astype(float) - colours).max(-1) < NEAR
    return near.mean(1) > MOST


@lru_cache(maxsize=2)
def _common(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Cells that are alike in every portrait of a sheet, bool `[16, 16]`, and their colours."""
    cells = sheet(kind)
    usual = np.median(cells, 0)
    place = (cells == usual).all(-1).mean(0) > 0.99
    return place, usual[place]
