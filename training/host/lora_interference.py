"""How LoRAs of ComfyUI's folders get into one another's way: figures, a picture, and advice."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any

import torch
from PIL import Image

from ..files import legible
from ..loras import advice, heatmap
from ..loras.interference import Overlap, grouped, overlaps, together
from ..loras.layer import norm
from ..loras.merge import Item, Merge
from ..loras.methods import Recipe
from ..loras.names import block_of, readable
from ..stack.stack import Plain
from .lora_work import open_lora, weights_for
from .progress import Progress

MOST = 12  # LoRAs; of more the pairs are too many to look at
SHOWS = ("overlap", "cosine", "sign_conflict", "size")
_SCALES = {
    "overlap": heatmap.Scale(0.0, 1.0),
    "cosine": heatmap.Scale(-1.0, 1.0, 0.0),
    "sign_conflict": heatmap.Scale(0.0, 1.0, 0.5),
    "size": heatmap.Scale(0.0, 1.0, form="{:.0%}"),
}
_TITLES = {
    "overlap": "Overlap of what is read and written: 0 none, 1 the same",
    "cosine": "Cosine of the changes: 1 twice the same, -1 cancels",
    "sign_conflict": "Values with opposite signs: 0.5 by chance",
    "size": "Norm of what is added, as a share of the largest",
}


@dataclass(frozen=True)
class Found:
    """The figures of a stack: overlaps, and the norm of each LoRA by layer."""

    rows: Sequence[Plain]
    overlaps: Sequence[Overlap]
    norms: dict[str, dict[int, float]]

    @property
    def letters(self) -> list[str]:
        return [chr(ord("A") + at) for at in range(len(self.rows))]

    @property
    def names(self) -> list[str]:
        stems = [legible(PurePath(name.replace("\\", "/")).stem) for name, *_ in self.rows]
        return [f"{letter} {stem}" for letter, stem in zip(self.letters, stems, strict=True)]


def interference(rows: Sequence[Plain], model: Any, clip: Any) -> Found:
    """Every two of the stack in every layer, one layer of each file in memory at a time."""
    live = [row for row in rows if row[1] or row[2]]
    if not 2 <= len(live) <= MOST:
        raise ValueError(
            f"{len(live)} LoRAs with a strength other than 0 are chosen: interference is between 2 "
            f"and at most {MOST}."
        )
    items = [Item(open_lora(name), weight, text) for name, weight, text in live]
    work = Merge(items, Recipe(), weights_for(model, clip))
    bar, found, norms = Progress(len(work.layers)), [], {}
    with torch.inference_mode():
        for done, layer in enumerate(work.layers):
            bar.update(done, f"Comparing · {done} of {len(work.layers)}")
            parts = work.parts(layer)
            found += overlaps(layer, parts)
            norms[layer] = {at: norm(one) for at, one in parts.items()}
    bar.update(len(work.layers))
    return Found(live, found, norms)


def told(found: Found) -> str:
    pairs = grouped(list(found.overlaps))
    return advice.text(pairs, found.names, [row[1] for row in found.rows])


def picture(found: Found, show: str) -> Image.Image:
    """Blocks by pairs; for `size`, blocks by LoRAs."""
    legend = [
        f"{name}: {weight:g}" + (f", text {text:g}" if text != weight else "")
        for name, (_, weight, text) in zip(found.names, found.rows, strict=True)
    ]
    if show == "size":
        columns, cells = _sizes(found)
    else:
        columns, cells = _pairs(found, "conflict" if show == "sign_conflict" else show)
    rows = list(cells)
    values = [cells[row] for row in rows]
    return heatmap.heat_map(_TITLES[show], rows, columns, values, _SCALES[show], legend)


def _pairs(found: Found, name: str) -> tuple[list[str], dict[str, list[float | None]]]:
    pairs = grouped(list(found.overlaps))
    columns = [f"{found.letters[a]} + {found.letters[b]}" for a, b in pairs]
    each = [advice.blocks(some) for some in pairs.values()]
    rows = list(advice.blocks(found.overlaps))
    cells: dict[str, list[float | None]] = {
        row: [getattr(together(one[row]), name) if row in one else None for one in each]
        for row in rows
    }
    return columns or ["none"], cells or {"no layer in common": [None]}


def _sizes(found: Found) -> tuple[list[str], dict[str, list[float | None]]]:
    squares: dict[str, list[float]] = {}
    for layer, norms in found.norms.items():
        row = squares.setdefault(block_of(layer), [0.0] * len(found.rows))
        for at, size in norms.items():
            row[at] += size**2
    most = math.sqrt(max(max(row) for row in squares.values())) or 1.0
    cells: dict[str, list[float | None]] = {
        block: [math.sqrt(one) / most if one else None for one in row]
        for block, row in squares.items()
    }
    return found.letters, cells


def as_json(found: Found) -> str:
    """All figures: of the stack, of its pairs, of each pair's blocks, and of each layer."""
    strengths = [row[1] for row in found.rows]
    pairs = []
    for some in grouped(list(found.overlaps)).values():
        pair = together(some)
        blocks = {block: _plain(together(one)) for block, one in advice.blocks(some).items()}
        told = advice.advice(pair, some, found.names, strengths)
        pairs.append(
            _plain(pair) | {"verdict": advice.verdict(pair), "advice": told, "blocks": blocks}
        )
    loras = [
        {"letter": letter, "name": name, "strength_model": weight, "strength_clip": text}
        for letter, (name, weight, text) in zip(found.letters, found.rows, strict=True)
    ]
    layers = [
        asdict(one) | {"layer": readable(one.layer), "overlap": one.overlap}
        for one in found.overlaps
    ]
    return json.dumps({"version": 1, "loras": loras, "pairs": pairs, "layers": layers})


def _plain(pair: Any) -> dict[str, Any]:
    return asdict(pair) | {"overlap": pair.overlap}
