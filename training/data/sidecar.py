"""The caption in a text file beside a picture: read, and written so that none is ever lost. Pure.

Whoever writes says what the file held when it was read, and is refused if that has changed. What is
overwritten is kept in a folder `.bak` beside it, under the next free number.
"""

import threading
from dataclasses import dataclass
from pathlib import Path

from ..files import atomic, digest, legible
from .readers.text import MOST_CAPTION as MOST_CAPTION  # part of what a sidecar is
from .readers.text import checked, folded, read_data, read_text, text_of

CAPTION_SUFFIXES = (".txt", ".TXT", ".caption", ".CAPTION")
HISTORY = ".bak"
NOTHING = ""  # the hash of a file that is not there
_WRITING = threading.Lock()  # from the comparison to the new file, for all that write in here


class CaptionChanged(ValueError):
    """The file is not what it was when it was read; nothing was written."""


@dataclass(frozen=True)
class Sidecar:
    """A caption file as it was read: the text as it stands, and what to tell `write_caption`.

    Where there is no file, `path` is where it would be written, `text` empty and `hash` `NOTHING`.
    """

    path: Path
    text: str
    hash: str


def is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for the disk
        return False


def caption_file(picture: Path) -> Path | None:
    """The caption beside a picture (`cat.txt` or `cat.caption` for `cat.png`), if there is one."""
    return next(filter(is_file, map(picture.with_suffix, CAPTION_SUFFIXES)), None)


def read_sidecar(picture: Path) -> Sidecar:
    """The caption beside a picture, to be edited. Raises `ValueError` as `read_caption` does."""
    return read_file(caption_file(picture) or picture.with_suffix(CAPTION_SUFFIXES[0]))


def read_file(path: Path) -> Sidecar:
    """A caption file, to be edited, whether it is there or not."""
    if not is_file(path):
        return Sidecar(path, "", NOTHING)
    data = read_data(path)
    return Sidecar(path, text_of(data, path), digest(data))


def read_caption(path: Path) -> list[str]:
    """The lines of a caption file, white space folded; `ValueError` for what is none."""
    return folded(read_text(path))


def write_caption(path: Path, text: str, expected: str) -> str:
    """Let the caption file hold exactly `text`, as UTF-8, and return its hash.

    `expected` is the hash of what was read (`NOTHING`: there was no file). What is overwritten is
    kept first, see `history`; a file that holds `text` already is left alone. The caller sees to it
    that `path` may be written. Raises `CaptionChanged` if the file is not what was read, and
    `ValueError` for a text that is no caption, a link, and a disk that refuses.
    """
    data = checked(text, f"The caption for {legible(path)}").encode()
    if path.is_symlink():
        raise ValueError(f"{legible(path)} is a link. Write the file that it leads to.")
    with _WRITING:
        before = read_data(path) if is_file(path) else None
        _refuse_changed(path, before, expected)
        if before is None:
            try:
                with atomic(path, new=True) as temporary:
                    temporary.write_bytes(data)
            except FileExistsError as error:
                raise _changed(path) from error
        elif before != data:
            _keep(path, before)
            with atomic(path) as temporary:
                temporary.write_bytes(data)
                _refuse_changed(path, read_data(path) if is_file(path) else None, expected)
    return digest(data)


def hash_of(text: str) -> str:
    """The hash that a caption file will have when it holds `text`."""
    return digest(text.encode(errors="replace"))


def history(path: Path) -> list[Path]:
    """The files that keep what was overwritten in `path`, the oldest first."""
    kept: list[Path] = []
    while is_file(file := _kept(path, len(kept) + 1)):
        kept.append(file)
    return kept


def _kept(path: Path, number: int) -> Path:
    return path.parent / HISTORY / f"{path.name}.{number:04d}.bak"


def _keep(path: Path, data: bytes) -> None:
    folder = path.parent / HISTORY
    if folder.exists() and folder.resolve() != path.parent.resolve() / HISTORY:
        raise ValueError(f"{legible(folder)} is a link. Move it away: old captions are kept there.")
    kept = history(path)
    if kept and kept[-1].read_bytes() == data:  # a write that was cut off after it was kept
        return
    number = len(kept) + 1
    while True:
        try:
            with atomic(_kept(path, number), new=True) as temporary:
                temporary.write_bytes(data)
        except FileExistsError:  # another process was faster
            number += 1
        else:
            return


def _refuse_changed(path: Path, data: bytes | None, expected: str) -> None:
    if (NOTHING if data is None else digest(data)) != expected:
        raise _changed(path)


def _changed(path: Path) -> CaptionChanged:
    return CaptionChanged(
        f"{legible(path)} was changed by something else since it was read, and is left as it is. "
        "Read it again, and then change it."
    )
