"""Reading safetensors files that strangers wrote: whole and in memory, or a `ValueError`."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load
from torch import Tensor

from .files import legible

# What safetensors raises on files that lie, and on types that this torch does not know.
LIES = (SafetensorError, OSError, KeyError, RuntimeError, TypeError, ValueError)


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the header's texts. The file may be moved or written over afterwards.

    Its header is checked against its length before the rest is read. Raises `ValueError` that names
    the file for what is damaged, or no safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
        return load(path.read_bytes()), header  # a mapped file could not be deleted on Windows
    except LIES as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> ValueError:
    """What to say of a file for which `error`, one of `LIES`, was raised."""
    return ValueError(f"{legible(path)} is damaged, or not a safetensors file ({legible(error)}).")


def not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor with a value that is NaN or infinite."""
    for name, tensor in tensors.items():
        plain = tensor.float() if tensor.dtype.itemsize == 1 else tensor
        if not torch.isfinite(plain).all():
            return name
    return None
