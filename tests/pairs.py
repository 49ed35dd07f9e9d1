"""Combinations such that every pair of values of two settings is tried together (all-pairs)."""

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any


def pairwise(choices: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """A small set of rows that covers every pair; greedy, and the same each time."""
    names = list(choices)
    wanted = {
        ((one, a), (other, b))
        for one, other in combinations(names, 2)
        for a, b in product(range(len(choices[one])), range(len(choices[other])))
    }
    rows: list[tuple[int, ...]] = []
    while wanted:
        rows.append(_row(names, choices, wanted))
        wanted -= _pairs(names, rows[-1])
    return [{n: choices[n][i] for n, i in zip(names, row, strict=True)} for row in rows]


def _row(names: list[str], choices: Mapping[str, Sequence[Any]], wanted: set) -> tuple[int, ...]:
    """Begin with a pair that is still wanted, and choose each other value for the most of them."""
    (one, a), (other, b) = min(wanted)
    fixed = {one: a, other: b}
    for name in names:
        if name not in fixed:
            gains = [
                sum(
                    tuple(sorted(((name, value), item), key=lambda it: names.index(it[0])))
                    in wanted
                    for item in fixed.items()
                )
                for value in range(len(choices[name]))
            ]
            fixed[name] = gains.index(max(gains))
    return tuple(fixed[name] for name in names)


def _pairs(names: list[str], row: Sequence[int]) -> set:
    return set(combinations(zip(names, row, strict=True), 2))
