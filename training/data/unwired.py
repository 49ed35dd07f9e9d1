"""A dataset's pictures as ComfyUI's images and masks, for nodes of others."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from .buckets import bucket_sizes, nearest_bucket
from .dataset import Dataset, Record
from .pictures import cover, open_mask, open_rgb

Tick = Callable[[str], None]
_EACH = 16  # bytes of a pixel: three channels and a mask of four bytes


def part(dataset: Dataset, first: int, most: int) -> Sequence[Record]:
    """At most so many records from number `first` on, counted from 1; all of them if `most` is 0.

    Raises `ValueError` if there is none.
    """
    some = dataset.records[first - 1 :][: most or None]
    if not some:
        raise ValueError(f"{dataset.name} has {len(dataset)} pictures, and first is {first}.")
    return some


def images(
    records: Sequence[Record], sizes: Sequence[tuple[int, int]], room: float, tick: Tick
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Each picture as `[1, height, width, 3]` and its mask as `[1, height, width]`, in 0..1.

    Upright and on white, scaled and cut to `sizes`. A picture that has no mask counts everywhere.
    Raises `ValueError` where they would take more than `room` bytes.
    """
    needed = sum(width * height * _EACH for width, height in sizes)
    if needed > room:
        raise ValueError(
            f"{len(records)} pictures would take {needed / 2**30:.1f} GiB of memory, and "
            f"{room / 2**30:.1f} GiB are to spare. Set 'most' lower and take them in parts, with "
            "'first', or set a smaller 'resolution'."
        )
    pictures, masks = [], []
    for record, size in zip(records, sizes, strict=True):
        tick(record.path.name)
        pictures.append(torch.from_numpy(cover(open_rgb(record.path), *size))[None])
        mask = open_mask(record.path, record.mask)
        counts = cover(mask, *size) if mask else np.ones(size[::-1], np.float32)
        masks.append(torch.from_numpy(counts)[None])
    return pictures, masks


def own_sizes(records: Sequence[Record]) -> list[tuple[int, int]]:
    return [(record.width, record.height) for record in records]


def trained_sizes(records: Sequence[Record], resolution: int, step: int) -> list[tuple[int, int]]:
    """The sizes of a training at `resolution`, with buckets that grow by `step` pixels."""
    buckets = bucket_sizes(resolution, step)
    return [nearest_bucket(record.width, record.height, buckets) for record in records]
