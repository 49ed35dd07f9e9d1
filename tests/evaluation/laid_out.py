"""A grid on disk, as Evaluation Grid leaves it, of pictures that a few numbers decide."""

from pathlib import Path

import numpy as np
from PIL import Image

from atelier.training.data.dataset import Record
from atelier.training.evaluation.grid import cell_file
from atelier.training.files import digest, write_json

KINDS = ["trigger"] * 2 + ["context"] * 8 + ["plain"] * 9


def picture(path, seed, red):
    """Noise, in which something red is what was learned."""
    noise = np.random.default_rng(seed).integers(0, 255, (64, 64, 3))
    noise[:, :, 0] = noise[:, :, 0] * (1 - red) + 255 * red
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise.astype(np.uint8)).save(path)
    return Record(path, "", 64, 64)


def lay_out(folder, cells_folder, lora="r"):
    """The base and two checkpoints of `lora`, of which the second has learned more."""
    cells, columns = [], [("", None, 0.0, 0.0), (lora, 10, 1.0, 0.3), (lora, 20, 1.0, 0.9)]
    for column, (name, step, strength, red) in enumerate(columns):
        for row, kind in enumerate(KINDS):
            key = digest(f"{lora} {column} {row}")
            file = cell_file(Path(), key).as_posix()
            picture(cell_file(cells_folder, key), row, 0 if kind == "plain" else red)
            cell = {"row": row, "column": column, "key": key, "file": file, "prompt": f"p{row}"}
            cell |= {"plain": f"p{row}", "kind": kind, "seed": 1, "lora": name, "settings": {}}
            cells.append(cell | {"checkpoint": step, "strength": strength})
    told = {"version": 2, "name": "g", "made": "", "sampling": {}, "cells": cells, "pages": []}
    told |= {"row_axes": ["prompt"], "column_axes": ["checkpoint"], "rows": []}
    told["columns"] = [{"checkpoint": label} for label in ("without LoRA", "step 10", "step 20")]
    write_json(folder / "manifest.json", told)
