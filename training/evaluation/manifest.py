"""A grid's `manifest.json`: what each picture was made with. Pure."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..files import legible
from .plan import WITHOUT, Cell, GridPlan

FILE = "manifest.json"
VERSION = 2
_MADE, _PAGES = "made", "pages"


def inner_file(key: str) -> str:
    """Where the cell of `key` lies in the folder of cells."""
    return f"{key[:2]}/{key}.png"


def describe(plan: GridPlan) -> dict[str, Any]:
    """The manifest of `plan`, without the time and the pages."""
    sampling = asdict(plan.sampling)
    varied = {name for cell in plan.cells for name in cell.settings}
    return {
        "version": VERSION,
        "name": plan.name,
        "row_axes": list(plan.row_axes),
        "column_axes": list(plan.column_axes),
        "rows": [dict(labels) for labels in plan.rows],
        "columns": [dict(labels) for labels in plan.columns],
        "sampling": {name: value for name, value in sampling.items() if name not in varied},
        "cells": [_cell(cell, plan.batch) for cell in plan.cells],
    }


def _cell(cell: Cell, batch: int) -> dict[str, Any]:
    shown = cell.shown
    return {
        "row": cell.row,
        "column": cell.column,
        "key": cell.key,
        "file": inner_file(cell.key),
        "prompt": cell.prompt.text,
        "plain": cell.prompt.plain,
        "kind": cell.prompt.kind,
        "seed": cell.seed,
        **({"number": cell.number} if batch > 1 else {}),
        "lora": shown.name if shown else "",
        "checkpoint": shown.checkpoint if shown else None,
        "strength": cell.strength,
        "settings": dict(cell.settings),
    }


def whole(told: dict[str, Any], made: str, pages: list[str]) -> dict[str, Any]:
    """What is written, of what `describe` gave."""
    return {"version": VERSION, "name": told["name"], _MADE: made} | told | {_PAGES: pages}


def without_occasion(found: dict[str, Any]) -> dict[str, Any]:
    """What `describe` gave, of what was written."""
    return {name: value for name, value in found.items() if name not in (_MADE, _PAGES)}


def read(folder: Path) -> dict[str, Any]:
    """The manifest in `folder`, of any version as one of the newest.

    Raises `ValueError` that names the file for one that is damaged or of a newer version.
    """
    path = folder / FILE
    found = peek(path)
    version = found.get("version")
    try:
        if version == 1:
            return _from_1(found)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({legible(error)}). Draw the grid again.") from error
    if version != VERSION:
        newer = isinstance(version, int) and version > VERSION
        why = f"was written by a newer Atelier (version {version})" if newer else "is no manifest"
        raise ValueError(f"{legible(path)} {why}. Update Atelier, or draw the grid again.")
    return found


def peek(path: Path) -> dict[str, Any]:
    """What JSON holds; nothing for a file that is damaged, or that somebody else wrote."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _from_1(found: dict[str, Any]) -> dict[str, Any]:
    """Rows were prompts and seeds, columns strengths of one LoRA, and prompts had no kind."""
    rows: dict[int, dict[str, str]] = {}
    columns: dict[int, dict[str, str]] = {}
    cells = []
    for cell in found["cells"]:
        strength = float(cell["strength"])
        rows[int(cell["row"])] = {"prompt": str(cell["prompt"]), "seed": str(cell["seed"])}
        columns[int(cell["column"])] = {"strength": f"{strength:g}" if strength else WITHOUT}
        cells.append(
            cell
            | {"plain": cell["prompt"], "kind": "context", "checkpoint": None, "settings": {}}
            | {"lora": "LoRA" if strength else ""}
        )
    return found | {
        "version": VERSION,
        _MADE: None,
        "row_axes": ["prompt", "seed"],
        "column_axes": ["strength"],
        "rows": [rows[number] for number in range(len(rows))],
        "columns": [columns[number] for number in range(len(columns))],
        "cells": cells,
    }
