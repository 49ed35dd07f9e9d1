"""Zip files: unpacked once, under the hash of their bytes, into a folder that is ours.

Every name is checked before anything is written, and nothing is written that is no part of a
dataset. Safe to delete: what is missing is unpacked again.
"""

import hashlib
import logging
import shutil
import stat
import uuid
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from ...files import legible, sweep_folders, telling, unportable
from ..pictures import MOST_BYTES, SUFFIXES
from .scan import folded_name, scan

KINDS = SUFFIXES | {".txt", ".caption", ".json", ".jsonl", ".csv"}
MOST_ENTRIES = 200_000
MOST_TIMES = 200  # so many times its size may a file of more than `FREELY` bytes unpack to
FREELY = 2**28
_KEPT_FREE = 2**30
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def unpacked(path: Path, home: Path) -> Path:
    """The folder below `home` with what is in the zip file, unpacked now if it is not there.

    Raises `ValueError` for what is no zip file, is damaged, has passwords, unpacks to far more than
    it is, or has names that lead elsewhere or could not be names on every system.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            wanted = _wanted(path, archive)
            folder = home / _hash(path) / path.stem[:60].strip(" .")
            if not _whole(folder, wanted):
                _unpack(path, archive, wanted, folder)
    except OSError as error:
        raise ValueError(f"{legible(path)} cannot be read ({error.strerror or error}).") from error
    except _BROKEN as error:
        raise ValueError(
            f"{legible(path)} cannot be read as a zip file ({legible(error)}). Pack it again, "
            "without a password, or unpack it and name the folder."
        ) from error
    return folder


def _hash(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            sha.update(block)
    return sha.hexdigest()[:32]


def _wanted(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The entries that are part of a dataset, by their names; all of them checked."""
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise _no(path, f"it has {len(entries)} entries, and {MOST_ENTRIES} are the most")
    wanted: dict[str, zipfile.ZipInfo] = {}
    seen: set[str] = set()
    for entry in entries:
        _refuse_tricks(path, entry)
        parts = entry.filename.split("/")
        kind = Path(entry.filename).suffix.lower()
        if entry.is_dir() or kind not in KINDS or any(part.startswith(".") for part in parts):
            continue
        same = folded_name(entry.filename)
        if same in seen:
            raise _no(path, f"it has two files called {legible(entry.filename)!r} or alike")
        seen.add(same)
        wanted[entry.filename] = entry
    if not any(Path(name).suffix.lower() in SUFFIXES for name in wanted):
        raise _no(path, f"there is no picture in it ({', '.join(sorted(SUFFIXES))})")
    _refuse_bomb(path, [*wanted.values()])
    return wanted


def _refuse_tricks(path: Path, entry: zipfile.ZipInfo) -> None:
    """Names that lead out of a folder, links, passwords."""
    name = entry.filename
    original = entry.orig_filename  # `filename` ends at a NUL, and has been given slashes
    parts = name.removesuffix("/").split("/")
    if "\0" in original or "\\" in original or any(part in ("", "..") for part in parts):
        raise _no(path, f"an entry is called {legible(original)[:200]!r}, which leads elsewhere")
    visible = not any(part.startswith(".") for part in parts)
    if visible and any(map(unportable, parts)):
        raise _no(path, f"{legible(name)[:200]!r} cannot be a name on every system")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise _no(path, f"{legible(name)[:200]!r} is a link")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _no(path, f"{legible(name)[:200]!r} is packed in another way than 'deflate'")
    if entry.flag_bits & 1:
        raise _no(path, "it has a password")


def _refuse_bomb(path: Path, entries: Sequence[zipfile.ZipInfo]) -> None:
    total = sum(entry.file_size for entry in entries)
    packed = path.stat().st_size
    too_large = next((entry for entry in entries if entry.file_size > MOST_BYTES), None)
    if too_large:
        raise _no(path, f"{legible(too_large.filename)[:200]!r} has more than 1 GiB")
    if total > FREELY and total > MOST_TIMES * packed:
        raise _no(path, f"its {packed} bytes would become {total}, as in a zip bomb")
    if sum(entry.compress_size for entry in entries) > packed:
        raise _no(path, "its entries lie over each other, as in a zip bomb")


def _whole(folder: Path, wanted: dict[str, zipfile.ZipInfo]) -> bool:
    """Whether all that is wanted lies there, and nothing else."""
    if not folder.is_dir():
        return False
    there = {name: one.stamp and one.stamp[0] for name, one in scan(folder).files.items()}
    if there == {name: entry.file_size for name, entry in wanted.items()}:
        return True
    logging.warning("%s is not as it was unpacked. It is made again.", folder)
    return False


def _unpack(
    path: Path, archive: zipfile.ZipFile, wanted: dict[str, zipfile.ZipInfo], folder: Path
) -> None:
    staged = folder.with_name(f".{uuid.uuid4().hex[:8]}.part")
    with telling(folder):
        staged.mkdir(parents=True)
        sweep_folders(staged.parent)
        try:
            _refuse_full(path, folder, sum(entry.file_size for entry in wanted.values()))
            for name, entry in wanted.items():
                target = staged / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as packed, target.open("xb") as plain:
                    shutil.copyfileobj(packed, plain, 2**20)  # no more than `file_size`, checked
            if folder.is_dir():
                shutil.rmtree(folder)
            staged.rename(folder)
        finally:
            shutil.rmtree(staged, ignore_errors=True)


def _refuse_full(path: Path, folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder.parent).free
    if size + _KEPT_FREE > free:
        raise _no(path, f"it needs {size / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free")


def _no(path: Path, why: str) -> ValueError:
    return ValueError(
        f"{legible(path)} is not unpacked: {why}. Pack it otherwise, or unpack it yourself where "
        "ComfyUI may read, and name the folder."
    )
