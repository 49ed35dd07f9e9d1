"""The caption in a text file beside a picture: read, and written so that none is ever lost. Pure.

Whoever writes says what the file held when it was read, and is refused if that has changed. What is
overwritten is kept in a folder `.bak` beside it, under the next free number.
"""

import codecs
import threading
from dataclasses import dataclass
from pathlib import Path

from ..files import atomic, digest, legible

CAPTION_SUFFIXES = (".txt", ".TXT", ".caption", ".CAPTION")
MOST_CAPTION = 64 * 1024  # bytes of a caption file
HISTORY = ".bak"
NOTHING = ""  # the hash of a file that is not there
# UTF-32 first: its mark begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Control characters are white space, a mark between two joined files is nothing.
_UNSEEN = dict.fromkeys((*range(32), *range(127, 160)), " ") | {0xFEFF: None}
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
    path = caption_file(picture)
    if path is None:
        return Sidecar(picture.with_suffix(CAPTION_SUFFIXES[0]), "", NOTHING)
    data = _bytes(path)
    return Sidecar(path, _decoded(path, data), digest(data))


def read_caption(path: Path) -> list[str]:
    """The lines of a caption file, white space folded.

    UTF-8, or what a byte order mark says. Raises `ValueError` for other encodings (a guess that is
    wrong would be learned), for what is no text, and for more than `MOST_CAPTION` bytes.
    """
    return folded(_decoded(path, _bytes(path)))


def folded(text: str) -> list[str]:
    """The lines of `text` that say something, white space folded."""
    lines = (" ".join(line.translate(_UNSEEN).split()) for line in text.splitlines())
    return [line for line in lines if line]


def write_caption(path: Path, text: str, expected: str) -> str:
    """Let the caption file hold exactly `text`, as UTF-8, and return its hash.

    `expected` is the hash of what was read (`NOTHING`: there was no file). What is overwritten is
    kept first, see `history`; a file that holds `text` already is left alone. The caller sees to it
    that `path` may be written. Raises `CaptionChanged` if the file is not what was read, and
    `ValueError` for a text that is no caption, a link, and a disk that refuses.
    """
    data = _encoded(path, text)
    if path.is_symlink():
        raise ValueError(f"{legible(path)} is a link. Write the file that it leads to.")
    with _WRITING:
        before = _bytes(path) if is_file(path) else None
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
                _refuse_changed(path, _bytes(path) if is_file(path) else None, expected)
    return digest(data)


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


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_CAPTION + 1)
    except OSError as error:
        raise ValueError(f"{legible(path)} cannot be read ({error.strerror}).") from error
    if len(data) > MOST_CAPTION:
        raise ValueError(
            f"{legible(path)} has more than {MOST_CAPTION} bytes, which is no caption. Shorten it; "
            "text encoders read a few hundred words."
        )
    return data


def _decoded(path: Path, data: bytes) -> str:
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8-sig")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        which = encoding.removesuffix("-sig").upper()
        raise ValueError(
            f"{legible(path)} is not {which} text (byte {error.start} is "
            f"0x{data[error.start]:02x}). Open it in an editor and save it with the encoding UTF-8."
        ) from error
    if "\x00" in text:
        raise ValueError(
            f"{legible(path)} holds NUL characters: it is not a text file. Save it as UTF-8."
        )
    return text


def _encoded(path: Path, text: str) -> bytes:
    """The bytes of a caption, which `read_caption` can read."""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        half = legible(text[error.start])
        raise ValueError(
            f"The caption for {legible(path)} has half a character ({half}). Write it anew."
        ) from error
    if len(data) > MOST_CAPTION or b"\x00" in data:
        what = "NUL characters" if b"\x00" in data else f"{len(data)} bytes"
        raise ValueError(
            f"The caption for {legible(path)} has {what}, which is no caption. Write plain text of "
            f"at most {MOST_CAPTION} bytes."
        )
    return data
