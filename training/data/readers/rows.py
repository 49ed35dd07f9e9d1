"""From rows that name pictures to what is said of them.

A name is never opened: it is looked up among the files that were found in the folder, so that no
row can lead out of it, on any system.
"""

import json
import posixpath
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ...files import legible
from .said import Reading, Said, Source
from .scan import Found, folded_name
from .sidecars import CAPTIONS, said

MOST_REPEATS = 1000
_COUNT = re.compile("[1-9][0-9]{0,3}")
_ROOTED = re.compile(r"[A-Za-z]:|/")

Row = tuple[str, str, dict[str, Any]]  # where it stands, the picture's name, columns


class Names:
    """The pictures of a folder, by what rows in its sub-folder `base` may call them.

    With `bare`, the suffix may be left out, as in kohya's files.
    """

    def __init__(self, source: Source, base: str = "", bare: bool = False) -> None:
        folder = source.tree.folder
        self.base = base
        self.places = {f"{place.as_posix().rstrip('/')}/" for place in (folder, folder.resolve())}
        self.known = {one.name: one for one in source.pictures}
        self.folded: dict[str, list[Found]] = {}
        for one in source.pictures:
            for name in {one.name, one.stem} if bare else {one.name}:
                self.folded.setdefault(folded_name(name), []).append(one)

    def find(self, name: str, where: str) -> Found:
        """The picture that is meant. Raises `ValueError` where none, or more than one, can be."""
        inner = self._inner(name, where)
        if inner in self.known:
            return self.known[inner]
        alike = self.folded.get(folded_name(inner), [])
        if not alike:
            raise ValueError(
                f"{where} names {legible(name)!r}, and there is no such picture in the folder. Put "
                "it there, or take the line out."
            )
        if len(alike) > 1:
            names = ", ".join(legible(one.name) for one in alike[:3])
            raise ValueError(
                f"{where} names {legible(name)!r}, which may be any of {names}. Write the whole "
                "name."
            )
        return alike[0]

    def _inner(self, name: str, where: str) -> str:
        """The name in the folder, by its text alone: no disk is asked."""
        slashed = name if name in self.known else name.replace("\\", "/")
        if _ROOTED.match(slashed):
            place = next((one for one in self.places if slashed.startswith(one)), None)
            inner = posixpath.normpath(slashed.removeprefix(place)) if place else ".."
        else:
            inner = posixpath.normpath(posixpath.join(self.base, slashed))
        if inner == ".." or inner.startswith(("../", "/")):
            raise ValueError(
                f"{where} names {legible(name)!r}, which lies outside the folder of the dataset. "
                "Put the picture into the folder, and write its name in it."
            )
        return inner


def read(rows: Iterable[Row], names: Names, file: str) -> Reading:
    """What rows say, each of one picture; `file` is where they stand."""
    reading = Reading()
    places: dict[str, str] = {}
    columns: set[str] = set()
    for where, name, values in rows:
        try:
            picture = names.find(name, where)
            if picture.name in places:
                raise ValueError(
                    f"{where} and {places[picture.name]} both name {legible(picture.name)}. Take "
                    "one of the two out."
                )
            places[picture.name] = where
            one = said(values, where, where)
            reading.said[picture.name] = _repeated(one, values, where)
            columns |= values.keys()
        except ValueError as error:
            reading.problems.append(error)
    if reading.said and not columns & {*CAPTIONS, "tags"}:
        named = ", ".join(sorted(map(legible, columns))[:10]) or "none"
        reading.told.append(f"{file} has no captions: of its columns ({named}) none is {_named()}.")
    return reading


def _named() -> str:
    return " or ".join(f"'{name}'" for name in CAPTIONS)


def _repeated(one: Said, values: dict[str, Any], where: str) -> Said:
    """With the columns that *Export Dataset* writes."""
    repeats = values.get("repeats")
    if repeats in (None, ""):
        return one
    digits = repeats if isinstance(repeats, str) else json.dumps(repeats)
    if not (_COUNT.fullmatch(digits) and int(digits) <= MOST_REPEATS):
        raise ValueError(
            f"{where}: repeats is {legible(digits)[:60]}, and not a number from 1 to "
            f"{MOST_REPEATS}."
        )
    return replace(one, repeats=int(digits))
