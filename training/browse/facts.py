"""What is known of the pictures of a shelf: decisions, what Curate found, what looks alike.

Only what was looked at before is told; looking is a work of minutes that a person asks for.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..curation import decisions
from ..curation.curate import curate
from ..curation.duplicates import Pairs, groups, near
from ..curation.look import VERSION
from ..curation.looks import Looks
from ..curation.settings import CurationSettings
from ..files import digest
from .contents import Contents
from .shelf import Shelf

_MOST = 4  # shelves of which findings are kept
_DECIDING = threading.Lock()  # from reading curation.json to writing it


@dataclass(frozen=True)
class Found:
    """By name: the reasons against a picture, and the number of the group of those alike it.

    `looked` of the pictures were looked at, at `resolution` pixels.
    """

    resolution: int
    looked: int
    reasons: Mapping[str, tuple[str, ...]]
    alike: Mapping[str, int]


def contents_of(shelf: Shelf, contents: Contents) -> list[str]:
    """The content of each picture, in order; empty for what cannot be read, or lies outside."""
    return [_content(shelf, name, contents) for name in shelf.entries]


def _content(shelf: Shelf, name: str, contents: Contents) -> str:
    entry = shelf.entries[name]
    try:
        return contents.of(shelf.picture(name) if entry.problem else entry.path)
    except (LookupError, OSError):
        return ""


class Findings:
    """What is known of shelves from the looks below a folder; made again when there are others."""

    def __init__(self, folder: Callable[[], Path], contents: Contents) -> None:
        self._folder = folder
        self._contents = contents
        self._kept: OrderedDict[Path, tuple[str, Found]] = OrderedDict()

    def of(self, shelf: Shelf) -> Found:
        folder, usual = self._folder(), CurationSettings()
        files = [(str(path), path.stat().st_mtime_ns) for path in sorted(folder.glob("*/*.json"))]
        if not files:
            return Found(usual.resolution, 0, {}, {})
        contents = contents_of(shelf, self._contents)
        key = digest(json.dumps([list(shelf.entries), contents, files]))
        before = self._kept.get(shelf.folder)
        if before and before[0] == key:
            return before[1]
        made = _found(shelf, folder, contents, usual)
        self._kept[shelf.folder] = key, made
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return made


def _found(shelf: Shelf, folder: Path, contents: list[str], usual: CurationSettings) -> Found:
    """Judge those pictures that were looked at, at the size at which most of them were."""
    sizes = [int(path.name.partition("-")[2]) for path in folder.glob(f"{VERSION}-[0-9]*")]
    looked = {size: Looks(folder, size).known(contents) for size in sizes}
    wanted = set(contents)
    resolution = max(
        sizes, key=lambda size: (len(wanted & looked[size].keys()), size), default=usual.resolution
    )
    known = looked.get(resolution, {})
    limits = usual.model_copy(update={"resolution": max(64, resolution)})
    whole = shelf.dataset()
    seen = [number for number, content in enumerate(contents) if content in known]
    looks = [known[contents[number]] for number in seen]
    part = replace(whole, records=tuple(whole.records[number] for number in seen))
    every = list(shelf.entries)
    names = [every[number] for number in seen]
    pairs = near(looks, limits.alike)
    judged = curate(part, looks, limits)
    why = {
        name: tuple(map(str, verdict.reasons))
        for name, verdict in zip(names, judged.verdicts, strict=True)
        if verdict.reasons
    }
    return Found(resolution, len(seen), why, _groups(names, pairs))


def _groups(names: Sequence[str], pairs: Pairs) -> dict[str, int]:
    """Groups of at least two, from 1 on, the largest first."""
    if not names:
        return {}
    of = groups(len(names), pairs)
    numbers, sizes = np.unique(of, return_counts=True)
    order = sorted(range(len(numbers)), key=lambda index: (-sizes[index], numbers[index]))
    rank = {int(numbers[index]): place for place, index in enumerate(order, 1) if sizes[index] > 1}
    return {name: rank[int(of[i])] for i, name in enumerate(names) if int(of[i]) in rank}


@dataclass(frozen=True)
class Told:
    """What curation.json has of a shelf, by name: decisions, and what Curate wrote there."""

    decided: Mapping[str, str]
    reasons: Mapping[str, tuple[str, ...]]
    clusters: Mapping[str, int]


def told(folder: Path, shelf: Shelf, contents: Contents) -> Told:
    """Raises `ValueError` for a damaged curation.json."""
    home = decisions.home(folder, shelf.trained())
    kept, parts = decisions.read(home).decided, decisions.told(home)
    recommended, clusters = parts["recommended"], parts.get("clusters", {})
    if not (kept or recommended or clusters):
        return Told({}, {}, {})
    own = dict(zip(shelf.entries, contents_of(shelf, contents), strict=True))
    return Told(
        {name: kept[content] for name, content in own.items() if content in kept},
        {name: _reasons(recommended[own[name]]) for name in own if own[name] in recommended},
        {
            name: one
            for name, content in own.items()
            if isinstance(one := clusters.get(content), int)
        },
    )


def _reasons(written: Any) -> tuple[str, ...]:
    """From what may have been edited by hand."""
    reasons = written.get("reasons") if isinstance(written, dict) else None
    return tuple(map(str, reasons)) if isinstance(reasons, list) else ()


def joined(told: Told, found: Found) -> dict[str, tuple[str, ...]]:
    """Reasons by name: Curate's, and what was found otherwise of other kinds."""
    whole = dict(told.reasons)
    for name, reasons in found.reasons.items():
        before = whole.get(name, ())
        kinds = {one.partition(":")[0] for one in before}
        whole[name] = (*before, *(one for one in reasons if one.partition(":")[0] not in kinds))
    return whole


def marked(
    reasons: Mapping[str, Sequence[str]],
    marks: Mapping[str, Sequence[str]],
    shelf: Shelf,
    contents: Contents,
) -> dict[str, tuple[str, ...]]:
    """Reasons by name, with `marks` that were set on pictures by their content."""
    whole = {name: tuple(own) for name, own in reasons.items()}
    if marks:
        own = zip(shelf.entries, contents_of(shelf, contents), strict=True)
        for name, content in own:
            if content in marks:
                whole[name] = (*whole.get(name, ()), *marks[content])
    return whole


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
    home = decisions.home(folder, shelf.trained())
    with _DECIDING:
        before = decisions.read(home)
        words = {own[name]: word for name, word in changes.items()}
        after = before.decide(words, {own[name]: name for name in changes})
        if after is not before:
            decisions.write(home, shelf.folder.name, after, **decisions.told(home))
    return (
        {name: before.decided.get(own[name], "") for name in changes},
        dict(told(folder, shelf, contents).decided),
    )
