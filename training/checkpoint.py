"""Checkpoints: any nest of dicts, lists, tensors and plain values, as one safetensors file."""

import json
import logging
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from .files import atomic

NAME = "step-{:08d}.safetensors"


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


def save(path: Path, tree: dict[str, Any]) -> None:
    """Write `tree` to `path`, whole or not at all."""
    tensors: dict[str, torch.Tensor] = {}
    packed = json.dumps(_pack(tree, tensors))
    with atomic(path) as temporary:
        save_file(tensors, temporary, metadata={"atelier.checkpoint": packed})


def load(path: Path) -> dict[str, Any]:
    """What `save` wrote. Raises `ValueError` naming the file if it is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            packed = json.loads((file.metadata() or {})["atelier.checkpoint"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not a whole checkpoint ({error}).") from error
    return _unpack(packed, tensors)


def newest(folder: Path) -> dict[str, Any] | None:
    """The newest whole checkpoint in `folder`; damaged ones are passed over, with a warning."""
    for path in sorted(folder.glob("step-*.safetensors"), reverse=True):
        try:
            return load(path)
        except ValueError as error:
            logging.warning("%s Going back to the one before.", error)
    return None


def keep_newest(folder: Path, count: int = 2) -> None:
    """Delete all but the `count` newest checkpoints."""
    for path in sorted(folder.glob("step-*.safetensors"))[:-count]:
        path.unlink()
