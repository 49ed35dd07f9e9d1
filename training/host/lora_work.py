"""Merging and its kin on ComfyUI's files and models: where they lie, progress, cancel."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import comfy.lora
import torch
from comfy.model_patcher import ModelPatcher
from comfy.sd import CLIP
from torch import Tensor

from ..loras.convert import RECORD, Convert
from ..loras.health import Row, health, rows, told
from ..loras.lowrank import Budget
from ..loras.merge import Base, Item, Merge
from ..loras.methods import Recipe
from ..loras.resize import resized
from ..loras.result import Result, Tally, add
from ..loras.sink import Sink, common, writing
from ..loras.source import Lora, TensorFile
from ..save import PRECISIONS
from ..stack.names import listed
from ..stack.rows import NO_FILE
from ..stack.stack import Plain, Stack, plain_rows
from . import folders
from .lora_choice import lora_file, lora_names
from .progress import Progress


def open_lora(name: str) -> Lora:
    return Lora(TensorFile(lora_file(name)))


def chosen(rows_: Sequence[Plain], lora_stack: Any, stack: Stack | None = None) -> list[Plain]:
    """The rows of a node, of a `LORA_STACK` and of ours, without those that name no file."""
    own = [row for row in rows_ if row[0] not in NO_FILE]
    others = plain_rows(lora_stack) if lora_stack is not None else []
    ours = stack.plain() if stack else []
    known = lora_names()
    more = [(listed(name, known), model, text) for name, model, text in (*others, *ours)]
    return [*own, *more]


def merge_loras(
    some: Sequence[Plain], recipe: Recipe, prefix: str, precision: str, model: Any, clip: Any
) -> tuple[str, str]:
    """Merge into a new file; its name as loaders list it, and what to tell."""
    items = [Item(open_lora(name), weight, text) for name, weight, text in some]
    work = Merge(items, recipe, weights_for(model, clip))
    header = common([item.lora.metadata for item in items])
    header["atelier.merge"] = json.dumps(
        {
            "method": recipe.method,
            "rank": recipe.rank,
            "density": recipe.density,
            "window": recipe.window,
            "seed": recipe.seed,
            "loras": [
                {
                    "name": name,
                    "strength_model": weight,
                    "strength_clip": text,
                    "hash": item.lora.metadata.get("sshs_model_hash", ""),
                }
                for (name, weight, text), item in zip(some, items, strict=True)
            ],
        }
    )
    steps = [partial(work.result, layer) for layer in work.layers]
    return made(steps, prefix, precision, header, "Merging")


def resize_lora(name: str, budget: Budget, prefix: str, precision: str) -> tuple[str, str]:
    lora = open_lora(name)
    lora.refuse_others()
    header = common([lora.metadata])
    asked = {"rank": budget.rank, "energy": budget.energy, "error": budget.error}
    header["atelier.resize"] = json.dumps({"name": name} | asked)
    steps = [partial(resized, lora, stem, budget) for stem in lora.stems]
    return made(steps, prefix, precision, header, "Resizing")


def convert_lora(name: str, form: str, prefix: str) -> tuple[str, str]:
    lora = open_lora(name)
    work = Convert(lora, form)
    path = folders.new_lora(prefix)
    bar = Progress(len(work.steps))
    count = 0
    with writing(path) as sink:
        kept = {k: v for k, v in lora.metadata.items() if k not in (RECORD, "atelier.weights")}
        sink.metadata |= kept
        for done, step in enumerate(work.steps):
            bar.update(done, f"Converting · {done} of {len(work.steps)}")
            for key, tensor in work.tensors(step):
                sink.add(key, tensor)
                count += 1
        if work.record:
            sink.metadata[RECORD] = json.dumps(work.record)
    bar.update(len(work.steps))
    text = f"models/loras/{_relative(path)}: {count} tensors for {form}"
    return _relative(path), text


def inspect_lora(name: str) -> tuple[str, str]:
    """What to tell, and the same as JSON with every layer."""
    lora = open_lora(name)
    bar = Progress(len(lora.stems))
    table: list[Row] = []
    for row in rows(lora):
        table.append(row)
        bar.update(len(table), f"Reading · {len(table)} of {len(lora.stems)}")
    found = health(table)
    summary = {
        "name": name,
        "healthy": found.well and bool(table),
        "broken": [row.stem for row in found.broken],
        "dead": [row.stem for row in found.dead],
        "loud": [row.stem for row in found.loud],
        "layers": [_plain(row) for row in table],
        "metadata": lora.metadata,
    }
    return told(lora, table), json.dumps(summary, ensure_ascii=False)


def _plain(row: Row) -> dict[str, Any]:
    plain = {key: value for key, value in vars(row).items() if value == value}  # NaN is no JSON
    return plain | {"shape": list(row.shape)}


def made(
    steps: Sequence[Callable[[], Result | None]],
    prefix: str,
    precision: str,
    header: dict[str, str],
    doing: str,
) -> tuple[str, str]:
    """Write the layers that `steps` make, one after the other; the name, and what to tell."""
    path = folders.new_lora(prefix)
    bar, tally, total = Progress(len(steps)), Tally(), len(steps)
    with torch.inference_mode(), writing(path) as sink:
        for done, step in enumerate(steps):
            bar.update(done, f"{doing} · {done} of {total}")
            if result := step():
                add(sink, result, PRECISIONS[precision])
                tally.count(result)
        _describe(sink, tally, header, path)
    bar.update(total)
    name = _relative(path)
    return name, f"models/loras/{name}: {tally.text()}"


def _describe(sink: Sink, tally: Tally, header: dict[str, str], path: Path) -> None:
    sink.metadata |= header
    sink.metadata["modelspec.title"] = path.stem
    sink.metadata["ss_network_module"] = "networks.lora"
    if tally.ranks:
        sink.metadata["ss_network_dim"] = str(max(tally.ranks))
        sink.metadata["ss_network_alpha"] = str(float(max(tally.ranks)))


def _relative(path: Path) -> str:
    return path.relative_to(folders.loras()).as_posix()


def weights_for(model: ModelPatcher | None, clip: CLIP | None) -> Base:
    """The weight that a file's stem acts on, by ComfyUI's own maps of names."""
    places: dict[str, tuple[Callable[[str], Tensor], Any]] = {}
    if model is not None:
        found = comfy.lora.model_lora_keys_unet(model.model, {})
        places |= {stem: (weights_of(model), key) for stem, key in found.items()}
    if clip is not None:
        found = comfy.lora.model_lora_keys_clip(clip.cond_stage_model, {})
        places |= {stem: (weights_of(clip.patcher), key) for stem, key in found.items()}

    def base(stem: str) -> Tensor | None:
        if stem not in places:
            return None
        read, key = places[stem]
        name, part = (key[0], key[1]) if isinstance(key, tuple) else (key, None)
        weight = read(name)
        return weight.narrow(*part) if part else weight

    return base


def weights_of(patcher: ModelPatcher) -> Callable[[str], Tensor]:
    """A model's weights by name, one at a time, with the patches that wait on them."""
    own = patcher.model.state_dict()

    def read(key: str) -> Tensor:
        kept = patcher.backup.get(key)
        weight = (kept.weight if kept is not None else own[key]).detach().cpu()
        patches = patcher.patches.get(key)
        if not patches:
            return weight
        return comfy.lora.calculate_weight(patches, weight.float().clone(), key)

    return read
