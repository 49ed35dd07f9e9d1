"""Files that are whole or not there: atomic writes, names, hashes."""

import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_RESERVED = {"CON", "PRN", "AUX", "NUL"} | {f"{p}{n}" for p in ("COM", "LPT") for n in range(1, 10)}
_AWKWARD = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write `path` into a `ValueError` that says what to do."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise ValueError(
            f"{path} cannot be written ({error.strerror or error}). Check that the disk is not "
            f"full and that ComfyUI may write into {path.parent}; then queue again."
        ) from error


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it and put it in `path`'s place.

    Nobody ever sees half a file, also after a power cut, and nothing is left behind on failure.
    Raises `ValueError` that names the path where it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    with telling(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            with temporary.open("r+b") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


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
    for part in name.split("/") if folders else [name]:
        awkward = (
            not part
            or part[0] == "."
            or part[-1] in " ."
            or _AWKWARD.search(part)
            or part.split(".")[0].upper() in _RESERVED
            or len(part.encode()) > 150
        )
        if awkward:
            raise ValueError(
                f"{what} {text!r} cannot be a file name. Use letters, digits, spaces, '-' and '_', "
                "at most 150 of them, with no leading dot"
                + (" ('/' makes sub-folders)." if folders else " and no slash.")
            )
    return name


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
