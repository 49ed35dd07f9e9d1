"""Few points that look like many. Pure."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def thinned(steps: Floats, values: Floats, count: int) -> tuple[Floats, Floats]:
    """At most `count` (at least 4) of the points: of each stretch the lowest and the highest.

    So no peak is lost, as it would be if every n-th point were taken. The first and the last point
    are always among them.
    """
    if len(values) <= count:
        return steps, values
    buckets = max(1, (count - 2) // 2)
    inner = values[1:-1]
    edges = np.linspace(0, len(inner), buckets + 1).astype(np.int64)
    width = int(np.diff(edges).max())
    # A row for each stretch; a stretch that is one shorter has its last point twice.
    places = np.minimum(edges[:-1, None] + np.arange(width), edges[1:, None] - 1)
    rows = inner[places]
    lowest = np.where(np.isnan(rows), np.inf, rows).argmin(1)
    highest = np.where(np.isnan(rows), -np.inf, rows).argmax(1)
    line = np.arange(buckets)
    inside = np.unique(np.concatenate([places[line, lowest], places[line, highest]])) + 1
    chosen = np.concatenate([[0], inside, [len(values) - 1]])
    return steps[chosen], values[chosen]
