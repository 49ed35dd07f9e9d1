"""Which pictures and captions a run was made from, in short, and what has changed since."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from .data.dataset import Dataset, Record
from .files import digest

MOST = 5_000  # pictures that are listed by name; of more, only how many there were
SHOWN = 5  # names in a sentence
MOST_TOLD = 50  # licences, sources or sentences of a set

Listed = dict[str, list[str]]  # name: hashes of picture, captions, and mask with repeats


def listing(dataset: Dataset) -> dict[str, Any]:
    """For the run's folder. No path is part of it, but for those inside the folder."""
    listed: dict[str, Any] = {"total": len(dataset)}
    if len(dataset) <= MOST:
        names = names_of(dataset.records)
        listed["records"] = dict(zip(names, map(_hashes, dataset.records), strict=True))
    return listed


def told(dataset: Dataset) -> dict[str, Any]:
    """What people want to know of a set later: how many pictures have which licence and source,
    and what was noted.
    """
    counted = {
        "licences": Counter(_whole(one.licence) for one in dataset.records if one.licence),
        "sources": Counter(_whole(one.source) for one in dataset.records if one.source),
    }
    found: dict[str, Any] = {
        what: dict(counts.most_common(MOST_TOLD)) for what, counts in counted.items() if counts
    }
    notes = {_whole(name): _whole(note) for name, note in dataset.notes.items()}
    found |= {"notes": notes} if notes else {}
    found |= {"told": [_whole(one) for one in dataset.told[:MOST_TOLD]]} if dataset.told else {}
    return found


def _whole(text: str) -> str:
    """Without half characters, which JSON can bring and UTF-8 cannot hold."""
    return text.encode(errors="replace").decode()


def names_of(records: Iterable[Record]) -> list[str]:
    """Paths inside the folder that all pictures lie in; a second of the same gets a number."""
    names: list[str] = []
    seen: Counter[str] = Counter()
    for name in inside(records):
        seen[name] += 1
        names.append(f"{name} #{seen[name]}" if seen[name] > 1 else name)
    return names


def inside(records: Iterable[Record]) -> list[str]:
    """Paths inside the folder that all pictures lie in; names alone where there is none."""
    paths = [record.path for record in records]
    try:
        common = os.path.commonpath([path.parent for path in paths]) if paths else ""
    except ValueError:  # on several drives
        common = ""
    return [path.relative_to(common).as_posix() if common else path.name for path in paths]


def _hashes(record: Record) -> list[str]:
    mask, repeats = record.identity[-2:]
    texts = record.identity[1:-2]
    return [record.content[:16], digest(*texts)[:16], digest(mask, repeats)[:8]]


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs between two listings of sets that are not the same, in words."""
    if not before:
        return "other pictures or captions (the run is older than the list that could say which)"
    old, new = before.get("records"), now.get("records")
    if old is None or new is None:
        return f"{before['total']} pictures then, {now['total']} now: too many to say which"
    told = [f"{len(names)} {what} ({_few(names)})" for what, names in _compare(old, new) if names]
    return "; ".join(told) or "the pictures are in another order"


def _compare(old: Listed, new: Listed) -> list[tuple[str, list[str]]]:
    """A picture that has another name is known by its content."""
    names = {hashes[0]: name for name, hashes in old.items()}
    was = {name: old.get(name) or old.get(names.get(hashes[0], "")) for name, hashes in new.items()}
    kept = {hashes[0] for hashes in new.values()}
    pairs = [(name, before, new[name]) for name, before in was.items() if before]
    return [
        ("added", [name for name, before in was.items() if not before]),
        ("removed", [n for n, hashes in old.items() if n not in new and hashes[0] not in kept]),
        ("changed", [name for name, before, now in pairs if before[0] != now[0]]),
        ("with another caption", [name for name, before, now in pairs if before[1] != now[1]]),
        (
            "with another mask or count",
            [name for name, before, now in pairs if before[2] != now[2]],
        ),
    ]


def _few(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(sorted(names)[:SHOWN]) + more
