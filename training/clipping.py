"""The gradient's length, and shortening one that is too long."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_TINY = 1e-6  # torch's, in `clip_grad_norm_`


@torch.no_grad()
def shorten(parameters: Sequence[nn.Parameter], longest: float) -> Tensor:
    """The gradient's length as it was; if that is more than `longest`, it is shortened. 0: let it.

    The same numbers as torch's `clip_grad_norm_`, which multiplies by 1 where nothing has to be
    shortened: on a CPU, a pass over memory in every step. Asking costs a wait for the device, but
    the loop reads the length in any case.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    device = gradients[0].device
    each = torch._foreach_norm(gradients)  # pyright: ignore[reportPrivateImportUsage]
    length = torch.linalg.vector_norm(torch.stack([one.to(device) for one in each]))
    if longest and length > longest:
        share = (longest / (length + _TINY)).item()
        torch._foreach_mul_(gradients, share)  # pyright: ignore[reportPrivateImportUsage]
    return length
