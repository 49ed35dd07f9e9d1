"""Whether two things are the same to the last bit."""

from typing import Any

import torch


def equal(one: Any, other: Any) -> bool:
    """For nests of dicts, lists, tensors and plain values."""
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other
