"""A grid of a thousand cells in the page of grids: the server's memory, and whether it halts."""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from ..tests.galleries import keys, write_grid
from ..training.browse.contents import Contents
from ..training.browse.thumbnails import SIZES, Thumbnails
from ..training.evaluation import gallery, gallery_html
from ..training.evaluation.grid import save_cell
from .report import Report, Value
from .speed_memory import apart

AT = 512
ROWS, COLUMNS = 125, 8


def measure(quick: bool) -> Report:
    rows = ROWS // 5 if quick else ROWS
    with tempfile.TemporaryDirectory() as place:
        base = Path(place)
        folder = _write(base / "output" / "atelier", rows)
        server = apart(f"{__package__}.viewer_server", str(base), folder.name)
        file = _as_file(base / "output" / "atelier", folder)
        page = apart(f"{__package__}.viewer_page", str(file))
    table: list[dict[str, Value]] = [
        {"action": name, "longest task, ms": round(halt)} for name, halt in page.items()
    ]
    figures = {**server, "longest_task_ms": round(max(page.values()))}
    return Report(
        figures,
        table,
        f"A grid of {rows} rows and {COLUMNS} columns of {AT} px pictures. Longest tasks "
        "(PerformanceObserver) are of the best of three turns, in the grid as one file, in a "
        "window of 1600 × 900; 0 is below 50 ms, which Chromium does not tell. Memory is the "
        "server process's peak: after the first hundred cells, in three sizes each, and what was "
        "added by all others and by writing the file.",
    )


def _write(pictures: Path, rows: int) -> Path:
    """Pictures that all differ, with grain as photographs have."""
    folder = write_grid(
        pictures, "many", [f"prompt number {one} of a long list" for one in range(rows)],
        seeds=[1], strengths=[number / 8 for number in range(COLUMNS)], scores=True, drawn=False,
    )  # fmt: skip
    dice = np.random.default_rng(1)
    small = dice.uniform(0, 1, (16, 16, 3)).astype(np.float32)
    smooth = Image.fromarray((small * 255).astype(np.uint8)).resize(
        (AT, AT), Image.Resampling.BICUBIC
    )
    ground = np.asarray(smooth, np.float32) / 255
    for number, key in enumerate(key for row in keys(folder) for key in row):
        turned = np.roll(ground, (number * 37, number * 11), (0, 1))
        save_cell(pictures / "cells", key, turned + dice.normal(0, 0.01, turned.shape))
    return folder


def _as_file(pictures: Path, folder: Path) -> Path:
    found = gallery.read(folder)
    small = Thumbnails(pictures.parents[1] / "thumbnails", Contents())
    path = folder / "grid.html"
    with path.open("wb") as out:
        for piece in gallery_html.pages(
            found,
            lambda key, size: small.of(
                pictures / "cells" / found.tile(key).file, SIZES[size == "large"]
            ),
        ):
            out.write(piece)
    return path
