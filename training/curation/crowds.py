"""What a set of pictures is as a whole: its middle, who stands far from it, who stands too thick.

All of it is told from vectors `[pictures, numbers]` of one encoder, and from the set itself: what
is far or near is measured against what is usual in this set. Order does not matter.
"""

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

LEAST = 20  # pictures: of fewer nothing is said
NEAR = 0.55  # of the usual distance of two pictures: so near are pictures of one scene
LEAST_CROWD = 6
MOST_CLUSTERS = 24
_SAMPLE = 1500  # pictures whose distances are all looked at
_ROWS = 1024


def strangeness(vectors: np.ndarray) -> np.ndarray:
    """How far each picture is from the middle of the others, in spreads of that distance.

    The middle is the median of each number, the spread the median deviation as that of a normal
    distribution: a twentieth of foreign pictures moves neither. 0 where there are too few to say.
    """
    if len(vectors) < LEAST:
        return np.zeros(len(vectors), np.float32)
    far = np.linalg.norm(vectors - _middles(vectors), axis=1)
    usual = np.median(far)
    spread = 1.4826 * np.median(np.abs(far - usual))
    return (far - usual) / max(spread, 1e-3 * usual, 1e-6)


def _middles(vectors: np.ndarray) -> np.ndarray:
    """For each row the median of all others, column by column."""
    count = len(vectors)
    order = np.sort(vectors, axis=0)
    half = count // 2
    if count % 2 == 0:  # of an odd number of others: the one in the middle
        return np.where(vectors < order[half], order[half], order[half - 1])
    low, middle, high = order[half - 1 : half + 2]
    below = np.where(vectors < middle, (middle + high) / 2, (low + high) / 2)
    return np.where(vectors > middle, (low + middle) / 2, below)


def crowds(vectors: np.ndarray, share: float) -> list[np.ndarray]:
    """Groups of pictures near to one of them that are more than `share` of the set, largest first.

    Each holds the numbers of its pictures, no picture is in two. Few pictures have no crowds.
    """
    count = len(vectors)
    least = max(LEAST_CROWD, int(share * count) + 1)
    if count < LEAST:
        return []
    within = NEAR * usual_distance(vectors)
    free = np.ones(count, dtype=bool)
    found = []
    while True:
        near = _counted(vectors, free, within)
        middle = int(near.argmax())
        if near[middle] < least:
            return found
        own = free & (distances(vectors[middle : middle + 1], vectors)[0] <= within)
        found.append(np.flatnonzero(own))
        free &= ~own


def _counted(vectors: np.ndarray, free: np.ndarray, within: float) -> np.ndarray:
    """For each free picture, how many free ones are so near."""
    near = np.zeros(len(vectors), np.int64)
    own = np.flatnonzero(free)
    for start in range(0, len(own), _ROWS):
        some = own[start : start + _ROWS]
        near[some] = (distances(vectors[some], vectors[own]) <= within).sum(1)
    return near


def usual_distance(vectors: np.ndarray) -> float:
    """The median distance of two pictures; of a spread sample, where there are many."""
    some = vectors[_sample(vectors)]
    return float(np.median(distances(some, some)[np.triu_indices(len(some), 1)]))


def distances(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    squares = (some**2).sum(1)[:, None] + (others**2).sum(1) - 2 * some @ others.T
    return np.sqrt(np.maximum(squares, 0))


def clusters(vectors: np.ndarray) -> np.ndarray:
    """The number of each picture's cluster, from 1 for the largest on.

    Ward's clusters of a sample (J. H. Ward, 1963), and the nearest of their middles for each.
    """
    count = len(vectors)
    kinds = min(MOST_CLUSTERS, round((count / 2) ** 0.5))
    if kinds < 2:
        return np.ones(count, np.int64)
    some = vectors[_sample(vectors)]
    label = fcluster(linkage(some, "ward"), kinds, "maxclust")
    middles = np.stack([some[label == one].mean(0) for one in np.unique(label)])
    nearest = distances(vectors, middles).argmin(1)
    sizes = np.bincount(nearest, minlength=len(middles))
    places = np.argsort(np.argsort(-sizes, kind="stable"), kind="stable")
    return places[nearest] + 1


def _sample(vectors: np.ndarray) -> np.ndarray:
    """At most `_SAMPLE` numbers of pictures, the same for the same pictures in any order."""
    order = np.lexsort(vectors.T)
    return order[:: max(1, -(-len(order) // _SAMPLE))]
