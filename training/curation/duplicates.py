"""Which pictures are the same, or nearly: by their hashes first, then by small pictures of them.

A hash alone finds too much: of some hundred drawings on white, many share most of its 64 bits. So
it proposes pairs, and the small pictures decide. An encoder, for which a mirrored picture is the
same, proposes too: the nearest of each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from .crowds import distances
from .embeddings import Embedded
from .look import SMALL, Look

NEAREST = 32  # of each picture, by an encoder
FAR = 14  # bits of 64 by which the hashes of two pictures of the same thing may differ
_ROWS = 1024  # pictures compared at once with all others
_PAIRS = 2048  # pairs compared at once
_SHIFTS = [(y, x) for y in range(3) for x in range(3)]


@dataclass(frozen=True)
class Pairs:
    """Numbers of pictures that look alike, `first` below `second`, and how much, up to 1."""

    first: np.ndarray
    second: np.ndarray
    alike: np.ndarray


def near(looks: Sequence[Look], likeness: float, by: Sequence[Embedded] = ()) -> Pairs:
    """All pairs of pictures that are at least so alike (exact copies are 1).

    Those that are near `by` an encoder are also looked at mirrored.
    """
    seen = [number for number, look in enumerate(looks) if not look.problem]
    kinds: dict[str, int] = {}
    first_of = [kinds.setdefault(looks[number].content, number) for number in seen]
    copies = [(one, number) for one, number in zip(first_of, seen, strict=True) if one != number]
    own = np.array(sorted(kinds.values()), dtype=np.int64)
    found = [(np.array([a]), np.array([b]), np.ones(1)) for a, b in copies]
    if likeness < 1 and len(own) > 1:
        small = _small([looks[number] for number in own])
        for left, right in _close(np.array([looks[number].print for number in own], np.uint64)):
            alike = _alike(small, left, right)
            told = alike >= likeness
            found.append((own[left[told]], own[right[told]], alike[told]))
        found += [_by_encoder(looks, one, likeness) for one in by]
    if not found:
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    first, second, alike = (np.concatenate(part) for part in zip(*found, strict=True))
    return Pairs(first, second, alike)


def _by_encoder(
    looks: Sequence[Look], embedded: Embedded, likeness: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the nearest of each picture, those whose small pictures are alike, mirrored or not."""
    left, right = _nearest(embedded.vectors)
    small = _small([looks[number] for number in embedded.of])
    alike = np.zeros(len(left), np.float32)
    for start in range(0, len(left), _PAIRS):
        some = slice(start, start + _PAIRS)
        for sides in (small, small[:, :, ::-1]):
            found = _alike(small, left[some], right[some], sides)
            alike[some] = np.maximum(alike[some], found)
    told = alike >= likeness
    return embedded.of[left[told]], embedded.of[right[told]], alike[told]


def _nearest(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of each picture and its `NEAREST`, the lower number first, each pair once."""
    count, most = len(vectors), min(NEAREST, len(vectors) - 1)
    found = set()
    for start in range(0, count, _ROWS) if most > 0 else ():
        far = distances(vectors[start : start + _ROWS], vectors)
        far[np.arange(len(far)), start + np.arange(len(far))] = np.inf
        for one, others in enumerate(np.argpartition(far, most - 1, axis=1)[:, :most], start):
            found |= {(min(one, int(other)), max(one, int(other))) for other in others}
    pairs = np.array(sorted(found), np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def groups(count: int, pairs: Pairs) -> np.ndarray:
    """The number of each picture's group; whoever is alike, however indirectly, is in one."""
    links = coo_matrix((np.ones(len(pairs.first)), (pairs.first, pairs.second)), (count, count))
    return connected_components(links, directed=False)[1]


def _small(looks: Sequence[Look]) -> np.ndarray:
    joined = b"".join(look.small for look in looks)
    return np.frombuffer(joined, np.uint8).reshape(len(looks), SMALL, SMALL, 3).astype(np.float32)


def _close(prints: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of numbers whose hashes differ in at most `FAR` bits, some at a time.

    With bits as -1 and 1, the product of two hashes is 64 less twice their Hamming distance: a
    product of matrices compares all with all, in fractions of a second for 10,000.
    """
    bits = np.unpackbits(prints.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    signs = bits.astype(np.float32) * 2 - 1
    for start in range(0, len(signs), _ROWS):
        product = signs[start : start + _ROWS] @ signs[start:].T
        left, right = np.nonzero(product >= 64 - 2 * FAR)
        later = left < right
        left, right = left[later] + start, right[later] + start
        for some in range(0, len(left), _PAIRS):
            yield left[some : some + _PAIRS], right[some : some + _PAIRS]


def _alike(
    small: np.ndarray, left: np.ndarray, right: np.ndarray, sides: np.ndarray | None = None
) -> np.ndarray:
    """The best correlation of the small pictures, one of them moved by up to a sixteenth.

    `sides` are the small pictures again, as the other of a pair is to be seen: mirrored, say.
    """
    seen = small if sides is None else sides
    best = np.full(len(left), -1.0, np.float32)
    for one, other in ((left, right), (right, left)):
        middle = _unit(small[one, 1:-1, 1:-1])
        for y, x in _SHIFTS:
            moved = _unit(seen[other, y : y + SMALL - 2, x : x + SMALL - 2])
            np.maximum(best, (middle * moved).sum(1), out=best)
    return best


def _unit(pictures: np.ndarray) -> np.ndarray:
    flat = pictures.reshape(len(pictures), -1)
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-3)
