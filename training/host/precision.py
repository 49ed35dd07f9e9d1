"""The precision in which a step computes.

Two cases. The network computes in bf16 or fp16 by itself, as ComfyUI runs it: then only the
adapter, which is fp32, has to be brought to that. Or it computes in fp32 and another was asked for:
then all of it runs under autocast, as in kohya's scripts and in diffusers'.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from ..adapters.adapter import Adapter
from .forward import Denoiser
from .stream import is_left_out

HALVES = (torch.bfloat16, torch.float16)
_COMPUTE = {
    "auto": None,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "fp32": torch.float32,
}


@dataclass(frozen=True)
class Precision:
    """`adapter` is that of the adapter's arithmetic, `network` what autocast brings all else to.

    None: as it is. `overflows`: something computes in fp16, and losses have to be scaled.
    """

    adapter: torch.dtype | None = None
    network: torch.dtype | None = None
    overflows: bool = False

    @classmethod
    def of(cls, asked: str, own: torch.dtype) -> "Precision":
        """For the setting `compute`, on a network that ComfyUI runs in `own`."""
        wanted = _COMPUTE[asked] or own
        overflows = torch.float16 in (wanted, own)
        if asked == "fp32":
            return cls(overflows=overflows)
        if wanted == own:
            return cls(own if own in HALVES else None, None, overflows)
        return cls(wanted, wanted, overflows)

    def autocast(self, device: torch.device) -> AbstractContextManager:
        """For everything that the network does."""
        return torch.autocast(device.type, self.network) if self.network else nullcontext()


def compute_in(asked: str, denoiser: Denoiser, adapter: Adapter | None) -> Precision:
    """Set up network and adapter, if it has one, for the setting `compute`, on their device."""
    precision = Precision.of(asked, denoiser.dtype)
    if precision.adapter and adapter:
        adapter.compute_in(precision.adapter, denoiser.device.type)
    # a DoRA goes by the lengths of the fp32 weight
    if precision.network and not (adapter and adapter.kind == "dora"):
        cast_once(denoiser.model.diffusion_model, precision.network)
    return precision


def cast_once(network: nn.Module, dtype: torch.dtype) -> None:
    """Cast frozen weights of the private `network` that autocast would cast in every step.

    The numbers are the same, and so is the memory at the end of a forward pass, since autograd
    keeps what autocast made. Weights stored in less stay as they are (see `linear`), and so do
    those that stay in main memory (see `stream`).
    """
    for module in network.modules():
        if is_left_out(module):
            continue
        if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            for name, parameter in module.named_parameters(recurse=False):
                if _can_be(parameter, dtype):
                    setattr(module, name, nn.Parameter(parameter.to(dtype), requires_grad=False))


def _can_be(parameter: nn.Parameter, dtype: torch.dtype) -> bool:
    return (
        not parameter.requires_grad
        and parameter.is_floating_point()
        and parameter.dtype.itemsize >= dtype.itemsize
        and not is_traceable_wrapper_subclass(parameter)
        and type(parameter.data) is torch.Tensor
    )
