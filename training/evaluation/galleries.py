"""The grids of a folder, by name, and those that were looked at last."""

import threading
from collections import OrderedDict
from pathlib import Path

from ..files import legible, safe_name
from .gallery import Gallery, read
from .gallery_scores import FILE as SCORES
from .manifest import FILE as MANIFEST

_Stamp = tuple[int, ...]


def listed(grids: Path) -> list[str]:
    """The grids there are, the newest first; links are none."""
    if not grids.is_dir():
        return []
    found = filter(_is_grid, grids.iterdir())
    ages = sorted((-(folder / MANIFEST).stat().st_mtime_ns, folder.name) for folder in found)
    return [name for _, name in ages]


def _is_grid(folder: Path) -> bool:
    manifest = folder / MANIFEST
    return (
        folder.is_dir()
        and manifest.is_file()
        and not (folder.is_symlink() or manifest.is_symlink())
    )


def folder_of(grids: Path, name: str) -> Path:
    """The folder of the grid called `name`. `ValueError` for no name, `LookupError` for no grid."""
    folder = grids / safe_name(name, "grid name")
    if not _is_grid(folder):
        raise LookupError(f"There is no grid {legible(name)} in {legible(grids)}.")
    return folder


class Galleries:
    """Reads a grid once, until its manifest or its scores are others; for several threads."""

    def __init__(self, most: int = 4) -> None:
        self._kept: OrderedDict[Path, tuple[_Stamp, Gallery]] = OrderedDict()
        self._lock = threading.Lock()
        self._most = most

    def of(self, folder: Path) -> Gallery:
        stamp = _stamp(folder)
        with self._lock:
            kept = self._kept.get(folder)
        gallery = kept[1] if kept and kept[0] == stamp else read(folder)
        with self._lock:
            self._kept[folder] = stamp, gallery
            self._kept.move_to_end(folder)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return gallery


def _stamp(folder: Path) -> _Stamp:
    found: list[int] = []
    for name in (MANIFEST, SCORES):
        path = folder / name
        if path.is_file():
            stat = path.stat()
            found += [stat.st_mtime_ns, stat.st_size]
    return tuple(found)
