"""Ways to make one delta of several. Pure; all on the deltas themselves, not on A and B apart.

linear, svd: the weighted sum. slerp: Shoemake 1985, on deltas as vectors. magnitude: the largest
values of each, then the sum. ties: Yadav et al. 2023. dare: Yu et al. 2023. della: Deep et al.
2024. Signs are elected before weighing, as peft's `merge_utils` does.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..files import digest
from .layer import Delta, Factors, dense, inner_product, norm

METHODS = ("linear", "slerp", "svd", "ties", "dare", "dare_ties", "della", "magnitude")
SUMS = ("linear", "slerp", "svd")  # in which every delta is multiplied by a number and added
_PARALLEL = 1e-6  # radians


@dataclass(frozen=True)
class Recipe:
    """How to merge. `density`: the share of values that stays; `window`: by how much a value's
    chance of it differs with its size (della). `rank` 0 keeps everything (linear and slerp).
    """

    method: str = "linear"
    rank: int = 0
    density: float = 0.5
    window: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"There is no method {self.method!r}: {', '.join(METHODS)}.")
        if not 0 < self.density <= 1:
            raise ValueError(f"density = {self.density:g} must be above 0, and 1 at most.")
        low, high = self.density - self.window / 2, self.density + self.window / 2
        if self.method == "della" and not (self.window >= 0 and low > 0 and high <= 1):
            raise ValueError(
                f"della keeps values by chances from {low:g} to {high:g} (density ± half the "
                "window), which must lie above 0 and not above 1."
            )
        if self.rank < 0 or (not self.rank and self.method not in ("linear", "slerp")):
            raise ValueError(
                f"{self.method} needs a rank above 0; only linear and slerp go without."
            )

    def dice(self, layer: str) -> torch.Generator:
        """Chance for one layer, the same in whatever order layers are merged."""
        seed = int(digest(str(self.seed), layer)[:15], 16)
        return torch.Generator().manual_seed(seed)


def merged(
    deltas: Sequence[Delta], weights: Sequence[float], recipe: Recipe, dice: torch.Generator
) -> Delta:
    """One layer's deltas as one: as factors where all are and the method is a sum."""
    if recipe.method in SUMS:
        if recipe.method == "slerp":
            weights = slerp_weights(deltas, weights)
        return total(deltas, weights)
    kept = (_kept(dense(one), recipe, dice) for one in deltas)  # one at a time
    if recipe.method in ("dare", "magnitude"):
        return _sum(kept, weights, _shape(deltas[0]))
    return _agreed(kept, weights, _shape(deltas[0]))


def _kept(one: Tensor, recipe: Recipe, dice: torch.Generator) -> Tensor:
    """What is left of one delta before the sum."""
    if recipe.method == "della":
        return _della(one, recipe.density, recipe.window, dice)
    if recipe.method in ("dare", "dare_ties"):
        return _dare(one, recipe.density, dice)
    return _largest(one, recipe.density)


def total(deltas: Sequence[Delta], weights: Sequence[float]) -> Delta:
    """The weighted sum: of factors by putting them side by side, which is exact."""
    if all(isinstance(one, Factors) for one in deltas):
        ups = [one.up * by for one, by in zip(deltas, weights, strict=True)]  # pyright: ignore[reportAttributeAccessIssue]
        return Factors(torch.cat(ups, 1), torch.cat([one.down for one in deltas]))  # pyright: ignore[reportAttributeAccessIssue]
    return _sum(map(dense, deltas), weights, _shape(deltas[0]))


def _sum(deltas: Iterable[Tensor], weights: Sequence[float], shape: tuple[int, ...]) -> Tensor:
    out: Tensor | None = None
    for one, by in zip(deltas, weights, strict=True):
        out = torch.zeros(shape, dtype=one.dtype) if out is None else out
        out += by * one
    assert out is not None
    return out


def slerp_weights(deltas: Sequence[Delta], weights: Sequence[float]) -> list[float]:
    """What two deltas are multiplied by on the arc between them; `weights` say how far along."""
    one, other = deltas
    along = weights[1] / (weights[0] + weights[1])
    lengths = norm(one) * norm(other)
    if not lengths:
        return [1 - along, along]
    cosine = max(-1.0, min(1.0, _inner(one, other) / lengths))
    angle = math.acos(cosine)
    if min(angle, math.pi - angle) < _PARALLEL:  # the arc is a point, or no one arc is shorter
        return [1 - along, along]
    return [
        math.sin((1 - along) * angle) / math.sin(angle),
        math.sin(along * angle) / math.sin(angle),
    ]


def _inner(one: Delta, other: Delta) -> float:
    if isinstance(one, Factors) and isinstance(other, Factors):
        return inner_product(one, other)
    return float((dense(one).double() * dense(other).double()).sum())


def _shape(one: Delta) -> tuple[int, ...]:
    return tuple(one.shape)


def _largest(one: Tensor, density: float) -> Tensor:
    """All but the largest values are 0."""
    count = int(density * one.numel())
    if not count:
        return torch.zeros_like(one)
    sizes = one.abs().flatten()
    least = sizes.kthvalue(len(sizes) - count + 1).values
    return one * (one.abs() >= least)


def _dare(one: Tensor, density: float, dice: torch.Generator) -> Tensor:
    """Each value stays by chance, and those that do make up for the others."""
    if density == 1:
        return one
    mask = torch.bernoulli(torch.full_like(one, density), generator=dice)
    return one * mask / density


def _della(one: Tensor, density: float, window: float, dice: torch.Generator) -> Tensor:
    """MagPrune: in each row the larger values have the better chances, evenly by their order."""
    columns = one.shape[1]
    order = one.abs().argsort(1).argsort(1).to(one.dtype)  # 0 for the smallest of the row
    chance = density - window / 2 + window * order / max(columns - 1, 1)
    return one * torch.bernoulli(chance, generator=dice) / chance


def _agreed(deltas: Iterable[Tensor], weights: Sequence[float], shape: tuple[int, ...]) -> Tensor:
    """Of each value's sign the one with more weight to it wins; the mean of those that have it.

    In one pass: what either sign would give is summed before it is known which wins.
    """
    balance, above, below, more, less = (torch.zeros(shape) for _ in range(5))
    for one, by in zip(deltas, weights, strict=True):
        balance += one
        above += by * one.clamp(min=0)
        below += by * one.clamp(max=0)
        more += one > 0
        less += one < 0
    return torch.where(balance >= 0, above / more.clamp(min=1), below / less.clamp(min=1))
