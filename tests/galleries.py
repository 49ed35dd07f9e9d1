"""Grids as they lie on disk, with pictures that are drawn here."""

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from PIL import Image

from atelier.training.evaluation.grid import cell_file
from atelier.training.files import digest

BASE = "without LoRA"


def draw(cells: Path, key: str, size: tuple[int, int] = (64, 48)) -> Path:
    """A picture of a colour that is the key's own, with a mark."""
    path = cell_file(cells, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = (int(key[:2], 16), int(key[2:4], 16), int(key[4:6], 16))
    picture = Image.new("RGB", size, colour)
    picture.paste((255, 255, 255), (8, 8, 20, 20))
    picture.save(path)
    return path


def write_grid(
    pictures: Path,
    name: str = "grid",
    prompts: Sequence[str] = ("a cat", "a dog"),
    seeds: Sequence[int] = (1, 2),
    strengths: Sequence[float] = (0, 0.5, 1),
    scores: bool = False,
    drawn: bool = True,
) -> Path:
    """A grid of version 2 in `pictures/grids/name`, its cells in `pictures/cells`."""
    rows = list(product(prompts, seeds))
    cells: list[dict[str, Any]] = []
    for (row, (prompt, seed)), (column, strength) in product(enumerate(rows), enumerate(strengths)):
        key = digest(name, prompt, str(seed), repr(strength))
        if drawn:
            draw(pictures / "cells", key)
        cells.append(
            {
                "row": row,
                "column": column,
                "key": key,
                "file": cell_file(Path(), key).as_posix(),
                "prompt": prompt,
                "plain": prompt,
                "kind": "context",
                "seed": seed,
                "lora": "hats.safetensors" if strength else "",
                "checkpoint": 100 if strength else None,
                "strength": strength,
                "settings": {},
            }
        )
    manifest = {
        "version": 2,
        "name": name,
        "made": "2026-11-22T00:00:00",
        "row_axes": ["prompt", "seed"],
        "column_axes": ["strength"],
        "rows": [{"prompt": prompt, "seed": str(seed)} for prompt, seed in rows],
        "columns": [{"strength": f"{one:g}" if one else BASE} for one in strengths],
        "sampling": {"steps": 4, "cfg": 3.0, "sampler_name": "euler"},
        "cells": cells,
        "pages": [],
    }
    folder = pictures / "grids" / name
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    if scores:
        write_scores(folder, cells)
    return folder


def write_scores(folder: Path, cells: Sequence[dict[str, Any]]) -> None:
    """`identity` grows with the strength; `copying` of the last cell is highest, with its pair."""
    identity = {c["key"]: 0.2 + 0.6 * c["strength"] + 0.01 * c["row"] for c in cells}
    copying = {c["key"]: 0.1 * c["row"] + 0.05 * c["column"] for c in cells}
    Image.new("RGB", (40, 40), (9, 90, 200)).save(folder / "pair-1.png")
    columns = {}
    for column in sorted({c["column"] for c in cells}):
        own = [identity[c["key"]] for c in cells if c["column"] == column]
        mean = sum(own) / len(own)
        columns[str(column)] = {
            "mean": mean, "low": mean - 0.05, "high": mean + 0.05, "n": len(own), "too_few": False,
            "paired_difference": None,
        }  # fmt: skip
    told = {
        "version": 1,
        "scores": {
            "identity": {
                "encoder": "a test", "better": "higher", "says": "How like the references it is.",
                "cells": identity, "columns": columns, "ceiling": 0.9, "floor": 0.2, "pairs": {},
            },
            "copying": {
                "encoder": "a test", "better": "lower", "says": "How near a training picture.",
                "cells": copying, "columns": {}, "ceiling": None, "floor": None,
                "pairs": {cells[-1]["key"]: {"picture": "pair-1.png", "name": "hats/01.png"}},
            },
        },
        "recommendation": {
            "chosen": {"column": 1}, "reasons": ["It is like them, and no copy."],
            "advice": ["More pictures like hats/01.png."],
            "points": [point(c) for c in cells[1:3]],
        },
    }  # fmt: skip
    (folder / "scores.json").write_text(json.dumps(told), encoding="utf-8")


def point(cell: dict[str, Any]) -> dict[str, Any]:
    """Where a cell's column stands in the plot: half strength is chosen, full strength copies."""
    up, strong = 0.5 * cell["strength"], cell["strength"] == 1
    return {
        "column": cell["column"], "label": f"strength {cell['strength']:g}",
        "checkpoint": cell["checkpoint"], "strength": cell["strength"],
        "fidelity": {"mean": up, "low": up - 0.125, "high": up + 0.125, "n": 8, "too_few": False},
        "prompt": {"mean": 0.95, "low": 0.9, "high": 1.0, "n": 8, "too_few": False},
        "flags": ["copying"] if strong else [], "chosen": not strong,
    }  # fmt: skip


def keys(folder: Path) -> list[list[str]]:
    """Keys of cells by row and column."""
    cells = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["cells"]
    table: dict[int, list[str]] = {}
    for cell in cells:
        table.setdefault(cell["row"], []).append(cell["key"])
    return list(table.values())
