"""Pictures that are never trained on: which ones is decided by what they show, and by nothing else.

Each picture draws a number from its own content, so that one that is added, removed or renamed
moves no other. What looks alike is held out together or not at all; of such a group, the member
with the smallest hash draws for all, so that only a new one of its kind can move it.

A share drawn so leaves some kinds of pictures out. So each cluster that is large enough for one
and drew none lends the one that drew least: only these few can be moved by pictures that are added.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..data.dataset import Dataset
from ..files import digest
from .crowds import clusters
from .duplicates import groups, near
from .embeddings import Embedded
from .look import Look


def split(
    dataset: Dataset,
    looks: Sequence[Look],
    share: float,
    seed: int,
    alike: float,
    embedded: Embedded | None = None,
) -> tuple[Dataset, Dataset]:
    """`dataset` without about `share` of its pictures, and these; at least one on either side.

    `looks` are of its pictures, in order; `embedded` tells which are of one cluster. Raises
    `ValueError` for pictures that cannot be read, and where all look alike.
    """
    for look in looks:
        if look.problem:
            raise ValueError(f"{look.problem} Take it out with Curate, or mend it.")
    members: dict[int, list[str]] = {}
    labels = groups(len(looks), near(looks, alike, [embedded] if embedded else ()))
    for label, look in zip(labels, looks, strict=True):
        members.setdefault(int(label), []).append(look.content)
    if len(members) < 2:
        raise ValueError(
            f"{dataset.name} has {len(looks)} pictures, and all of them look alike: there is "
            "nothing to hold out. Add other pictures, or hold out a folder of its own."
        )
    draws = {label: _draw(min(contents), seed) for label, contents in members.items()}
    ordered = sorted(draws, key=draws.__getitem__)
    out = {label for label in ordered if draws[label] < share}
    if embedded is not None and share:
        out |= _lent(ordered, _clusters(labels, looks, embedded), out, share)
    out = out or {ordered[0]}
    if len(out) == len(members):
        out.remove(ordered[-1])
    held = np.isin(labels, list(out))
    return _part(dataset, ~held), _part(dataset, held)


def _clusters(labels: np.ndarray, looks: Sequence[Look], embedded: Embedded) -> dict[int, int]:
    """The cluster of each group: that of the member that draws for it."""
    own = clusters(embedded.vectors).tolist()
    by_content = sorted(range(len(looks)), key=lambda number: looks[number].content, reverse=True)
    return {int(labels[number]): own[number] for number in by_content}


def _lent(ordered: Sequence[int], cluster: dict[int, int], out: set[int], share: float) -> set[int]:
    """The first of `ordered` in each cluster that has none in `out` and is large enough for one."""
    sizes: dict[int, int] = {}
    first: dict[int, int] = {}
    for label in ordered:
        own = cluster[label]
        sizes[own] = sizes.get(own, 0) + 1
        first.setdefault(own, label)
    served = {cluster[label] for label in out}
    return {label for own, label in first.items() if own not in served and sizes[own] * share >= 1}


def _draw(content: str, seed: int) -> float:
    """A number from 0 to 1 that a picture keeps."""
    return int(digest(f"{seed}", content)[:13], 16) / 16**13


def _part(dataset: Dataset, taken: np.ndarray) -> Dataset:
    chosen = zip(dataset.records, taken, strict=True)
    return replace(dataset, records=tuple(record for record, own in chosen if own))
