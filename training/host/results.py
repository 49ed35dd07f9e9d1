"""Sums that go into a tensor that is there, and have no backward."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class NewResults(TorchFunctionMode):
    """Newer language models of ComfyUI put sums into a tensor that is there (`out=`), for which
    autograd has no backward: it would refuse them. Here they get a tensor of their own."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = dict(kwargs or {})
        if named.get("out") is not None and torch.is_grad_enabled() and _learns(args):
            del named["out"]
        return func(*args, **named)


def with_new_results(forward: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(forward)
    def run(*args: Any, **named: Any) -> Any:
        with NewResults():
            return forward(*args, **named)

    return run


def _learns(values: Sequence[Any]) -> bool:
    return any(isinstance(value, torch.Tensor) and value.requires_grad for value in values)
