"""Which size each picture is trained at, and which pictures make up each batch."""

import math
import random
from collections.abc import Iterator, Sequence


def bucket_sizes(resolution: int, step: int, max_aspect: float = 3.0) -> list[tuple[int, int]]:
    """All (width, height) of about `resolution`² pixels, both multiples of `step` pixels.

    Neither larger in area than `resolution`² nor of a longer shape than `max_aspect`. The square
    comes first.
    """
    square = resolution // step * step
    if not square:
        raise ValueError(
            f"resolution {resolution} is smaller than {step}, the step that this model needs."
        )
    sizes = {(square, square)}
    for width in range(step, int(resolution * math.sqrt(max_aspect)) + 1, step):
        height = resolution * resolution // width // step * step
        if height and max(width, height) <= max_aspect * min(width, height):
            sizes |= {(width, height), (height, width)}
    return sorted(sizes, key=lambda size: (abs(math.log(size[0] / size[1])), size))


def nearest_bucket(width: int, height: int, sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The size whose shape is nearest to a `width` x `height` picture (least is cut off)."""
    shape = math.log(width / height)
    return min(sizes, key=lambda size: abs(math.log(size[0] / size[1]) - shape))


class Batches:
    """An endless, seeded stream of batches of picture numbers; each batch lies in one bucket.

    Every picture is drawn equally often: a bucket deals its pictures in shuffled rounds that run on
    from batch to batch (so batches are always full), and buckets take turns in proportion to their
    number of pictures. The stream is a function of its arguments: to resume at step n, drop n.
    """

    def __init__(self, buckets: Sequence[Sequence[int]], batch_size: int, seed: int) -> None:
        if not buckets or not all(buckets):
            raise ValueError("There must be at least one bucket, and no empty one.")
        self.buckets = [list(bucket) for bucket in buckets]
        self.batch_size = batch_size
        self.seed = seed

    def _deal(self, number: int) -> Iterator[int]:
        pictures = self.buckets[number]
        dice = random.Random(f"{self.seed}/{number}")
        while True:
            yield from dice.sample(pictures, len(pictures))

    def __iter__(self) -> Iterator[list[int]]:
        dealers = [self._deal(number) for number in range(len(self.buckets))]
        total = sum(map(len, self.buckets))
        owed = [0] * len(self.buckets)  # in pictures of `total`: exact, no rounding
        while True:
            for number, bucket in enumerate(self.buckets):
                owed[number] += len(bucket)
            turn = max(range(len(owed)), key=owed.__getitem__)
            owed[turn] -= total
            yield [next(dealers[turn]) for _ in range(self.batch_size)]
