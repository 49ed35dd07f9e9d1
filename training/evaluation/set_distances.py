"""How far the pictures of a column, as a set, are from real ones: CMMD and KID, for styles. Pure.

Distances of sets need many pictures on both sides, and say nothing of a single one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from . import metrics
from .intervals import Interval, around, drawn
from .metrics import LEAST_SET
from .scores import Column, Score, Scores
from .shots import OWN, Seen, Shot, columns_of, places, prompts_of

KINDS = (*OWN, "context")  # as for style: prompts of no other style
DRAWS = 400  # of both sets anew, for an interval
KID_SCALE = 1000.0

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class _Distance:
    """`with_same`: whether a picture is compared with itself too."""

    kernel: Kernel
    with_same: bool
    scale: float

    def inside(self, table: np.ndarray, often: np.ndarray) -> np.ndarray:
        """Mean of the kernel within a set, each picture counted as `often` as `[draws, n]` says."""
        total, pairs = (often @ table * often).sum(1), often.sum(1) ** 2
        if not self.with_same:
            total = total - often**2 @ np.diag(table)
            pairs = pairs - (often**2).sum(1)
        return total / pairs

    def between(self, one: np.ndarray, other: np.ndarray, often: tuple[np.ndarray, np.ndarray]):
        """The distance of two sets in each of the draws, `[draws]`."""
        mine, others = often
        cross = (mine @ self.kernel(one, other) * others).sum(1) / (mine.sum(1) * others.sum(1))
        own = self.inside(self.kernel(one, one), mine)
        real = self.inside(self.kernel(other, other), others)
        return self.scale * (own + real - 2 * cross)


DISTANCES = {
    "cmmd": (
        _Distance(metrics.cmmd_kernel, True, metrics.CMMD_SCALE),
        "CMMD (Jayasumana et al. 2024): how far the pictures as a set are from the held-out ones. "
        "It is meant for CLIP's vectors.",
    ),
    "kid": (
        _Distance(metrics.kid_kernel, False, KID_SCALE),
        "KID (Bińkowski et al. 2018), times 1000, by this encoder and not by Inception: how far "
        "the pictures as a set are from the held-out ones.",
    ),
}


def set_distances(shots: Sequence[Shot], seen: Seen) -> Scores:
    """CMMD and KID of every column with at least `LEAST_SET` pictures over prompts of no other
    style; of fewer, or with fewer references, it is said that they are too few.
    """
    return {name: _score(shots, seen, *of) for name, of in DISTANCES.items()}


def _score(shots: Sequence[Shot], seen: Seen, how: _Distance, says: str) -> Score:
    count = len(seen.references)
    if count < LEAST_SET:
        says += f" Too few to say: {count} held-out pictures, and {LEAST_SET} are the least."
        return Score(seen.encoder, "lower", says, np.zeros(0), {})
    base = {shots[place].pair: place for place in places(shots, KINDS)}
    found = {column: _column(shots, seen, how, column, base) for column in columns_of(shots)}
    says += " The ceiling is that of real training pictures, the floor the base's."
    floor = _once(how, seen.shots[list(base.values())], seen)
    ceiling = _once(how, seen.training, seen)
    return Score(seen.encoder, "lower", says, np.zeros(0), found, floor, ceiling)


def _once(how: _Distance, rows: np.ndarray, seen: Seen) -> float:
    if len(rows) < LEAST_SET:
        return np.nan
    each = np.ones((1, len(rows))), np.ones((1, len(seen.references)))
    return float(how.between(rows, seen.references, each)[0])


def _column(
    shots: Sequence[Shot],
    seen: Seen,
    how: _Distance,
    column: int,
    base: Mapping[tuple[str, int, str], int],
) -> Column:
    some = places(shots, KINDS, column)
    if len(some) < LEAST_SET:
        return Column(Interval(np.nan, np.nan, np.nan, len(some), 0))
    groups = prompts_of(shots, some)
    names = list(dict.fromkeys(groups))
    members = [names.index(name) for name in groups]
    often = drawn(len(names))[:DRAWS, members], _anew(len(seen.references))
    found = how.between(seen.shots[some], seen.references, often)
    value = _once(how, seen.shots[some], seen)
    own = _interval(value, found, len(some), len(names))
    beside = [base.get(shots[place].pair) for place in some]
    if shots[some[0]].base or None in beside:
        return Column(own)
    rows = seen.shots[[place for place in beside if place is not None]]
    change = value - _once(how, rows, seen)
    other = how.between(rows, seen.references, often)
    return Column(own, _interval(change, found - other, len(some), len(names)))


def _anew(count: int) -> np.ndarray:
    """How often each reference is drawn, independent of the prompts' draws."""
    dice = np.random.default_rng((1, count))
    return dice.multinomial(count, np.full(count, 1 / count), size=DRAWS).astype(np.float64)


def _interval(value: float, found: np.ndarray, pictures: int, count: int) -> Interval:
    """Around `value`: a set in which pictures come twice is nearer to itself in every draw."""
    return around(value, found - found.mean() + value, pictures, count)
