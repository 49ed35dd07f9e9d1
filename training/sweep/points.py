"""The points of a sweep, from its axes: all of them, pairs, or some. Pure."""

import math
import random
from collections.abc import Iterator, Sequence
from itertools import product

from .axes import Axis
from .values import MOST, Span, Value, Values

MODES = ("product", "paired", "random", "latin")
SEARCH = "search"  # points are asked for one by one, by what those before have reached


def make_points(
    axes: Sequence[Axis], mode: str, count: int, seed: int
) -> Iterator[tuple[Value, ...]]:
    """The points of a sweep, in an order in which early points say most."""
    if mode in ("random", "latin", SEARCH):
        if not 1 <= count <= MOST:
            raise ValueError(f"How many points should a {mode} sweep have? From 1 to {MOST}.")
        if mode == SEARCH:
            return iter(())
        draw = _random if mode == "random" else _latin
        return draw([axis.values for axis in axes], count, random.Random(f"{mode}/{seed}"))
    lists = [_listed(axis) for axis in axes]
    if mode == "paired":
        long = max(map(len, lists))
        odd = [a.label for a, v in zip(axes, lists, strict=True) if len(v) not in (1, long)]
        if odd:
            raise ValueError(
                f"{odd[0]} must have {long} values, as the longest axis has, or one for all."
            )
        return zip(*(v if len(v) == long else v * long for v in lists), strict=True)
    if math.prod(map(len, lists)) > MOST:
        raise ValueError(f"These are more than {MOST} points. Name fewer values, or take latin.")
    return product(*lists)


def _listed(axis: Axis) -> tuple[Value, ...]:
    if isinstance(axis.values, Span):
        raise ValueError(
            f"{axis.label}: say how many values, such as {axis.values.low:g}..{axis.values.high:g} "
            "5; a range without a number is for random and latin sweeps."
        )
    return axis.values


def _at(values: Values, place: float) -> Value:
    if isinstance(values, Span):
        return values.at(place)
    return values[min(int(place * len(values)), len(values) - 1)]


def _random(axes: Sequence[Values], count: int, dice: random.Random) -> Iterator[tuple[Value, ...]]:
    for _ in range(count):
        yield tuple(_at(values, dice.random()) for values in axes)


def _latin(axes: Sequence[Values], count: int, dice: random.Random) -> Iterator[tuple[Value, ...]]:
    """Each axis is cut into `count` parts of equal weight, and each part is used once.

    McKay, Beckman, Conover (1979).
    """
    columns = []
    for values in axes:
        parts = list(range(count))
        dice.shuffle(parts)
        columns.append([_at(values, (part + dice.random()) / count) for part in parts])
    return zip(*columns, strict=True)
