"""How much LoRAs that are used together get into one another's way, layer by layer. Pure.

Two changes of one weight meet where they read the same inputs (the spaces of their rows) and write
the same outputs (of their columns). How near two spaces are is told by the cosines of their
principal angles (Björck and Golub 1973): the mean of the squared cosines is 1 where one space lies
in the other, and about (the larger rank) / (the layer's width) by chance. Sign conflicts: Yadav et
al. 2023 (TIES), section 3. Everything is made from the factors, but for the signs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor

from .layer import Delta, Factors, inner_product, norm
from .lowrank import Budget, decompose
from .resize import dice_for

ROWS = 256  # of a layer whose signs are looked at, evenly over it
DIRECTIONS = 128  # of a change that has no small rank (DoRA, a full difference), at most
LEAST = 1e-4  # of the largest singular value: a direction below is rounding


class Spaces(NamedTuple):
    """Orthonormal bases: of what a change writes `[out, k]`, and of what it reads `[in, k]`."""

    outputs: Tensor
    inputs: Tensor


@dataclass(frozen=True)
class Overlap:
    """Two LoRAs in one layer, `first` and `second` by their places in the stack.

    `norms`: Frobenius', of what they add at their strengths. `cosine`: of these as vectors; 1 is
    twice the same, -1 cancels. `inputs`, `outputs`: the mean squared cosine of the principal angles
    of what they read and write, 0 … 1; `angles`: the smallest of each, in degrees; `chance`: what
    the mean squares would be for spaces that have nothing to do with one another. `conflict`: the
    share of values with opposite signs; 0.5 by chance.
    """

    layer: str
    first: int
    second: int
    norms: tuple[float, float]
    cosine: float
    inputs: float
    outputs: float
    angles: tuple[float, float]
    chance: tuple[float, float]
    conflict: float

    @property
    def overlap(self) -> float:
        """Both reading and writing the same: the geometric mean."""
        return math.sqrt(self.inputs * self.outputs)

    @property
    def product(self) -> float:
        """Of the norms: by it layers are weighed."""
        return self.norms[0] * self.norms[1]


def overlaps(layer: str, deltas: Mapping[int, Delta]) -> list[Overlap]:
    """Every two of one layer's changes; those that are 0 have no spaces and are left out."""
    norms = {at: norm(one) for at, one in deltas.items()}
    live = {at: one for at, one in deltas.items() if norms[at] > 0}
    if len(live) < 2:
        return []
    found = {at: spaces(one, layer) for at, one in live.items()}
    signs = {at: _signs(one) for at, one in live.items()}
    out = []
    for first, second in combinations(live, 2):
        one, other = found[first], found[second]
        outputs, inputs = (_angles(a, b) for a, b in zip(one, other, strict=True))
        most = max(one.inputs.shape[1], other.inputs.shape[1])
        sizes = norms[first], norms[second]
        cosine = _inner(live[first], live[second]) / (sizes[0] * sizes[1])
        out.append(
            Overlap(
                layer,
                first,
                second,
                sizes,
                max(-1.0, min(1.0, cosine)),
                _mean_square(inputs),
                _mean_square(outputs),
                (_degrees(inputs), _degrees(outputs)),
                (most / len(one.inputs), most / len(one.outputs)),
                _opposite(signs[first], signs[second]),
            )
        )
    return out


def spaces(one: Delta, layer: str) -> Spaces:
    """What a change reads and writes, without directions that are nothing but rounding."""
    budget = Budget() if isinstance(one, Factors) else Budget(DIRECTIONS)
    svd = decompose(one, budget, dice_for(layer))
    count = int((svd.s > LEAST * svd.s[0]).sum())
    return Spaces(svd.u[:, :count], svd.v[:count].T)


def _angles(one: Tensor, other: Tensor) -> Tensor:
    """Cosines of the principal angles, falling."""
    return torch.linalg.svdvals((one.T @ other).double()).clamp(max=1.0)


def _mean_square(cosines: Tensor) -> float:
    return float(cosines.square().mean())


def _degrees(cosines: Tensor) -> float:
    return math.degrees(math.acos(float(cosines[0])))


def _signs(one: Delta) -> Tensor:
    """Of `ROWS` rows at most, evenly over all: -1, 0 and 1."""
    rows = one.shape[0]
    chosen = torch.linspace(0, rows - 1, min(rows, ROWS)).round().long()
    whole = one.up[chosen] @ one.down if isinstance(one, Factors) else one[chosen]
    return whole.sign().to(torch.int8)


def _opposite(one: Tensor, other: Tensor) -> float:
    """The share of values with opposite signs among those where neither is 0."""
    product = one * other
    count = int(product.count_nonzero())
    return int((product < 0).sum()) / count if count else 0.0


def _inner(one: Delta, other: Delta) -> float:
    if isinstance(one, Factors) and isinstance(other, Factors):
        return inner_product(one, other)
    if isinstance(one, Factors):
        one, other = other, one
    assert isinstance(one, Tensor)
    if isinstance(other, Factors):  # trace(down x one.T x up)
        return float(((one @ other.down.T).double() * other.up.double()).sum())
    return float((one.double() * other.double()).sum())


@dataclass(frozen=True)
class Pair:
    """Two LoRAs over some layers: `cosine` of all their values together, the others weighed by the
    products of the norms. `sizes`: each one's norm over the layers that both have.
    """

    first: int
    second: int
    layers: int
    sizes: tuple[float, float]
    cosine: float
    inputs: float
    outputs: float
    conflict: float
    chance: float

    @property
    def overlap(self) -> float:
        return math.sqrt(self.inputs * self.outputs)

    @property
    def ratio(self) -> float:
        """How many times the larger is the smaller."""
        return max(self.sizes) / min(self.sizes)


def together(some: list[Overlap]) -> Pair:
    """The same two LoRAs over all of `some`, which are at least one."""
    weight = sum(one.product for one in some)

    def mean(name: str) -> float:
        return sum(getattr(one, name) * one.product for one in some) / weight

    sizes = [math.sqrt(sum(one.norms[side] ** 2 for one in some)) for side in (0, 1)]
    cosine = sum(one.cosine * one.product for one in some) / (sizes[0] * sizes[1])
    chance = sum(math.sqrt(math.prod(one.chance)) * one.product for one in some) / weight
    return Pair(
        some[0].first,
        some[0].second,
        len(some),
        (sizes[0], sizes[1]),
        cosine,
        mean("inputs"),
        mean("outputs"),
        mean("conflict"),
        chance,
    )


def grouped(some: list[Overlap]) -> dict[tuple[int, int], list[Overlap]]:
    """By the two LoRAs, in the order of the stack."""
    pairs: dict[tuple[int, int], list[Overlap]] = {}
    for one in sorted(some, key=lambda one: (one.first, one.second)):
        pairs.setdefault((one.first, one.second), []).append(one)
    return pairs
