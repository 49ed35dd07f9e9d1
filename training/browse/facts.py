"""What is known of the pictures of a shelf: decisions, what Curate found, what looks alike.

Only what was looked at before is told; looking is a work of minutes that a person asks for.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..curation import decisions
from ..curation.curate import curate
from ..curation.duplicates import groups, near
from ..curation.look import VERSION, Look
from ..curation.looks import Looks
from ..curation.settings import CurationSettings
from .contents import Contents
from .shelf import Shelf

_DECIDING = threading.Lock()  # from reading curation.json to writing it


@dataclass(frozen=True)
class Found:
    """By name: the reasons against a picture, and the number of the group of those alike it.

    `looked` of the pictures were looked at, at `resolution` pixels.
    """

    resolution: int
    looked: int
    reasons: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, int]


def contents_of(shelf: Shelf, contents: Contents) -> list[str]:
    """The content of each picture, in order; empty for what cannot be read, or lies outside."""
    return [_content(shelf, name, contents) for name in shelf.entries]


def _content(shelf: Shelf, name: str, contents: Contents) -> str:
    entry = shelf.entries[name]
    try:
        return contents.of(shelf.picture(name) if entry.problem else entry.path)
    except (LookupError, OSError):
        return ""


def cached_resolution(folder: Path, contents: Sequence[str], default: int) -> int:
    """At which size most of these pictures were looked at; `default` where none was."""
    sizes = [int(path.name.partition("-")[2]) for path in folder.glob(f"{VERSION}-[0-9]*")]
    wanted = set(contents)
    counts = {size: len(wanted & Looks(folder, size).known(contents).keys()) for size in sizes}
    return max(counts, key=lambda size: (counts[size], size), default=default)


def found(
    shelf: Shelf, contents: Sequence[str], known: Mapping[str, Look], limits: CurationSettings
) -> Found:
    """Judge those pictures of which there are looks. `contents` are in the shelf's order."""
    whole = shelf.dataset()
    seen = [number for number, content in enumerate(contents) if content in known]
    looks = [known[contents[number]] for number in seen]
    part = replace(whole, records=tuple(whole.records[number] for number in seen))
    names = list(shelf.entries)
    judged = curate(part, looks, limits)
    return Found(
        limits.resolution,
        len(seen),
        {
            names[number]: tuple(map(str, verdict.reasons))
            for number, verdict in zip(seen, judged.verdicts, strict=True)
            if verdict.reasons
        },
        _groups([names[number] for number in seen], looks, limits.alike),
    )


def _groups(names: Sequence[str], looks: Sequence[Look], alike: float) -> dict[str, int]:
    """Groups of at least two, from 1 on, the largest first."""
    if not looks or not alike:
        return {}
    of = groups(len(looks), near(looks, alike))
    numbers, sizes = np.unique(of, return_counts=True)
    order = sorted(range(len(numbers)), key=lambda index: (-sizes[index], numbers[index]))
    rank = {int(numbers[index]): place for place, index in enumerate(order, 1) if sizes[index] > 1}
    return {name: rank[int(of[i])] for i, name in enumerate(names) if int(of[i]) in rank}


def decided(folder: Path, shelf: Shelf, contents: Contents) -> dict[str, str]:
    """What a person decided, by name."""
    kept = decisions.read(decisions.home(folder, shelf.dataset())).decided
    if not kept:
        return {}
    own = zip(shelf.entries, contents_of(shelf, contents), strict=True)
    return {name: kept[content] for name, content in own if content in kept}


def decide(
    folder: Path, shelf: Shelf, contents: Contents, changes: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Decide `changes`, a word by name; an empty word takes a decision back.

    Returns what the same pictures had before, and all decisions after: copies of a picture share
    one. Raises `LookupError` for another name, `ValueError` for another word.
    """
    for word in changes.values():
        if word not in (decisions.KEEP, decisions.ASIDE, ""):
            raise ValueError(f"A decision is '{decisions.KEEP}' or '{decisions.ASIDE}'.")
    own = {name: contents.of(shelf.picture(name)) for name in changes}
    home = decisions.home(folder, shelf.dataset())
    with _DECIDING:
        before = decisions.read(home)
        words = {own[name]: word for name, word in changes.items()}
        after = before.decide(words, {own[name]: name for name in changes})
        if after is not before:
            decisions.write(home, shelf.folder.name, after, decisions.recommendations(home))
    return (
        {name: before.decided.get(own[name], "") for name in changes},
        decided(folder, shelf, contents),
    )
