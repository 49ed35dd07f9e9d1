"""A LoRA into models/loras, new words into models/embeddings, with what they were made from."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .adapters.diffusers_names import for_diffusers
from .data.words import CALL
from .files import atomic, safe_name
from .host import folders
from .host.fingerprint import state_digest
from .metadata import THUMBNAIL, hashes
from .run import Run
from .tensor_file import not_finite

WEIGHTS = "atelier.weights"  # hash of the tensors, in the header
PUBLIC = ("format", "modelspec.", "ss_network_", "sshs_", WEIGHTS)  # what a file needs to be used
MOST_HEADER = 4 * 2**20  # the page reads none of so many bytes, and would not find the graph


PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_SCALES = (".alpha", ".dora_scale")


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
        return stored(lora, self.precision)


def stored(lora: dict[str, Tensor], precision: str | None) -> dict[str, Tensor]:
    """On the CPU and in `precision`, but for what scales a whole layer or row: that stays fp32, for
    a rounded one would move all of it the same way. With no precision, all is as it was. Raises
    `ValueError` for a value that the precision cannot hold, or that is no number.
    """

    def one(name: str, tensor: Tensor) -> Tensor:
        if not precision or not tensor.is_floating_point():
            return tensor
        return tensor.to(PRECISIONS["fp32" if name.endswith(_SCALES) else precision])

    state = {name: one(name, tensor.detach().cpu()).contiguous() for name, tensor in lora.items()}
    if precision and (name := not_finite(state)):
        raise ValueError(
            f"{name} has a value that is too large for precision = {precision!r}, or no number: "
            "choose precision = 'fp32', or train again with a lower learning_rate."
        )
    return state


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
    if not lora:
        raise ValueError(
            "The LoRA is empty: new words alone were trained. Wire the run too, and they are "
            "written."
        )
    metadata = metadata_of(lora, header, graph, private)
    folders.new_lora(name)  # refuses a folder that leads elsewhere, before any is read
    path = _same(base.parent, rf"{re.escape(base.name)}_.*", metadata)
    path = path or _write(lora, metadata, lambda: folders.new_lora(name))
    return path.relative_to(folders.loras()).as_posix()


def save_now(lora: dict[str, Tensor], name: str, header: dict[str, str]) -> str:
    """Write what is learned so far under the next free number of `name`; return the file's name."""
    lora = USUAL.of(lora, "")
    metadata = metadata_of(lora, header, None, private=False)
    return _write(lora, metadata, lambda: folders.new_lora(name)).name


def save_words(run: Run, graph: Any, private: bool) -> list[str]:
    """Write the run's new words; return how each is called in a prompt: `embedding:ohwx`.

    As for a LoRA: nothing is written over, and the same vectors are not written twice.
    """
    called = []
    for word, vectors in run.words().items():
        metadata = metadata_of(vectors, _header(run.word_file(word)), graph, private)
        path = _same(folders.embeddings()[0], rf"{re.escape(word)}(-\d+)?", metadata)
        path = path or _write(vectors, metadata, partial(folders.new_embedding, word))
        called.append(f"{CALL}{path.stem}")
    return called


def metadata_of(
    state: dict[str, Tensor], header: dict[str, str], graph: Any, private: bool
) -> dict[str, str]:
    """The header for `state`: what was known of it, its hashes and the graph; see `save_lora`."""
    metadata = {"format": "pt", **header, **hashes(state), WEIGHTS: state_digest(state)}
    if private:
        return {
            key: value
            for key, value in metadata.items()
            if key.startswith(PUBLIC) and key != THUMBNAIL
        }
    with_graph = metadata | {"workflow": json.dumps(graph)}
    return with_graph if graph and _length(state, with_graph) < MOST_HEADER else metadata


def _length(state: dict[str, Tensor], metadata: dict[str, str]) -> int:
    """Bytes of the header, at most: beside its name, a tensor has type, shape and place there."""
    return len(json.dumps(metadata)) + sum(len(json.dumps(name)) + 150 for name in state)


def _same(folder: Path, name: str, metadata: dict[str, str]) -> Path | None:
    """The last file of that name (a pattern) that holds these weights and says as much."""
    for path in sorted(folder.glob("*.safetensors"), reverse=True) if folder.is_dir() else []:
        if re.fullmatch(name, path.stem):
            header = _header(path)
            if header.get(WEIGHTS) == metadata[WEIGHTS] and header.keys() == metadata.keys():
                return path
    return None


def _write(state: dict[str, Tensor], metadata: dict[str, str], free: Callable[[], Path]) -> Path:
    """Write to what `free` names, anew until no other process was faster."""
    while True:
        path = free()
        with suppress(FileExistsError):
            with atomic(path, new=True) as temporary:
                save_file(state, temporary, metadata=metadata)
            return path


def _header(path: Path) -> dict[str, str]:
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError):
        return {}
