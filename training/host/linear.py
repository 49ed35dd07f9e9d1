"""Linear layers of low precision, with a backward.

ComfyUI has several kinds. Those that only cast their weight have a backward, but keep the cast
weight until it comes: in a network stored in fp8 that is the network twice more. Those that
multiply in fp8 or int8 have none, or lose the gradient and say nothing. And those of mixed
precision are no `nn.Linear`, so that no adapter finds them. In the private tree all of these
compute the same plain product: the weight as it is meant, cast or dequantised, once for forward and
once for backward.
"""

from functools import cache
from types import SimpleNamespace
from typing import Any

import comfy.ops
import torch
from torch import Tensor, nn


def make_plain(network: nn.Module) -> None:
    """Give ComfyUI's casting and quantised linear layers in `network` a plain forward, in place."""
    for module in network.modules():
        kind = type(module)
        if kind is comfy.ops.disable_weight_init.Linear:
            continue  # casts nothing: autograd keeps the weight itself
        if kind.__module__ == comfy.ops.__name__ and is_linear(module):
            module.__class__ = plain_linear(kind)
        elif hasattr(kind, "expert_linear"):
            module.__class__ = _plain_experts(kind)


def is_linear(module: nn.Module) -> bool:
    """Whether it is a linear layer, or becomes one in the private tree: that of mixed precision."""
    if type(module).__module__ != comfy.ops.__name__:
        return isinstance(module, nn.Linear)
    weight = getattr(module, "weight", None)  # those of experts lie in one, of three dimensions
    return hasattr(module, "in_features") and isinstance(weight, Tensor) and weight.ndim == 2


@cache
def plain_linear(kind: type[nn.Module]) -> type[nn.Module]:
    """`kind` as an `nn.Linear` with our forward; all else (loading, patching, moving) stays."""
    bases = (kind,) if issubclass(kind, nn.Linear) else (kind, nn.Linear)
    return type(f"Plain{kind.__name__}", bases, {"forward": _forward})


def _forward(self: Any, input: Tensor) -> Tensor:  # noqa: A002 - as nn.Linear calls it
    comfy.ops.run_every_op()  # the user's cancel
    if torch.is_autocast_enabled(input.device.type):
        input = input.to(torch.get_autocast_dtype(input.device.type))  # noqa: A001
    smoothing = getattr(self, "pre_quant_scale", None)
    if smoothing is not None:
        input = input * smoothing.to(input)  # noqa: A001
    # Rows, since some blocks add to the result in place, which a Function's result allows only if
    # it is no view.
    rows = _Product.apply(input.reshape(-1, input.shape[-1]), self)
    return rows.view(*input.shape[:-1], self.out_features)  # pyright: ignore


@cache
def _plain_experts(kind: type[nn.Module]) -> type[nn.Module]:
    """ComfyUI's bank of experts (gpt-oss's) of which each is such a product, and none is kept."""
    return type(f"Plain{kind.__name__}", (kind,), {"expert_linear": _of_expert})


def _of_expert(self: Any, input: Tensor, i: int) -> Tensor:  # noqa: A002 - as ComfyUI calls it
    bias = None if self.bias is None else self.bias[i]
    return _Product.apply(input, SimpleNamespace(weight=self.expert_weight(i), bias=bias))  # pyright: ignore


class _Product(torch.autograd.Function):
    """x W' + b of a frozen layer for rows `[N, in]`, without keeping W in the precision of x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: Any) -> Tensor:
        ctx.layer = layer
        bias = layer.bias
        return nn.functional.linear(x, _weight(layer, x), None if bias is None else bias.to(x))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # pyright: ignore
        return grad @ _weight(ctx.layer, grad), None


def _weight(layer: Any, like: Tensor) -> Tensor:
    """The weight `[out, in]` as it is meant, in the precision and on the device of `like`."""
    weight = layer.weight.to(like.device)
    if isinstance(weight, comfy.ops.QuantizedTensor):
        weight = weight.dequantize()
    weight = weight.to(like.dtype)
    scale = getattr(layer, "scale_weight", None)  # scaled fp8 in older versions
    return weight if scale is None else weight * scale.to(like)
