"""LoRAs made part of a checkpoint, by ComfyUI's own patching and saving."""

import json
import shutil
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import folder_paths
from comfy.model_patcher import ModelPatcher
from comfy.sd import CLIP, load_lora_for_models
from comfy_extras.nodes_model_merging import save_checkpoint

from ..files import legible, place_new, safe_name, telling
from ..stack.stack import Plain
from .lora_choice import read_lora
from .lora_work import open_lora
from .progress import Progress

RECIPE = "atelier.bake"  # in the header; `atelier.merge` of a merged LoRA stands inside it


def bake(
    model: ModelPatcher,
    clip: CLIP | None,
    vae: Any,
    rows: Sequence[Plain],
    prefix: str,
    graph: Any,
) -> tuple[str, str]:
    """Write a checkpoint with the LoRAs in it; its name as loaders list it, and what to tell.

    Raises `ValueError` for a LoRA that changes nothing of the model.
    """
    name = safe_name(prefix, "checkpoint name", folders=True)
    if not rows:
        raise ValueError("No LoRA is chosen: ComfyUI's Save Checkpoint writes the model as it is.")
    bar = Progress(len(rows) + 1)
    for done, row in enumerate(rows):
        bar.update(done, f"Applying {legible(row[0])}")
        model, clip = _applied(model, clip, row)
    bar.update(len(rows), "Writing the checkpoint")
    extra = {RECIPE: _recipe(rows)} | ({"workflow": graph} if graph else {})
    path = _saved(model, clip, vae, name, extra)
    bar.update(len(rows) + 1)
    listed = path.relative_to(_parent()).as_posix()
    return listed, f"output/checkpoints/{listed}: {len(rows)} LoRAs baked in"


def _applied(
    model: ModelPatcher, clip: CLIP | None, row: Plain
) -> tuple[ModelPatcher, CLIP | None]:
    name, weight, text = row
    before = _patches(model, clip)
    patched, clip = load_lora_for_models(model, clip, read_lora(name), weight, text)
    assert patched
    if (weight or (text and clip)) and _patches(patched, clip) == before:
        raise ValueError(
            f"{legible(name)} changes nothing of what is wired. Wire the model (and the clip) that "
            "it was made for."
        )
    return patched, clip


def _patches(model: ModelPatcher, clip: CLIP | None) -> int:
    some = [model.patches, *([clip.patcher.patches] if clip else [])]
    return sum(len(patches) for each in some for patches in each.values())


def _recipe(rows: Sequence[Plain]) -> dict[str, Any]:
    """What was baked in; of a LoRA that Atelier merged, its own recipe too."""
    loras = []
    for name, weight, text in rows:
        header = open_lora(name).metadata
        one = {"name": name, "strength_model": weight, "strength_clip": text}
        one["hash"] = header.get("sshs_model_hash", "")
        with suppress(KeyError, ValueError):
            one["merge"] = json.loads(header["atelier.merge"])
        loras.append(one)
    return {"version": 1, "loras": loras}


def _parent() -> Path:
    """Where ComfyUI's Save Checkpoint writes, and its loaders look."""
    return Path(folder_paths.get_output_directory()) / "checkpoints"


def _saved(
    model: ModelPatcher, clip: CLIP | None, vae: Any, name: str, extra: dict[str, Any]
) -> Path:
    """By ComfyUI's function, into a folder of its own; then under the next free number."""
    staged = _parent() / f".{uuid.uuid4().hex}.part"
    try:
        with telling(_parent() / name):
            staged.mkdir(parents=True)
            save_checkpoint(
                model,
                clip=clip,
                vae=vae,
                filename_prefix="baked",
                output_dir=str(staged),
                extra_pnginfo=extra,
            )
        (file,) = staged.glob("*.safetensors")
        while True:
            path = _free(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError), telling(path):  # another process was faster
                place_new(file, path)
                return path
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _free(name: str) -> Path:
    base = _parent() / name
    number = 1
    while (path := base.with_name(f"{base.name}_{number:05d}.safetensors")).exists():
        number += 1
    return path
