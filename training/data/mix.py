"""Several datasets as one, shown in the shares that are asked for."""

from collections.abc import Sequence
from dataclasses import replace

from .dataset import Dataset, Record

MOST = 1000  # times that a picture is shown more often than before
CLOSE = 0.005  # a share that is off by no more is as asked


def mixed(datasets: Sequence[Dataset], weights: Sequence[float]) -> Dataset:
    """All pictures, in order, repeated so that each dataset's share is as its weight.

    `told` says the shares that come out. A weight of 0 leaves a dataset out. Raises `ValueError`
    for a dataset without pictures, for weights that are all 0, and for shares that whole numbers of
    repeats up to `MOST` cannot give.
    """
    asked = [(one, weight) for one, weight in zip(datasets, weights, strict=True) if weight > 0]
    if not asked:
        raise ValueError("All weights are 0, so that nothing is shown. Raise one of them.")
    for one, _ in asked:
        if not one.records:
            raise ValueError(f"{one.name} has no pictures. Set its weight to 0, or unwire it.")
    shown = [sum(record.repeats for record in one.records) for one, _ in asked]
    total = sum(weight for _, weight in asked)
    shares = [weight / total for _, weight in asked]
    times = multiples(shown, shares)
    if times is None:
        names = " and ".join(one.name for one, _ in asked)
        raise ValueError(
            f"{names} cannot be mixed so: a picture would be shown more than {MOST} times as often "
            "as now. Bring the weights closer to each other, or add pictures to the smaller one."
        )
    records: list[Record] = []
    notes: dict[str, str] = {}
    told = [line for one, _ in asked for line in one.told]
    sizes = [count * many for count, many in zip(shown, times, strict=True)]
    for (one, _), many, size, share in zip(asked, times, sizes, shares, strict=True):
        records += [replace(record, repeats=record.repeats * many) for record in one.records]
        notes |= one.notes
        told.append(
            f"{one.name}: {len(one)} x {many}: {size / sum(sizes):.1%} of what is shown "
            f"({share:.1%} asked)."
        )
    return Dataset(" + ".join(one.name for one, _ in asked), tuple(records), notes, tuple(told))


def multiples(shown: Sequence[int], shares: Sequence[float]) -> list[int] | None:
    """How many times each has to be shown: the smallest whole numbers whose shares are close, else
    those that come closest. None if `MOST` do not suffice.
    """
    needed = [share / count for share, count in zip(shares, shown, strict=True)]
    ratios = [one / min(needed) for one in needed]
    best: tuple[float, list[int]] | None = None
    for scale in range(1, MOST + 1):
        times = [round(scale * ratio) for ratio in ratios]
        if max(times) > MOST:
            break
        sizes = [count * many for count, many in zip(shown, times, strict=True)]
        off = max(abs(size / sum(sizes) - share) for size, share in zip(sizes, shares, strict=True))
        if best is None or off < best[0]:
            best = off, times
        if off <= CLOSE:
            break
    return best[1] if best else None
