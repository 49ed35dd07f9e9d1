"""From a file, or a text in one, to a caption: encoding, size, white space."""

import codecs
from pathlib import Path

from ...files import legible

MOST_CAPTION = 64 * 1024  # bytes of a caption file
# UTF-32 first: its mark begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Control characters are white space, a mark between two joined files is nothing.
_UNSEEN = dict.fromkeys((*range(32), *range(127, 160)), " ") | {0xFEFF: None}


def read_text(path: Path) -> str:
    """What a caption file holds, without its byte order mark.

    UTF-8, or what the mark says. Raises `ValueError` for other encodings (a guess that is wrong
    would be learned), for what is no text, and for more than `MOST_CAPTION` bytes.
    """
    return text_of(read_data(path), path)


def read_data(path: Path) -> bytes:
    """The bytes of a caption file. Raises `ValueError` for more than `MOST_CAPTION` of them."""
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


def text_of(data: bytes, path: Path) -> str:
    """The text that a caption file is, by its bytes; `ValueError` for what is none."""
    text = decoded(data, path)
    if "\x00" in text:
        raise ValueError(
            f"{legible(path)} holds NUL characters: it is not a text file. Save it as UTF-8."
        )
    return text


def decoded(data: bytes, path: Path) -> str:
    """`data` as text, in UTF-8 or what its mark says. Raises `ValueError` that names `path`."""
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8-sig")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        which = encoding.removesuffix("-sig").upper()
        raise ValueError(
            f"{legible(path)} is not {which} text (byte {error.start} is "
            f"0x{data[error.start]:02x}). Open it in an editor and save it with the encoding UTF-8."
        ) from error


def checked(text: str, where: str) -> str:
    """A caption that stands in a file with others, if it can be one; else `ValueError`."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        half = legible(text[error.start])
        raise ValueError(f"{where} has half a character ({half}). Write it anew.") from error
    if size > MOST_CAPTION:
        raise ValueError(
            f"{where} has {size} bytes, which is no caption. Shorten it; {MOST_CAPTION} are the "
            "most."
        )
    if "\x00" in text:
        raise ValueError(f"{where} holds NUL characters, which are no text. Write it anew.")
    return text


def folded(text: str) -> list[str]:
    """Its lines, white space folded, empty ones left out."""
    lines = (" ".join(line.translate(_UNSEEN).split()) for line in text.splitlines())
    return [line for line in lines if line]
