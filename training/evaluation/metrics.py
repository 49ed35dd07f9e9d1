"""Scores of pictures as plain functions: vectors of an encoder in, a number a picture out.

Vectors are float `[pictures, numbers]`, and need not have length 1. Sums are made in float64.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

LEAST_SET = 50  # pictures of each side, for distances between sets
CMMD_WIDTH, CMMD_SCALE = 10.0, 1000.0


def unit(vectors: np.ndarray) -> np.ndarray:
    """The rows at length 1, float64; rows of zeros stay."""
    rows = np.asarray(vectors, np.float64)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Cosine of each row of `one` with each of `other`, `[one, other]`."""
    return unit(one) @ unit(other).T


def to_references(pictures: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Mean cosine of each picture with all references: the DINO and CLIP-I of DreamBooth (Ruiz et
    al. 2023, section 4.2), by picture.
    """
    return cosines(pictures, references).mean(1)


def among(references: np.ndarray) -> np.ndarray:
    """The same of each reference with the others: what real pictures reach. NaN for one alone."""
    count = len(references)
    if count < 2:
        return np.full(count, np.nan)
    return (cosines(references, references).sum(1) - 1) / (count - 1)


def match(pictures: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """Product of each picture with the text in its own row.

    Where an encoder gives rows of length 1, that is CLIPScore (Hessel et al. 2021) without its
    factor and without cutting negative values off.
    """
    return (np.asarray(pictures, np.float64) * np.asarray(texts, np.float64)).sum(1)


def chance(pictures: np.ndarray, texts: np.ndarray) -> float:
    """Mean product of pictures with the texts of other pictures: following no prompt at all."""
    table = np.asarray(pictures, np.float64) @ np.asarray(texts, np.float64).T
    other = (np.asarray(texts)[:, None] != np.asarray(texts)[None]).any(-1) & np.isfinite(table)
    return float(table[other].mean()) if other.any() else 0.0


@dataclass(frozen=True)
class Nearest:
    """For each picture the training picture (its number) that is most like it, and how much."""

    places: np.ndarray
    alike: np.ndarray


def nearest(pictures: np.ndarray, training: np.ndarray, *, same: bool = False) -> Nearest:
    """By cosine. With `same` both are the same pictures, and nobody is their own nearest."""
    table = cosines(pictures, training)
    if same:
        np.fill_diagonal(table, -np.inf)
    places = table.argmax(1)
    return Nearest(places, table[np.arange(len(table)), places])


def bits_apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """In how many of 64 bits hashes (`uint64`) differ, row by row."""
    changed = np.bitwise_xor(np.asarray(one, np.uint64), np.asarray(other, np.uint64))
    return np.unpackbits(changed.view(np.uint8).reshape(-1, 8), axis=1).sum(1).astype(np.int64)


def diversity(pictures: np.ndarray, groups: Sequence[Hashable]) -> np.ndarray:
    """Mean distance (1 - cosine) of each picture from the others of its group: the other seeds of
    the same prompt. NaN where there is no other.
    """
    found = np.full(len(pictures), np.nan)
    for places in _members(groups).values():
        if len(places) > 1:
            found[places] = 1 - among(np.asarray(pictures)[places])
    return found


def drift(pictures: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Distance (1 - cosine) of each picture from the base's at the same prompt and seed."""
    return 1 - match(unit(pictures), unit(base))


def by_group(values: np.ndarray, groups: Sequence[Hashable]) -> np.ndarray:
    """The mean of each group, in the order in which they first come; NaN values do not count."""
    values = np.asarray(values, np.float64)
    kept = (values[places] for places in _members(groups).values())
    kept = (some[np.isfinite(some)] for some in kept)
    return np.array([some.mean() for some in kept if len(some)])


def worst_decile(means: np.ndarray) -> float:
    """Mean of the lowest tenth, and of one at least."""
    ordered = np.sort(np.asarray(means, np.float64))
    return float(ordered[: max(1, round(len(ordered) / 10))].mean()) if len(ordered) else np.nan


def _members(groups: Sequence[Hashable]) -> dict[Hashable, list[int]]:
    found: dict[Hashable, list[int]] = {}
    for place, group in enumerate(groups):
        found.setdefault(group, []).append(place)
    return found


def cmmd(one: np.ndarray, other: np.ndarray) -> float:
    """Distance of two sets of at least `LEAST_SET` pictures: CMMD (Jayasumana et al. 2024).

    Squared maximum mean discrepancy of rows at length 1, kernel exp(-|x - y|² / 2·10²), times 1000;
    with the diagonal, as in the authors' code. It is meant for CLIP's vectors.
    """
    _refuse_few(one, other)
    inside = cmmd_kernel(one, one).mean() + cmmd_kernel(other, other).mean()
    return CMMD_SCALE * float(inside - 2 * cmmd_kernel(one, other).mean())


def cmmd_kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    far = np.maximum(2 - 2 * unit(one) @ unit(other).T, 0)
    return np.exp(-far / (2 * CMMD_WIDTH**2))


def kid(one: np.ndarray, other: np.ndarray) -> float:
    """Distance of two sets of at least `LEAST_SET` pictures: KID (Bińkowski et al. 2018).

    Squared maximum mean discrepancy, kernel (x·y / d + 1)³, unbiased, so that it may be below 0.
    """
    _refuse_few(one, other)

    def inside(rows: np.ndarray) -> float:
        table, count = kid_kernel(rows, rows), len(rows)
        return float((table.sum() - np.trace(table)) / (count * (count - 1)))

    return inside(one) + inside(other) - 2 * float(kid_kernel(one, other).mean())


def kid_kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    return (one @ other.T / one.shape[1] + 1) ** 3


def _refuse_few(*sets: np.ndarray) -> None:
    least = min(map(len, sets))
    if least < LEAST_SET:
        raise ValueError(f"{least} pictures are too few for a distance of sets: {LEAST_SET}.")
