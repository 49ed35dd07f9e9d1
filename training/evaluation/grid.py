"""Grids on disk: cells by key, pages and a manifest by name."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..files import atomic, new_folder, write_json
from ..mark import save_marked
from . import manifest
from .picture import Table, pages
from .plan import Cell, GridPlan


@dataclass(frozen=True)
class Drawing:
    """What is sampled at once: a cell, or the cells of a batch. `cell` says how; `keys` are those
    of the pictures that come out, in order."""

    cell: Cell
    keys: tuple[str, ...]


def cell_file(cells: Path, key: str) -> Path:
    return cells / manifest.inner_file(key)


def drawings(plan: GridPlan) -> list[Drawing]:
    """All that a plan needs, each once: the base is the same in several rows."""
    found: dict[str, dict[int, Cell]] = {}
    for cell in plan.cells:
        found.setdefault(cell.drawing, {}).setdefault(cell.number, cell)
    return [
        Drawing(batch[0], tuple(batch[number].key for number in range(plan.batch)))
        for batch in found.values()
    ]


def missing(plan: GridPlan, cells: Path) -> list[Drawing]:
    """The drawings of `plan` whose pictures are not all there yet."""
    return [
        one
        for one in drawings(plan)
        if not all(cell_file(cells, key).is_file() for key in one.keys)
    ]


def save_cell(
    cells: Path, key: str, pixels: np.ndarray, texts: Mapping[str, str] | None = None
) -> Path:
    """Keep `[height, width, 3]` pixels in 0..1 as a cell, rounded as ComfyUI's Save Image does.

    `texts` go into the file beside them: the graph that drew it, which is no part of its key.
    """
    path = cell_file(cells, key)
    whole = np.clip(255.0 * pixels, 0, 255).astype(np.uint8)
    with atomic(path) as temporary:
        save_marked(Image.fromarray(whole), temporary, texts)
    return path


def save_pages(
    plan: GridPlan, cells: Path, grids: Path, texts: Mapping[str, str] | None = None
) -> list[Path]:
    """Lay out the finished cells of `plan` in a new folder of `grids`, with its `manifest.json`.

    The very same grid, if it is there under that name, is returned as it is. One page is in memory
    at a time, and one cell. `texts` go into the pages' files.
    """
    told = manifest.describe(plan)
    before = _same(told, grids)
    if before:
        return before
    folder = new_folder(grids, plan.name)
    made = []
    for number, page in enumerate(pages(_table(plan, cells)), start=1):
        path = folder / f"grid-{number:02d}.png"
        with atomic(path) as temporary:
            save_marked(page, temporary, texts)
        made.append(path)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    write_json(folder / manifest.FILE, manifest.whole(told, now, [path.name for path in made]))
    return made


def _table(plan: GridPlan, cells: Path) -> Table:
    files = {(cell.row, cell.column): cell_file(cells, cell.key) for cell in plan.cells}
    sizes = [(cell.sampling.width, cell.sampling.height) for cell in plan.cells]

    def picture(row: int, column: int) -> Image.Image:
        with Image.open(files[row, column]) as found:
            return found.convert("RGB")

    size = max(width for width, _ in sizes), max(height for _, height in sizes)
    return Table(picture, size, plan.row_labels, plan.column_labels)


def _same(told: dict[str, Any], grids: Path) -> list[Path]:
    """The pages of a grid of this name with exactly these cells, or none."""
    for path in _manifests(grids, told["name"]):
        found = manifest.peek(path)
        names = found.get("pages")
        if isinstance(names, list) and names and all(map(_is_page, names)):
            files = [path.parent / name for name in names]
            if manifest.without_occasion(found) == told and all(file.is_file() for file in files):
                return files
    return []


def _manifests(grids: Path, name: str) -> Iterable[Path]:
    return sorted(grids.glob(f"{escape(name)}*/{manifest.FILE}"))


def _is_page(name: Any) -> bool:
    return isinstance(name, str) and bool(re.fullmatch(r"grid-\d+\.png", name))
