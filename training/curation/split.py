"""Pictures that are never trained on: which ones is decided by what they show, and by nothing else.

Each picture draws a number from its own content, so that one that is added, removed or renamed
moves no other. What looks alike is held out together or not at all; of such a group, the member
with the smallest hash draws for all, so that only a new one of its kind can move it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..data.dataset import Dataset
from ..files import digest
from .duplicates import groups, near
from .look import Look


def split(
    dataset: Dataset, looks: Sequence[Look], share: float, seed: int, alike: float
) -> tuple[Dataset, Dataset]:
    """`dataset` without about `share` of its pictures, and these; at least one on either side.

    `looks` are of its pictures, in order. Raises `ValueError` for pictures that cannot be read, and
    where all look alike.
    """
    for look in looks:
        if look.problem:
            raise ValueError(f"{look.problem} Take it out with Curate, or mend it.")
    members: dict[int, list[str]] = {}
    labels = groups(len(looks), near(looks, alike))
    for label, look in zip(labels, looks, strict=True):
        members.setdefault(int(label), []).append(look.content)
    if len(members) < 2:
        raise ValueError(
            f"{dataset.name} has {len(looks)} pictures, and all of them look alike: there is "
            "nothing to hold out. Add other pictures, or hold out a folder of its own."
        )
    draws = {label: _draw(min(contents), seed) for label, contents in members.items()}
    ordered = sorted(draws, key=draws.__getitem__)
    out = {label for label in ordered if draws[label] < share} or {ordered[0]}
    if len(out) == len(members):
        out.remove(ordered[-1])
    held = np.isin(labels, list(out))
    return _part(dataset, ~held), _part(dataset, held)


def _draw(content: str, seed: int) -> float:
    """A number from 0 to 1 that a picture keeps."""
    return int(digest(f"{seed}", content)[:13], 16) / 16**13


def _part(dataset: Dataset, taken: np.ndarray) -> Dataset:
    chosen = zip(dataset.records, taken, strict=True)
    return replace(dataset, records=tuple(record for record, own in chosen if own))
