"""The files of a folder, found once, in an order that is the same on every system."""

import logging
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ...files import legible
from ..pictures import SUFFIXES, PictureError

MASK = "-masklabel"  # `cat-masklabel.png` is the mask of `cat.png`, as in OneTrainer
_DIGITS = re.compile("([0-9]+)")

Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Found:
    """Something in a folder that is no folder. `name` is its path in it, with slashes.

    `stamp` is its size, when it was changed, and when anything about it was (on Windows: when it
    was made), in nanoseconds; None for what is no file.
    """

    path: Path
    name: str
    linked: bool
    stamp: Stamp | None

    @cached_property
    def suffix(self) -> str:
        """In small letters."""
        return self.path.suffix.lower()

    @cached_property
    def stem(self) -> str:
        """`name` without its suffix."""
        return self.name[: len(self.name) - len(self.suffix)]

    @property
    def folder(self) -> str:
        """Its folder in the folder; empty for what lies right in it."""
        return self.name.rpartition("/")[0]

    def refuse_strange(self, roots: Sequence[Path]) -> None:
        """`PictureError` for what is no file, has no proper name, or is a link to elsewhere."""
        try:
            self.path.name.encode()
        except UnicodeEncodeError as error:
            raise PictureError(
                f"{legible(self.path)} has a name that is not UTF-8 text. Rename it."
            ) from error
        if self.stamp is None:
            raise PictureError(
                f"{legible(self.path)} is no file, or a link that leads nowhere. Move it out of "
                "the folder."
            )
        if self.linked and not any(self.path.resolve().is_relative_to(root) for root in roots):
            raise PictureError(
                f"{legible(self.path)} is a link to a file outside the folders that may be read. "
                "Put the file itself there."
            )


@dataclass(frozen=True)
class Tree:
    """Whatever lies below `folder` and is no folder, by its name in it, in natural order."""

    folder: Path
    files: dict[str, Found]

    @cached_property
    def pictures(self) -> list[Found]:
        """What is named as a picture, masks left out."""
        return [
            one
            for one in self.files.values()
            if one.suffix in SUFFIXES and not one.stem.endswith(MASK)
        ]

    def file(self, name: str) -> Found | None:
        """The file of that very name, if there is one."""
        one = self.files.get(name)
        return one if one and one.stamp else None

    def named(self, name: str) -> list[Found]:
        """Every file that is called so, in whatever folder."""
        ends = f"/{name}"
        found = (one for inner, one in self.files.items() if inner == name or inner.endswith(ends))
        return [one for one in found if one.stamp]

    def beside(self, picture: Found, suffix: str) -> Found | None:
        """The file of the picture's name with another suffix.

        Capitals need not be the same, as on Windows, where no other picture comes into question.
        """
        names = (picture.stem + one for one in (suffix, suffix.upper()))
        return next(filter(None, map(self.file, names)), None) or self._alike(picture, suffix)

    def _alike(self, picture: Found, suffix: str) -> Found | None:
        alike = self._folded.get(folded_name(picture.stem + suffix), [])
        free = [one for one in alike if one.stem == picture.stem or one.stem not in self._stems]
        return free[0] if len(free) == 1 and free[0].stamp else None

    @cached_property
    def _folded(self) -> dict[str, list[Found]]:
        found: dict[str, list[Found]] = {}
        for one in self.files.values():
            found.setdefault(folded_name(one.name), []).append(one)
        return found

    @cached_property
    def _stems(self) -> set[str]:
        return {one.stem for one in self.pictures}

    def mask(self, picture: Found) -> Found | None:
        return self.file(f"{picture.stem}{MASK}.png")


def folded_name(name: str) -> str:
    """The same for names that differ in capitals, or in how their letters are put together."""
    return unicodedata.normalize("NFC", name).casefold()


def natural(name: str) -> tuple[object, ...]:
    """Sorts paths folder by folder, numbers in them by value, and capitals as small letters.

    No locale and no system has a part in it.
    """
    return (*map(_natural, name.split("/")), name)


def _natural(part: str) -> tuple[object, ...]:
    found = _DIGITS.split(folded_name(part))
    return tuple(_number(one) if place % 2 else one for place, one in enumerate(found))


def _number(digits: str) -> tuple[int, str]:
    """Numbers of any length are compared without being made: by length first."""
    whole = digits.lstrip("0")
    return len(whole), whole


def scan(folder: Path) -> Tree:
    """Every file below `folder`; nothing hidden, and no folder by a link, so that loops end.

    Raises `ValueError` for a folder that cannot be read.
    """
    found = sorted(_files(folder), key=lambda one: natural(one.name))
    return Tree(folder, {one.name: one for one in found})


def _files(folder: Path) -> Iterator[Found]:
    waiting = [(folder, folder.resolve(), "")]
    while waiting:
        here, real, inner = waiting.pop()
        try:
            with os.scandir(here) as entries:
                found = [entry for entry in entries if entry.name[0] != "."]
        except OSError as error:
            raise ValueError(
                f"The folder {legible(here)} cannot be read ({error.strerror}). Let ComfyUI read "
                "it, or move it away."
            ) from error
        for entry in found:
            path, name = here / entry.name, f"{inner}{entry.name}"
            if not _is_folder(entry):
                yield Found(path, name, entry.is_symlink(), _stamp(entry))
            elif path.resolve() == real / entry.name:  # Windows' junctions do not say that they are
                waiting.append((path, real / entry.name, f"{name}/"))
            else:
                logging.warning("%s is a link to a folder: what is in it is not read.", path)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _stamp(entry: "os.DirEntry[str]") -> Stamp | None:
    try:
        if not entry.is_file():
            return None
        stat = entry.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
