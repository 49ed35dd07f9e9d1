"""Long gradients made short, so that their inner products stay what they are. Pure torch."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

_CHUNK = 2**22  # numbers that are projected at a time: 50 MB beside the gradient


@dataclass(frozen=True)
class Projection:
    """To `size` numbers by a count sketch: each number is added, with a sign of its own, to one of
    `size` places, both drawn from `seed` (Charikar et al. 2002; Weinberger et al. 2009, section 2).

    Inner products are kept on average, with a standard error of at most |a|·|b|·sqrt(2 / size), as
    by dense random matrices (TRAK, Park et al. 2023, section 3.2), and in one pass over the
    gradient. What has at most `size` numbers is not projected at all.
    """

    size: int
    seed: int = 0

    def of(self, parts: Iterable[Tensor]) -> Tensor:
        """The tensors `parts` as one vector `[size]` in fp32, on their device.

        It is shorter where they have fewer numbers in all. Only vectors made on the same kind of
        device can be compared: generators differ.
        """
        flat = [part.detach().reshape(-1) for part in parts]
        if sum(map(len, flat)) <= self.size:
            return torch.cat(flat).float()
        device = flat[0].device
        dice = torch.Generator(device).manual_seed(self.seed)
        result = torch.zeros(self.size, device=device)
        for part in flat:
            for some in part.split(_CHUNK):
                drawn = torch.randint(2 * self.size, some.shape, generator=dice, device=device)
                result.index_add_(0, drawn >> 1, some.float() * ((drawn & 1) * 2 - 1))
        return result
