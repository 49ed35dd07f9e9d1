"""How sure a mean is: 95 % intervals by bootstrap over prompts, and when nothing can be said."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.stats import norm, t

from . import metrics

DRAWS = 4000
CONFIDENCE = 0.95
LEAST_GROUPS, LEAST_PICTURES = 5, 8  # of fewer nothing is said


@dataclass(frozen=True)
class Interval:
    """A mean of `n` pictures in `groups` prompts, and where the true one lies in 95 of 100 cases.

    All NaN where there is no picture.
    """

    mean: float
    low: float
    high: float
    n: int
    groups: int

    @property
    def too_few(self) -> bool:
        return self.groups < LEAST_GROUPS or self.n < LEAST_PICTURES

    @property
    def above(self) -> bool:
        """Surely above 0."""
        return not self.too_few and self.low > 0

    @property
    def below(self) -> bool:
        """Surely below 0."""
        return not self.too_few and self.high < 0

    def surely_above(self, other: "Interval") -> bool:
        """Whether the difference to another, of other pictures, is: its interval begins above 0.

        Two intervals may overlap and their difference still be sure; that of independent means is
        the root of the squares (Newcombe 1998, method 10, which keeps their lopsidedness).
        """
        spread = math.hypot(self.mean - self.low, other.high - other.mean)
        return self.mean - other.mean > spread

    def told(self) -> dict[str, Any]:
        """For JSON: null for what is no number."""
        kept = {name: _number(value) for name, value in asdict(self).items() if name != "groups"}
        return kept | {"too_few": self.too_few}


def interval(values: np.ndarray, groups: Sequence[Hashable] | None = None) -> Interval:
    """The mean of `values`, each picture counting the same; NaN values do not count.

    What is drawn again are groups (pictures that share a prompt), not pictures: seeds of one prompt
    are no independent evidence. Percentiles are moved outwards as small numbers of groups need
    (Hesterberg 2015, "What teachers should know about the bootstrap", section 5.3).
    """
    values, labels = _finite(values, groups)
    members = metrics.by_group(np.ones(len(values)), labels)
    count = len(members)
    if not count:
        return Interval(np.nan, np.nan, np.nan, 0, 0)
    sizes = np.array([labels.count(label) for label in dict.fromkeys(labels)], np.float64)
    sums = metrics.by_group(values, labels) * sizes
    often = drawn(count)
    means = (often @ sums) / (often @ sizes)
    return around(float(values.mean()), means, len(values), count)


def worst(values: np.ndarray, groups: Sequence[Hashable]) -> Interval:
    """The mean of the worst tenth of groups (`metrics.worst_decile`), with its interval."""
    values, labels = _finite(values, groups)
    means = np.sort(metrics.by_group(values, labels))
    count = len(means)
    if not count:
        return Interval(np.nan, np.nan, np.nan, 0, 0)
    # How often each of the sorted groups is among the lowest that were drawn.
    lowest, often = max(1, round(count / 10)), np.cumsum(drawn(count), axis=1)
    taken = np.diff(np.minimum(often, lowest), axis=1, prepend=0)
    return around(metrics.worst_decile(means), taken @ means / lowest, len(values), count)


def paired(
    values: np.ndarray, others: np.ndarray, groups: Sequence[Hashable] | None = None
) -> Interval:
    """The mean difference `values - others` of pictures at the same prompts and seeds."""
    return interval(np.asarray(values, np.float64) - np.asarray(others, np.float64), groups)


def _finite(
    values: np.ndarray, groups: Sequence[Hashable] | None
) -> tuple[np.ndarray, list[Hashable]]:
    values = np.asarray(values, np.float64)
    kept = np.flatnonzero(np.isfinite(values)).tolist()
    labels = range(len(values)) if groups is None else groups
    return values[kept], [labels[place] for place in kept]


@lru_cache(maxsize=64)
def drawn(count: int) -> np.ndarray:
    """How often each of `count` groups is drawn, `[DRAWS, count]`; the same on every machine."""
    dice = np.random.default_rng(count)
    return dice.multinomial(count, np.full(count, 1 / count), size=DRAWS).astype(np.float64)


def around(mean: float, means: np.ndarray, pictures: int, count: int) -> Interval:
    """`mean` with the interval that `means` of draws of `count` groups tell."""
    if count < 2:
        return Interval(mean, mean, mean, pictures, count)
    side = (1 - CONFIDENCE) / 2
    side = norm.cdf(np.sqrt(count / (count - 1)) * t.ppf(side, count - 1))
    low, high = np.quantile(means, [side, 1 - side])
    return Interval(mean, float(low), float(high), pictures, count)


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
