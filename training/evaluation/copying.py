"""Which pictures are copies of training pictures, told by how alike real pictures are."""

from dataclasses import dataclass

import numpy as np

from . import metrics
from .shots import Prints, Seen

HASH_FAR = 14  # bits of 64; pictures whose hashes differ by more are composed otherwise
REAL = 0.95  # of real pictures are not as near to another one as what counts as a copy


@dataclass(frozen=True)
class Copying:
    """For each shot: the number of the nearest training picture, the cosine with it, the bits by
    which the hashes differ, and whether it is a copy. `limit` is the cosine of a copy.
    """

    nearest: np.ndarray
    alike: np.ndarray
    bits: np.ndarray
    copies: np.ndarray
    limit: float


def copying(seen: Seen, prints: Prints) -> Copying:
    """A copy is nearer to a training picture than `REAL` of the real pictures are to another one,
    and composed as it is.
    """
    near, real = metrics.nearest(seen.shots, seen.training), _real(seen)
    limit = float(np.quantile(real, REAL)) if len(real) else np.nan
    bits = metrics.bits_apart(prints.shots, np.asarray(prints.training)[near.places])
    told = (near.alike > limit) & (bits <= HASH_FAR)
    return Copying(near.places, near.alike, bits, told, limit)


def _real(seen: Seen) -> np.ndarray:
    """How much each real picture is like the training picture nearest to it (itself left out)."""
    parts = [np.zeros(0)]
    if len(seen.training) > 1:
        parts.append(metrics.nearest(seen.training, seen.training, same=True).alike)
    if len(seen.references) and len(seen.training):
        parts.append(metrics.nearest(seen.references, seen.training).alike)
    return np.concatenate(parts)
