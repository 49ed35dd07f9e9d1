"""A LoRA into models/loras, with what it was made from."""

import json
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .files import atomic, safe_name
from .host import folders
from .host.fingerprint import state_digest
from .run import Run

WEIGHTS = "atelier.weights"  # hash of the tensors, in the header
MOST_GRAPH = 3_500_000  # the page reads no header of 4 MiB and more; the rest needs room too


def save_lora(
    lora: dict[str, Tensor], prefix: str, run: Run | None, graph: Any, private: bool
) -> str:
    """Write `lora` under the next free number of `prefix`; return its name as loaders list it.

    If the newest files of that name already hold these weights, that file's name is returned and
    nothing is written. `graph` (the page's workflow) makes the file bring back its graph when it is
    dropped on the canvas. `private` leaves out all that is not needed to use the file.
    """
    name = safe_name(prefix, "LoRA name", folders=True)
    base = folders.loras() / name
    weights = state_digest(lora)
    numbered = sorted(base.parent.glob("*.safetensors")) if base.parent.is_dir() else []
    for path in reversed([path for path in numbered if path.stem.startswith(f"{base.name}_")]):
        if _header(path).get(WEIGHTS) == weights:
            return path.relative_to(folders.loras()).as_posix()
    metadata = {WEIGHTS: weights, **(_of_run(run) if run else {"format": "pt"})}
    if private:
        metadata.pop("atelier.run", None)
    elif graph and len(text := json.dumps(graph)) < MOST_GRAPH:
        metadata["workflow"] = text
    path = folders.new_lora(name)
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in lora.items()}
    with atomic(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)
    return path.relative_to(folders.loras()).as_posix()


def _header(path) -> dict[str, str]:
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError):
        return {}


def _of_run(run: Run) -> dict[str, str]:
    return _header(run.lora_file)
