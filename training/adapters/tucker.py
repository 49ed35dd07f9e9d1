"""A LoHa with Tucker cores (LyCORIS), differentiated by autograd.

peft (0.21, `HadaWeightCP.backward`, after LyCORIS) takes the other half of the product for the
gradients of `hada_w1_a` and `hada_w2_a`, which then point elsewhere. Its forward is right.
"""

from typing import Any

import torch
from torch import Tensor


def rebuilt(core: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """A convolution's weight `[out, in, h, w]` from core `[r, r, h, w]`, up `[r, out]` and down
    `[r, in]`."""
    return torch.einsum("i j k l, j r, i p -> p r k l", core, down, up)


def differentiate_cores(module: Any, name: str) -> None:
    """Let the LoHa `name` on a peft layer, which has `hada_t1`, be computed here."""

    def half(number: int) -> Tensor:
        core, up, down = (
            getattr(module, f"hada_{part}")[name]
            for part in (f"t{number}", f"w{number}_a", f"w{number}_b")
        )
        return rebuilt(core, up, down)

    def delta(_name: str, *, apply_rank_dropout: bool = False) -> Tensor:
        shape = module.get_base_layer().weight.shape
        weight = (half(1) * half(2) * module.scaling[name]).reshape(shape)
        if not apply_rank_dropout:
            return weight
        rows = (torch.rand(len(weight)) > module.rank_dropout[name]).to(weight)  # as peft does
        return weight * (rows / rows.mean()).view(-1, *[1] * (weight.ndim - 1))

    module.get_delta_weight = delta
