"""A delta's singular values and vectors, and how many of them to keep. Pure.

Of a product of two thin matrices they are found exactly, without making it: by a QR of each and the
SVD of a small square. Of a whole matrix the first few are found by the randomised SVD (Halko,
Martinsson, Tropp 2011, algorithms 4.4 and 5.1).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from .layer import Delta, Factors, dense, norm

_ROUNDS = 3  # of power iteration
_BESIDE = 16  # columns beside those asked for


class Svd(NamedTuple):
    """`u` [out, k], `s` [k] falling, `v` [k, in]. `total`: the norm of what was taken apart;
    `partial`: there are more than `k`, which were not found.
    """

    u: Tensor
    s: Tensor
    v: Tensor
    total: float
    partial: bool = False

    def error(self, rank: int) -> float:
        """How far off the first `rank` are, as a share of the whole (Frobenius)."""
        if not self.total:
            return 0.0
        squares = self.s.double().square()
        left = float(squares[rank:].sum())
        if self.partial:
            left += max(0.0, self.total**2 - float(squares.sum()))
        return math.sqrt(left) / self.total

    def first(self, rank: int) -> Factors:
        root = self.s[:rank].sqrt()
        return Factors(self.u[:, :rank] * root, root[:, None] * self.v[:rank])


@dataclass(frozen=True)
class Budget:
    """How much of a delta is kept: at most `rank` (0: no limit), and no more than is needed for
    a share `energy` of its squared norm, or for an error of at most `error` of its norm.
    """

    rank: int = 0
    energy: float = 1.0
    error: float = 0.0

    def __post_init__(self) -> None:
        if self.rank < 0 or not 0 < self.energy <= 1 or not 0 <= self.error < 1:
            raise ValueError("rank must be 0 or more, energy in 0 … 1, error from 0 to below 1.")

    def of(self, svd: Svd) -> int:
        """How many singular values; at least one."""
        squares = svd.s.double().square()
        share = min(self.energy, 1 - self.error**2)
        if share < 1 and svd.total:
            reached = squares.cumsum(0) >= share * svd.total**2 * (1 - 1e-12)
            count = int((~reached).sum()) + 1
        else:  # all that is more than rounding
            count = int((svd.s > svd.s[0] * 1e-6).sum()) if len(svd.s) else 0
        count = min(max(count, 1), len(svd.s))
        return min(count, self.rank) if self.rank else count


def decompose(one: Delta, budget: Budget, dice: torch.Generator) -> Svd:
    """The SVD of a delta: whole, or the first `budget.rank` where no more is asked for."""
    fixed = budget.rank if budget.energy == 1 and not budget.error else 0
    if isinstance(one, Factors) and one.rank <= min(one.shape):
        return _exact(one)
    matrix = dense(one)
    if fixed and fixed + _BESIDE < min(matrix.shape) / 2:
        return randomized(matrix, fixed, dice)
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    return Svd(u, s, v, norm(matrix))


def _exact(one: Factors) -> Svd:
    left, upper = torch.linalg.qr(one.up)
    right, lower = torch.linalg.qr(one.down.T)
    u, s, v = torch.linalg.svd(upper @ lower.T, full_matrices=False)
    return Svd(left @ u, s, v @ right.T, float(torch.linalg.vector_norm(s)))


def randomized(matrix: Tensor, rank: int, dice: torch.Generator) -> Svd:
    """The first `rank` singular values and vectors of a matrix, nearly."""
    columns = min(rank + max(_BESIDE, rank // 4), *matrix.shape)
    sketch = matrix @ torch.randn(matrix.shape[1], columns, generator=dice)
    basis = torch.linalg.qr(sketch)[0]
    for _ in range(_ROUNDS):
        basis = torch.linalg.qr(matrix.T @ basis)[0]
        basis = torch.linalg.qr(matrix @ basis)[0]
    u, s, v = torch.linalg.svd(basis.T @ matrix, full_matrices=False)
    return Svd(basis @ u[:, :rank], s[:rank], v[:rank], norm(matrix), True)


def distance(one: Delta, other: Factors) -> float:
    """‖one - other‖ / ‖one‖."""
    total = norm(one)
    return norm(dense(one) - other.dense()) / total if total else 0.0
