"""Any nest of dicts, lists, tensors and plain values as one safetensors file: no pickle."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_in
from safetensors.torch import save_file

from .files import atomic

_NEST = "atelier.nest"  # where the header keeps the nest, with the tensors' names in their places
_DIGEST = "atelier.digest"  # of the nest and every byte of its tensors
# What comes of files that were damaged or made up: RuntimeError for endless nests, too.
_LIES = (SafetensorError, OSError, KeyError, TypeError, StopIteration, ValueError, RuntimeError)


def _pack(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        name, order = str(len(tensors)), _order(value)
        tensors[name] = value.detach().cpu().permute(order).contiguous().clone()
        return {"tensor": name, "order": order} if order != sorted(order) else {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, _pack(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_pack(item, tensors) for item in value]}
    return value


def _order(value: torch.Tensor) -> list[int]:
    """Its dimensions as they lie in memory: products of a matrix that lies otherwise are rounded
    otherwise, and a resumed run would differ in the last bit.
    """
    if value.is_contiguous():
        return list(range(value.ndim))
    return sorted(range(value.ndim), key=lambda i: (-value.stride(i), i))


def _unpack(packed: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if not isinstance(packed, dict):
        return packed
    kind, value = next(iter(packed.items()))
    if kind == "tensor":
        order = packed.get("order")
        return tensors[value].permute(_inverse(order)) if order else tensors[value]
    if kind == "dict":
        return {key: _unpack(item, tensors) for key, item in value}
    if kind not in ("list", "tuple"):
        raise ValueError(f"{kind!r} is no kind of nest")
    items = [_unpack(item, tensors) for item in value]
    return tuple(items) if kind == "tuple" else items


def _inverse(order: list[int]) -> list[int]:
    return sorted(range(len(order)), key=order.__getitem__)


def _digest(packed: str, tensors: dict[str, torch.Tensor]) -> str:
    sha = hashlib.sha256(packed.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        sha.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        data: Any = tensor.reshape(-1).view(torch.uint8).numpy()
        sha.update(data)
    return sha.hexdigest()


def save(path: Path, nest: Any) -> None:
    """Write `nest` to `path`, whole or not at all; `TypeError` for what is none of the above."""
    tensors: dict[str, torch.Tensor] = {}
    packed = json.dumps(_pack(nest, tensors))
    metadata = {_NEST: packed, _DIGEST: _digest(packed, tensors)}
    with atomic(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def load(path: Path) -> Any:
    """What `save` wrote. Raises `ValueError` naming the file if it is damaged.

    Every byte is checked; a file from before there was a digest, by its form alone.
    """
    try:
        data = path.read_bytes()  # in memory: Windows cannot delete a mapped file
        tensors = tensors_in(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
        packed = header[_NEST]
        if header.get(_DIGEST, found := _digest(packed, tensors)) != found:
            raise ValueError("its bytes are not those that were written")
        return _unpack(json.loads(packed), tensors)
    except _LIES as error:
        raise ValueError(f"{path} is damaged ({error}).") from error
