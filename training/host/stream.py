"""Frozen weights that stay in main memory and are brought over for each use, there and back.

ComfyUI's own loader fills a device as far as it is told and leaves the other layers where they are;
these cast their weight whenever they are called. That was made for sampling: autograd would keep
every weight that was brought over until backward comes, and newer versions bring it into a buffer
that the next layer writes over. So in the private tree a layer that was left out computes the plain
product of `linear.py`, or the convolution below: both bring the weight over once for forward and
once more for backward, and keep nothing.

Never run on a GPU, but on a card that counts (`measure/card`). On a CPU both places are the same
memory; there the layers are left out and compute in this way too.
"""

from functools import cache
from typing import Any

import comfy.ops
import torch
from comfy.model_management import module_size
from comfy.model_patcher import ModelPatcher
from torch import Tensor, nn
from torch.amp.autocast_mode import is_autocast_available
from torch.nn.grad import conv1d_input, conv2d_input

from .linear import plain_linear
from .staying import Staying

_INPUT = {nn.Conv1d: conv1d_input, nn.Conv2d: conv2d_input}


class Streaming(Staying):
    """A patcher that leaves out large frozen layers only, and as many as `resident` says.

    `resident` is how many bytes of these layers may be on the device. All else is always there: the
    adapter, norms, what a network keeps outside its layers.
    """

    resident: float = float("inf")

    def partially_load(
        self, device_to: Any, extra_memory: float = 0, force_patch_weights: bool = False
    ) -> Any:
        room = self.resident - self.loaded_size()
        return super().partially_load(
            device_to,
            min(extra_memory, room),  # pyright: ignore[reportArgumentType]
            force_patch_weights=force_patch_weights,
        )

    def load(self, device_to: Any = None, *how: Any, **named: Any) -> None:
        super().load(device_to, *how, **named)
        self._settle(device_to)

    def partially_unload(self, device_to: Any, *how: Any, **named: Any) -> Any:
        freed = super().partially_unload(device_to, *how, **named)
        self._settle(self.load_device)
        return freed

    def _load_list(self, *how: Any, **named: Any) -> list[Any]:
        """What ComfyUI may load or leave out: entries `(…, module, names of its parameters)`."""
        layers = set(movable(self.model))
        return [entry for entry in super()._load_list(*how, **named) if entry[-2] in layers]

    def _settle(self, device: torch.device) -> None:
        """What may not be left out is on `device`; what was left out computes plainly."""
        layers = set(movable(self.model))
        for module in self.model.modules():
            if module in layers:
                if is_left_out(module):
                    compute_plainly(module)
                continue
            own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
            if any(tensor.device != device for tensor in own):
                module._apply(lambda tensor: tensor.to(device), recurse=False)
        # ComfyUI's own count has all else in it after some ways of loading, and not after others
        self.model.model_loaded_weight_memory = sum(
            module_size(one) for one in layers if _is_there(one)
        )


@cache
def streaming(kind: type[ModelPatcher]) -> type[Streaming]:
    """`kind`, which may be a node pack's own, as a `Streaming` patcher."""
    made: Any = type(f"Streaming{kind.__name__}", (Streaming, kind), {})
    return made


def movable(model: nn.Module) -> list[nn.Module]:
    """The layers that can be left out: ComfyUI's own linear layers and convolutions.

    Not those on which a DoRA sits: it reads the weight itself.
    """
    read = {module.base_layer for module in model.modules() if _is_dora(module)}
    return [module for module in model.modules() if _casts(module) and module not in read]


def _is_dora(module: Any) -> bool:
    return hasattr(module, "base_layer") and any(getattr(module, "use_dora", {}).values())


def _casts(module: nn.Module) -> bool:
    """Whether it is a layer with a weight, of a kind that ComfyUI itself casts (GGUF's is not)."""
    cast = getattr(type(module), "forward_comfy_cast_weights", None)
    if cast is None or cast.__module__ != comfy.ops.__name__:
        return False
    return isinstance(module, nn.Linear) or _is_convolution(module)


def _is_convolution(module: nn.Module) -> bool:
    return isinstance(module, tuple(_INPUT)) and module.padding_mode == "zeros"


def is_left_out(module: nn.Module) -> bool:
    """ComfyUI's own mark, in every version, as is the one below."""
    return hasattr(module, "prev_comfy_cast_weights")


def _is_there(module: nn.Module) -> bool:
    return getattr(module, "comfy_patched_weights", False) is True


def make_convolutions_plain(network: nn.Module) -> None:
    """Let ComfyUI's casting convolutions in `network` keep no cast weight for backward."""
    for module in network.modules():
        if _casts(module) and _is_convolution(module) and module.comfy_cast_weights:
            compute_plainly(module)


def compute_plainly(module: Any) -> None:
    """Give one layer the forward that brings its weight over for each use, in place."""
    kind = type(module)
    if kind.__name__.startswith("Plain"):
        return
    plain = plain_linear if issubclass(kind, nn.Linear) else _plain
    module.__class__ = plain(kind)


@cache
def _plain(kind: type[nn.Module]) -> type[nn.Module]:
    return type(f"Plain{kind.__name__}", (kind,), {"forward": _forward})


def _forward(self: Any, input: Tensor) -> Tensor:  # noqa: A002 - as nn.Conv2d calls it
    comfy.ops.run_every_op()  # the user's cancel
    return _Convolution.apply(input, self)  # pyright: ignore


class _Convolution(torch.autograd.Function):
    """A frozen layer's convolution, without keeping its weight where and as x is."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: Any) -> Tensor:
        ctx.layer, ctx.shape = layer, x.shape
        how = {"device": x.device, "dtype": _precision(x)}
        bias = layer.bias
        return layer._conv_forward(
            x.to(how["dtype"]), layer.weight.to(**how), None if bias is None else bias.to(**how)
        )

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # pyright: ignore
        layer = ctx.layer
        (back,) = (input_of for kind, input_of in _INPUT.items() if isinstance(layer, kind))
        weight = layer.weight.to(device=grad.device, dtype=grad.dtype)
        how = (layer.stride, layer.padding, layer.dilation, layer.groups)
        return back(ctx.shape, weight, grad, *how), None


def _precision(x: Tensor) -> torch.dtype:
    """That in which autocast computes, if it is on."""
    kind = x.device.type
    cast = is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    return torch.get_autocast_dtype(kind) if cast else x.dtype
