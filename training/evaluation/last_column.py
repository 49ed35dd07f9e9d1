"""What a grid's last column scored, for tables where a run has one line. Pure."""

from collections.abc import Mapping
from typing import Any

OF_RUNS = "held_out"  # runs tell of it themselves


def last_column(scores: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """`scores` as in `scores.json`: by name `value`, with `low` and `high` where they are known.

    The last column has the highest strength, or the last checkpoint.
    """
    last = max((int(place) for one in scores.values() for place in one["columns"]), default=-1)
    found = {}
    for name, score in scores.items():
        column = score["columns"].get(f"{last}")
        if name != OF_RUNS and column and column["mean"] is not None:
            told = {"value": column["mean"], "low": column["low"], "high": column["high"]}
            found[name] = {key: value for key, value in told.items() if value is not None}
    return found
