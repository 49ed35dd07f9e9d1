"""Any nest of dicts, lists, tensors and plain values as one safetensors file: no pickle."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as tensors_in
from safetensors.torch import save_file

from .files import atomic

_NEST = "atelier.nest"  # where the header keeps the nest, with the tensors' names in their places


def _pack(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, _pack(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return {"list": [_pack(item, tensors) for item in value]}
    return value


def _unpack(packed: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if not isinstance(packed, dict):
        return packed
    kind, value = next(iter(packed.items()))
    if kind == "tensor":
        return tensors[value]
    if kind == "dict":
        return {key: _unpack(item, tensors) for key, item in value}
    return [_unpack(item, tensors) for item in value]


def save(path: Path, nest: Any) -> None:
    """Write `nest` to `path`, whole or not at all; `TypeError` for what is none of the above."""
    tensors: dict[str, torch.Tensor] = {}
    packed = json.dumps(_pack(nest, tensors))
    with atomic(path) as temporary:
        save_file(tensors, temporary, metadata={_NEST: packed})


def load(path: Path) -> Any:
    """What `save` wrote, tuples as lists. Raises `ValueError` naming the file if it is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            packed = json.loads((file.metadata() or {})[_NEST])
        tensors = tensors_in(path.read_bytes())  # in memory: Windows cannot delete a mapped file
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is damaged ({error}).") from error
    return _unpack(packed, tensors)
