"""Files that are whole or not there: atomic writes, names, hashes."""

import hashlib
import json
import os
import re
import shutil
import time
import unicodedata
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

_RESERVED = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} | {
    f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³"
}
_AWKWARD = re.compile(r'[<>:"/\\|?*]')
# Control and format characters (which turn the writing round, say), half characters, line ends.
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
MOST_PART, MOST_NAME = 150, 200  # bytes; Windows takes 260 characters with the folder


def legible(text: object) -> str:
    """`text` with all that cannot be seen, or that acts on what is around it, written out.

    A very long one loses its middle.
    """
    whole = str(text)
    short = whole if len(whole) <= 500 else f"{whole[:200]}…{whole[-200:]}"
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in _UNSEEN else char
        for char in short
    )


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write `path` into a `ValueError` that says what to do."""
    try:
        yield
    except FileExistsError:
        raise
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(
            f"{path} cannot be written ({reason}). Check that the disk is not "
            f"full and that ComfyUI may write into {path.parent}; then queue again."
        ) from error


@contextmanager
def atomic(path: Path, new: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it and put it in `path`'s place.

    Nobody ever sees half a file, also after a power cut, and nothing is left behind on failure.
    Raises `ValueError` that names the path where it cannot be written, and, where it must be `new`,
    `FileExistsError` if another process was first.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    with telling(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            with temporary.open("r+b") as file:
                os.fsync(file.fileno())
            place_new(temporary, path) if new else temporary.replace(path)
            _flush_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def place_new(temporary: Path, path: Path) -> None:
    """Give a whole file its place, on the same disk; `FileExistsError` if it is taken."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # there are file systems without links
        if path.exists():
            raise FileExistsError(path) from None
        temporary.rename(path)


def _flush_folder(folder: Path) -> None:
    """Let a new name last through a power cut, where the system can: Windows opens no folders."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Delete what a process that was killed left half written in `folder`, which is ours alone."""
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)


def sweep_folders(parent: Path, age: float = 24 * 3600) -> None:
    """Delete folders that a process which was killed left half written in `parent`.

    Only those that nobody has touched for `age` seconds: others may be at work.
    """
    for part in parent.glob(".*.part"):
        if part.is_dir() and not part.is_symlink() and time.time() - part.stat().st_mtime > age:
            shutil.rmtree(part, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(
            json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def digest(*parts: bytes | str) -> str:
    """SHA-256 over the parts and their lengths, as 64 hex digits."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "little"))
        sha.update(data)
    return sha.hexdigest()


def safe_name(text: str, what: str, folders: bool = False) -> str:
    """`text` if it can be a file name on every system, else `ValueError` naming `what`.

    With `folders`, forward slashes may lead into sub-folders; never out of the folder.
    """
    name = text.strip()
    parts = name.split("/") if folders else [name]
    if len(name.encode(errors="replace")) > MOST_NAME or any(map(_awkward, parts)):
        raise ValueError(
            f"{what} '{legible(text)}' cannot be a file name. Use letters, digits, spaces, '-' and "
            f"'_', at most {MOST_PART} of them, with no leading dot"
            + (" ('/' makes sub-folders)." if folders else " and no slash.")
        )
    return name


def _awkward(part: str) -> bool:
    return unportable(part) or len(part.encode()) > MOST_PART


def unportable(part: str) -> bool:
    """Whether there is a system on which a file cannot be called so, or on which it misleads."""
    return bool(
        not unicodedata.normalize("NFKC", part).strip(". ")  # '‥' and '．' look like dots
        or part[0] in " ."
        or part[-1] in " ."
        or _AWKWARD.search(part)
        or any(unicodedata.category(char) in _UNSEEN for char in part)
        or part.split(".")[0].rstrip().upper() in _RESERVED
    )


def place_folder(staged: Path, parent: Path, name: str) -> Path:
    """Give a folder that is whole its place: `parent/name`, or `name-2` … if that is taken."""
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name}-{number}")
        number += 1
        if folder.exists():
            continue
        with telling(folder):
            try:
                staged.rename(folder)
            except OSError:
                if folder.exists():  # somebody else was faster
                    continue
                raise
            _flush_folder(parent)
        return folder


def new_folder(parent: Path, name: str) -> Path:
    """Make and return `parent/name`, or `name-2`, `name-3` … if that is taken. Safe in a race."""
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            with telling(folder):
                folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return folder
