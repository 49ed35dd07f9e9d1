"""Kohya's folders, `<repeats>_<words>`, and the JSON files of its captioning scripts.

https://github.com/kohya-ss/sd-scripts/blob/main/docs/train_README-en.md
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...files import legible
from ..dataset import CLASS
from .imagefolder import content
from .rows import MOST_REPEATS, Names, Row, read
from .said import Reading, Said, Source
from .scan import Found

META = ("meta_lat.json", "meta_cap.json", "meta_cap_dd.json", "meta_clean.json")
PERHAPS = ("meta.json", "metadata.json")  # other programs use these names too
REG = "reg"  # the folder of pictures of the class, beside `img`
_REPEATED = re.compile(r"([1-9][0-9]*)_(.*\S.*)")


@dataclass(frozen=True)
class Folder:
    """What the name of a folder says of the pictures in it."""

    name: str
    repeats: int
    words: str
    flags: tuple[str, ...]


def folders(pictures: Sequence[Found]) -> dict[str, Folder]:
    """What the folders say, by the names of the pictures in them; nothing if none is kohya's.

    Raises `ValueError` where some are and others not, and for more repeats than can be meant.
    """
    kinds = {name: _folder(name) for name in {one.folder for one in pictures}}
    meant = {name: kind for name, kind in kinds.items() if kind}
    if not meant:
        return {}
    plain = sorted(name for name, kind in kinds.items() if not kind)
    example = legible(min(one.name for one in meant.values()))
    if plain:
        other = f"the folder {legible(plain[0])}" if plain[0] else "no folder of its own"
        raise ValueError(
            f"The folder {example} is called as kohya's are, with a number of repeats, and other "
            f"pictures lie in {other}. Rename it (a hyphen for the first '_'), or put every "
            "picture into a folder with a number ('1_other')."
        )
    for one in meant.values():
        if one.repeats > MOST_REPEATS:
            raise ValueError(
                f"The folder {legible(one.name)} would be shown {one.repeats} times, as kohya's "
                f"trainer reads it; {MOST_REPEATS} are the most. Rename it (a hyphen for the first "
                "'_')."
            )
    return {one.name: meant[one.folder] for one in pictures}


def repeated(name: str) -> re.Match[str] | None:
    """The number and the words in a folder's name, if it is kohya's."""
    return _REPEATED.fullmatch(name)


def _folder(path: str) -> Folder | None:
    """The innermost part of a path that has a number of repeats."""
    parts = path.split("/")
    for depth in range(len(parts) - 1, -1, -1):
        if found := repeated(parts[depth]):
            of_class = depth and parts[depth - 1].lower() == REG
            flags = (CLASS,) if of_class else ()
            # Not by int(): a name may have more digits than it takes.
            repeats = int(found[1]) if len(found[1]) < 10 else 10**9
            return Folder("/".join(parts[: depth + 1]), repeats, found[2].strip(), flags)
    return None


def words(source: Source) -> Reading:
    """A reader of captions from the names of kohya's folders."""
    try:
        named = folders(source.pictures)
    except ValueError as error:
        return Reading(problems=[error])
    return Reading(
        {
            picture: Said(one.words, f"the folder {legible(one.name)}")
            for picture, one in named.items()
        }
    )


def reading(file: Found, source: Source, asked: bool = False) -> Reading:
    """What one of kohya's JSON files says; `asked`, where a person named it."""
    try:
        file.refuse_strange(source.roots)
        try:
            value = pairs(file)
        except ValueError as error:
            if file.path.name in PERHAPS and not asked:
                return Reading(told=[f"Not read: {error}"])
            raise
        names = Names(source, file.folder, bare=True)
        found = read(_rows(value, legible(file.name)), names, legible(file.name))
    except ValueError as error:
        return Reading(problems=[error])
    if any("train_resolution" in one for one in value.values()):
        found.told.append(
            f"{legible(file.name)} holds sizes to train at: not taken over, sizes follow from "
            "'resolution' in Train LoRA."
        )
    return found


def pairs(file: Found) -> dict[str, dict[str, Any]]:
    """The objects of a file by the names of pictures. `ValueError` for anything else."""
    where = legible(file.name)
    text = content(file.path)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is not JSON ({legible(error)}). Mend it.") from error
    if not isinstance(value, dict) or not all(isinstance(one, dict) for one in value.values()):
        raise ValueError(
            f"{where} is not as kohya's captioning scripts write it: an object with an object for "
            "each picture. Mend it, or move it out of the folder."
        )
    return value


def _rows(value: dict[str, dict[str, Any]], file: str) -> Iterator[Row]:
    for name, columns in value.items():
        yield f"{file}, {legible(name)!r}", name, columns
