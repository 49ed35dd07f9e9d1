"""What is on the wire, as a hash: the same weights and patches give the same one on any machine."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import folder_paths
import torch
from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import WrappersMP
from comfy.sd import CLIP
from safetensors.torch import save
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from ..files import digest
from .dynamic import in_own_type, is_dynamic, named_tensors
from .stack_schedule import KEY

_SUFFIXES = ("", ".safetensors", ".pt", ".bin")
SAMPLES = 256  # values looked at in each tensor


def _bytes_of(tensor: torch.Tensor) -> Iterator[torch.Tensor]:
    """The plain tensors that a quantised one is made of, or itself."""
    if is_traceable_wrapper_subclass(tensor):  # ComfyUI's: values and scales that act as one
        for name in tensor.__tensor_flatten__()[0]:
            yield from _bytes_of(getattr(tensor, name))
    else:  # GGUF's says another shape than its bytes have
        yield tensor.detach().as_subclass(torch.Tensor)


def tensor_bytes(tensor: torch.Tensor) -> list[bytes]:
    """What of a tensor counts, also of a quantised one."""
    return [_tensor(one) for one in _bytes_of(tensor)]


def _tensor(tensor: torch.Tensor) -> bytes:
    """Type, shape and `SAMPLES` evenly spread values: merging or tuning changes them all."""
    flat = tensor.reshape(-1)
    spread = flat[:: max(1, len(flat) // SAMPLES)].cpu().contiguous()
    return save({f"{tensor.dtype} {list(tensor.shape)}": spread.view(torch.uint8)})


def _add(sha: "hashlib._Hash", value: Any) -> None:
    """Feed `value` (tensors, numbers, texts, containers, weight adapters) into `sha`, in order."""
    if isinstance(value, torch.Tensor):
        for part in tensor_bytes(value):
            sha.update(part)
    elif isinstance(value, dict):
        for key in sorted(value, key=str):
            sha.update(str(key).encode())
            _add(sha, value[key])
    elif isinstance(value, list | tuple):
        sha.update(f"({len(value)}".encode())
        for item in value:
            _add(sha, item)
    elif isinstance(value, str | int | float | bool | None):
        sha.update(json.dumps(value).encode())
    else:
        sha.update(type(value).__name__.encode())
        _add(sha, getattr(value, "weights", None))


def fingerprint(patcher: ModelPatcher) -> str:
    """Hash of a MODEL, CLIP or VAE (its patcher): unpatched weights, patches, shift."""
    sha = hashlib.sha256()
    model, backup = patcher.model, patcher.backup
    moves = is_dynamic(model)
    # Not its state dict: that of a GGUF holds names and no values.
    for name, tensor in named_tensors(model):
        sha.update(name.encode())
        whole = backup[name].weight if name in backup else tensor
        if moves:
            layer, _, own = name.rpartition(".")
            whole = in_own_type(model.get_submodule(layer), own, whole)
        _add(sha, whole)
    _add(sha, patcher.patches)
    if patcher.hook_patches:  # LoRAs with a schedule
        _add(sha, [*patcher.hook_patches.values()])
        _add(sha, patcher.get_wrappers(WrappersMP.OUTER_SAMPLE, KEY))
    sampling = patcher.object_patches.get("model_sampling")
    if sampling is not None:
        _add(sha, [base.__name__ for base in type(sampling).__mro__[1:3]])
        _add(sha, sampling.state_dict())
    return sha.hexdigest()


def text_fingerprint(clip: CLIP, texts: Iterable[str] = ()) -> str:
    """Hash of a CLIP: its patcher's, and what nodes such as CLIP Set Last Layer put beside it.

    And of the files of the embeddings that `texts` name.
    """
    told = [clip.layer_idx, clip.tokenizer_options, *embeddings(texts)]
    own = fingerprint(clip.patcher)
    return digest(own, json.dumps(told, sort_keys=True, default=str)) if told != [None, {}] else own


def embeddings(texts: Iterable[str]) -> list[str]:
    """Hashes of the embeddings' files that `texts` name, where ComfyUI would look for them."""
    names = {name for text in texts for name in re.findall(r"embedding:([^\s,():]+)", text)}
    files = [
        path
        for name in sorted(names)
        for folder in folder_paths.get_folder_paths("embeddings")
        for path in (Path(folder) / f"{name}{suffix}" for suffix in _SUFFIXES)
        if path.resolve().is_relative_to(Path(folder).resolve()) and path.is_file()
    ]
    return [digest(path.name, path.read_bytes()) for path in files]


def state_digest(state: dict[str, torch.Tensor]) -> str:
    """Hash of every byte of a LoRA's tensors."""
    return hashlib.sha256(
        save({name: tensor.cpu().contiguous() for name, tensor in sorted(state.items())})
    ).hexdigest()
