"""Grids on disk: cells by key, pages and a manifest by name."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..files import atomic, new_folder, write_json
from ..mark import save_marked
from .picture import pages
from .plan import Cell, GridPlan


def cell_file(cells: Path, key: str) -> Path:
    return cells / key[:2] / f"{key}.png"


def missing(plan: GridPlan, cells: Path) -> list[Cell]:
    """The cells of `plan` whose pictures are not there yet."""
    return [cell for cell in plan.cells if not cell_file(cells, cell.key).is_file()]


def save_cell(cells: Path, key: str, pixels: np.ndarray) -> Path:
    """Keep `[height, width, 3]` pixels in 0..1 as a cell, rounded as ComfyUI's Save Image does."""
    path = cell_file(cells, key)
    whole = np.clip(255.0 * pixels, 0, 255).astype(np.uint8)
    with atomic(path) as temporary:
        save_marked(Image.fromarray(whole), temporary)
    return path


def save_pages(plan: GridPlan, cells: Path, grids: Path) -> list[Path]:
    """Lay out the finished cells of `plan` in a new folder of `grids`, with its `manifest.json`.

    The very same grid, if it is there under that name, is returned as it is.
    """
    before = _same(plan, grids)
    if before:
        return before
    columns = len(plan.strengths)
    files = [cell_file(cells, cell.key) for cell in plan.cells]
    table = [
        [Image.open(file).convert("RGB") for file in files[start : start + columns]]
        for start in range(0, len(files), columns)
    ]
    folder = new_folder(grids, plan.name)
    made = []
    for number, page in enumerate(pages(table, plan.row_labels, plan.column_labels), start=1):
        path = folder / f"grid-{number:02d}.png"
        with atomic(path) as temporary:
            save_marked(page, temporary)
        made.append(path)
    write_json(folder / "manifest.json", _manifest(plan) | {"pages": [path.name for path in made]})
    return made


def _manifest(plan: GridPlan) -> dict[str, Any]:
    return {
        "version": 1,
        "name": plan.name,
        "sampling": asdict(plan.sampling),
        "cells": [
            asdict(cell) | {"file": cell_file(Path(), cell.key).as_posix()} for cell in plan.cells
        ],
    }


def _same(plan: GridPlan, grids: Path) -> list[Path]:
    """The pages of a grid of this name with exactly these cells, or none."""
    wanted = _manifest(plan)
    for path in sorted(grids.glob("*/manifest.json")):
        found = _read(path)
        names = found.pop("pages", None)
        if found == wanted and isinstance(names, list) and all(map(_is_page, names)):
            pages = [path.parent / name for name in names]
            if pages and all(page.is_file() for page in pages):
                return pages
    return []


def _read(path: Path) -> dict[str, Any]:
    """A manifest; nothing for one that is damaged, or that somebody else wrote."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_page(name: Any) -> bool:
    return isinstance(name, str) and bool(re.fullmatch(r"grid-\d+\.png", name))
