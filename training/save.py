"""A LoRA into models/loras, with what it was made from."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .adapters.diffusers_names import for_diffusers
from .files import atomic, safe_name
from .host import folders
from .host.fingerprint import state_digest
from .metadata import THUMBNAIL, hashes
from .run import Run

WEIGHTS = "atelier.weights"  # hash of the tensors, in the header
PUBLIC = ("format", "modelspec.", "ss_network_", "sshs_", WEIGHTS)  # what a file needs to be used
MOST_GRAPH = 3_500_000  # the page reads no header of 4 MiB and more; the rest needs room too


PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Form:
    """How a file is written: for `comfyui` (and kohya) or `diffusers`, and in which precision."""

    reader: str = "comfyui"
    precision: str = "fp32"

    def of(self, lora: dict[str, Tensor], family: str) -> dict[str, Tensor]:
        if self.reader == "diffusers":
            if not family:
                raise ValueError("form = 'diffusers' needs the run that made the LoRA: wire it.")
            lora = for_diffusers(lora, family)
        dtype = PRECISIONS[self.precision]
        return {name: value.detach().to("cpu", dtype).contiguous() for name, value in lora.items()}


USUAL = Form()


def save_lora(
    lora: dict[str, Tensor],
    prefix: str,
    run: Run | None,
    graph: Any,
    private: bool,
    form: Form = USUAL,
) -> str:
    """Write `lora` under the next free number of `prefix`; return its name as loaders list it.

    If a file of that name already holds these weights and says as much, its name is returned and
    nothing is written. `graph` (the page's workflow) makes the file bring back its graph when it
    is dropped on the canvas. `private` leaves out all that is not needed to use the file: `PUBLIC`
    stays.
    """
    name = safe_name(prefix, "LoRA name", folders=True)
    base = folders.loras() / name
    header = _header(run.lora_file) if run else {}
    lora = form.of(lora, header.get("atelier.family", ""))
    weights = state_digest(lora)
    metadata = {"format": "pt", **header, **hashes(lora), WEIGHTS: weights}
    if private:
        metadata = {
            key: value
            for key, value in metadata.items()
            if key.startswith(PUBLIC) and key != THUMBNAIL
        }
    elif graph and len(text := json.dumps(graph)) < MOST_GRAPH:
        metadata["workflow"] = text
    numbered = sorted(base.parent.glob("*.safetensors")) if base.parent.is_dir() else []
    for path in reversed([path for path in numbered if path.stem.startswith(f"{base.name}_")]):
        header = _header(path)
        if header.get(WEIGHTS) == weights and header.keys() == metadata.keys():
            return path.relative_to(folders.loras()).as_posix()
    path = folders.new_lora(name)
    with atomic(path) as temporary:
        save_file(lora, temporary, metadata=metadata)
    return path.relative_to(folders.loras()).as_posix()


def _header(path: Path) -> dict[str, str]:
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError):
        return {}
