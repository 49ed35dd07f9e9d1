"""A folder as a person looks at it: every picture with its caption as it stands, sound or not.

`load_folder` refuses a folder in which anything is wrong; this lists it, so that it can be mended.
Pictures are known by their path in the folder, and nothing else can be named.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..data.dataset import CLASS, Dataset, Record
from ..data.pictures import PictureError
from ..data.readers import kohya
from ..data.readers.choose import METADATA, READERS
from ..data.readers.facts import Facts
from ..data.readers.said import Said, Source
from ..data.readers.scan import Found, scan
from ..data.readers.text import folded
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
    of_class: bool = False


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
        """Every picture, whatever is wrong with it."""
        return Dataset(
            self.folder.name,
            tuple(
                Record(one.path, one.caption, max(1, one.width), max(1, one.height))
                for one in self.entries.values()
            ),
        )

    def trained(self) -> Dataset:
        """Those that Load Dataset gives out first, without those of the class."""
        whole = self.dataset()
        pairs = zip(self.entries.values(), whole.records, strict=True)
        return replace(whole, records=tuple(record for one, record in pairs if not one.of_class))


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


def shelf_of(folder: Path, facts: Path | None = None) -> Shelf:
    """List every picture below `folder`; none is decoded. What was read is kept below `facts`.

    Folders that are links are not entered, so only files can lead out of it.
    """
    tree = scan(folder)
    pictures = [one for one in tree.pictures if one.stamp]
    real = folder.resolve()
    source = Source(tree, pictures, Facts(facts, real), [real])
    elsewhere = _said_elsewhere(source)
    of_class = _of_class(source)
    entries: dict[str, Entry] = {}
    for one in pictures:
        entry = _entry(one, source, elsewhere.get(one.name))
        entries[one.name] = replace(entry, of_class=one.name in of_class)
    source.facts.save()
    return Shelf(folder, entries)


def _said_elsewhere(source: Source) -> dict[str, Said]:
    """Captions that stand in files of many, or among others; Load Dataset tells what is wrong."""
    found = READERS[METADATA](source).said | READERS[".json"](source).said
    return {name: said for name, said in found.items() if folded(said.written)}


def _of_class(source: Source) -> set[str]:
    """Pictures that Load Dataset gives out as those of the class."""
    try:
        kinds = kohya.folders(source.pictures)
    except ValueError:
        return set()
    return {name for name, kind in kinds.items() if CLASS in kind.flags}


def _entry(found: Found, source: Source, said: Said | None) -> Entry:
    try:
        found.name.encode()
    except UnicodeEncodeError:
        why = f"{legible(found.name)} has a name that is not UTF-8 text. Rename it."
        return Entry(found.name, found.path, problem=why, refused=why)
    width = height = 0
    problem = refused = ""
    sidecar = Sidecar(found.path, "", NOTHING)
    mask = source.tree.mask(found)
    try:
        found.refuse_strange(source.roots)
        width, height = source.facts.size(found)
    except (PictureError, OSError) as error:
        problem = str(error)
    try:
        sidecar = read_sidecar(found.path)
        if sidecar.path.is_symlink():
            inside(source.tree.folder, sidecar.path)
    except (LookupError, ValueError, OSError) as error:
        refused, sidecar = str(error), Sidecar(found.path, "", NOTHING)
    if said and not refused and sidecar.hash == NOTHING:
        refused = (
            f"The caption of {legible(found.name)} stands in {said.where}, and this page writes "
            "text files beside pictures. Export Dataset makes a folder that has them."
        )
        sidecar = Sidecar(found.path, said.written, NOTHING)
    stamp = "-".join(f"{number:x}" for number in found.stamp or ())
    return Entry(
        found.name, found.path, sidecar.text, sidecar.hash, width, height, bool(mask), stamp,
        problem, refused,
    )  # fmt: skip


class Shelves:
    """The folders that were listed last, for several threads."""

    def __init__(self, facts: Callable[[], Path], most: int = 8) -> None:
        self._facts = facts
        self._kept: OrderedDict[Path, Shelf] = OrderedDict()
        self._lock = threading.Lock()
        self._most = most

    def of(self, folder: Path, anew: bool = False) -> Shelf:
        """The folder as it was listed last, or, if wanted, as it is."""
        with self._lock:
            kept = None if anew else self._kept.get(folder)
        shelf = kept or shelf_of(folder, self._facts())
        with self._lock:
            self._kept[folder] = shelf
            self._kept.move_to_end(folder)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return shelf
