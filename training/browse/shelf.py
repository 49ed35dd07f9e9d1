"""A folder as a person looks at it: every picture with its caption as it stands, sound or not.

`load_folder` refuses a folder in which anything is wrong; this lists it, so that it can be mended.
Pictures are known by their path in the folder, and nothing else can be named.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..data.dataset import Dataset, Record
from ..data.folder import mask_file, picture_files
from ..data.pictures import PictureError, size_of
from ..data.sidecar import NOTHING, Sidecar, read_sidecar
from ..files import legible


@dataclass(frozen=True)
class Entry:
    """One picture. `problem` says why it cannot be shown, `refused` why its caption is not edited.

    `hash` is that of the caption file, to be told when it is saved. `stamp` is another one when the
    picture is.
    """

    name: str
    path: Path
    caption: str = ""
    hash: str = NOTHING
    width: int = 0
    height: int = 0
    mask: bool = False
    stamp: str = ""
    problem: str = ""
    refused: str = ""


@dataclass(frozen=True)
class Shelf:
    """All pictures of a folder by name, in the order in which they are trained."""

    folder: Path
    entries: Mapping[str, Entry] = field(default_factory=dict)

    def find(self, name: str) -> Entry:
        """Raises `LookupError` for whatever is not the name of a picture here."""
        entry = self.entries.get(name)
        if entry is None:
            raise LookupError(
                f"{legible(name)} is no picture of {legible(self.folder)}. Open the folder anew."
            )
        return entry

    def picture(self, name: str) -> Path:
        """The picture's file, if it lies in the folder now, links followed; else `LookupError`."""
        return inside(self.folder, self.find(name).path)

    def sidecar(self, name: str) -> Sidecar:
        """The caption's file as it is now. `LookupError` for one outside, `ValueError` as it reads.

        Where it is a link, what it leads to.
        """
        found = read_sidecar(self.find(name).path)
        return Sidecar(inside(self.folder, found.path), found.text, found.hash)

    def dataset(self) -> Dataset:
        """As Load Dataset gives the folder, whatever is wrong with it."""
        return Dataset(
            self.folder.name,
            tuple(
                Record(one.path, one.caption, max(1, one.width), max(1, one.height))
                for one in self.entries.values()
            ),
        )


def inside(folder: Path, path: Path) -> Path:
    """`path` with links followed. Raises `LookupError` if that is not in `folder`."""
    try:
        real = path.resolve()
        if real.is_relative_to(folder.resolve()):
            return real
    except (OSError, RuntimeError, ValueError) as error:
        raise LookupError(f"{legible(path)} leads nowhere ({legible(error)}).") from error
    raise LookupError(
        f"{legible(path)} is a link to a file outside {legible(folder)}. Put the file itself there."
    )


def shelf_of(folder: Path) -> Shelf:
    """List every picture below `folder`; none is decoded.

    Folders that are links are not entered, so only files can lead out of it.
    """
    found = (_entry(folder, path) for path in picture_files(folder))
    return Shelf(folder, {entry.name: entry for entry in found})


def _entry(folder: Path, path: Path) -> Entry:
    name = path.relative_to(folder).as_posix()
    try:
        name.encode()
    except UnicodeEncodeError:
        why = f"{legible(name)} has a name that is not UTF-8 text. Rename it."
        return Entry(name, path, problem=why, refused=why)
    width = height = 0
    problem = refused = stamp = ""
    sidecar = Sidecar(path, "", NOTHING)
    mask = None
    try:
        stat = (inside(folder, path) if path.is_symlink() else path).stat()
        stamp = f"{stat.st_size:x}-{stat.st_mtime_ns:x}"
        width, height = size_of(path)
        mask = mask_file(path)
    except (LookupError, PictureError, OSError) as error:
        problem = str(error)
    try:
        sidecar = read_sidecar(path)
        if sidecar.path.is_symlink():
            inside(folder, sidecar.path)
    except (LookupError, ValueError, OSError) as error:
        refused, sidecar = str(error), Sidecar(path, "", NOTHING)
    return Entry(
        name, path, sidecar.text, sidecar.hash, width, height, bool(mask), stamp, problem, refused
    )


class Shelves:
    """The folders that were listed last, for several threads."""

    def __init__(self, most: int = 8) -> None:
        self._kept: OrderedDict[Path, Shelf] = OrderedDict()
        self._lock = threading.Lock()
        self._most = most

    def of(self, folder: Path, anew: bool = False) -> Shelf:
        """The folder as it was listed last, or, if wanted, as it is."""
        with self._lock:
            kept = None if anew else self._kept.get(folder)
        shelf = kept or shelf_of(folder)
        with self._lock:
            self._kept[folder] = shelf
            self._kept.move_to_end(folder)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return shelf
