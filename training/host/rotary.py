"""ComfyUI's rotary embedding with a backward that costs what its forward does.

It turns pairs of numbers, so that the gradient is turned back. Autograd's own sums what the forward
had spread, and puts the two of a pair together from tensors that are zero elsewhere.
"""

from collections.abc import Callable, Iterator
from typing import Any

import comfy.ldm.flux.math as own
import torch
from torch import Tensor

Turn = Callable[[Tensor, Tensor], Tensor]


def turns() -> Iterator[tuple[Callable[..., Any], str, Callable[..., Any]]]:
    """ComfyUI's functions that turn, their names, and what does the same with our backward."""
    turn: Turn = own.apply_rope1

    def one(x: Tensor, angles: Tensor) -> Tensor:
        if torch.compiler.is_compiling():  # joins the passes itself, and makes of ours a wrong one
            return turn(x, angles)
        return _Turned.apply(x, angles, turn)  # pyright: ignore[reportReturnType]

    def both(q: Tensor, k: Tensor, angles: Tensor) -> tuple[Tensor, Tensor]:
        return one(q, angles), one(k, angles)

    yield turn, "apply_rope1", one
    yield own.apply_rope, "apply_rope", both


class _Turned(torch.autograd.Function):
    """`x` `[…, L, D]` by rotations `[…, L, D / 2, 2, 2]`, which do not learn (Su et al. 2021)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, angles: Tensor, turn: Turn) -> Tensor:
        ctx.save_for_backward(angles)
        ctx.turn = turn
        return turn(x, angles)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # pyright: ignore
        (angles,) = ctx.saved_tensors
        return ctx.turn(grad, angles.transpose(-1, -2)), None, None
