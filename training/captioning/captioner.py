"""What all that can caption have in common. Pure."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from PIL import Image

from ..data.readers.text import folded

ASK = "Describe this picture in one or two sentences. Answer with the description alone."
_THOUGHTS = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)


class CannotCaption(ValueError):
    """Whoever captions cannot go on; the text says why, and the way out."""


@dataclass(frozen=True)
class Said:
    """A caption in one line; `cut` if it ends because no more tokens were allowed."""

    text: str
    cut: bool = False


Say = Callable[[Image.Image], Said]


@dataclass(frozen=True)
class Captioner:
    """Something that can caption pictures.

    `open` loads it, gives the function that is called for each picture, and unloads it when the
    block ends. `key` is a hash of all that decides what it says; `tags`: it says tags, and not
    sentences.
    """

    name: str
    key: str
    tags: bool
    open: Callable[[], AbstractContextManager[Say]]


def tidy(text: str) -> str:
    """What a model said as one line: no thoughts before it, no quotation marks around it.

    Half characters and control characters, which no caption file may hold, are left out.
    """
    whole = text.encode(errors="replace").decode()
    line = " ".join(folded(_THOUGHTS.sub("", whole)))
    if len(line) > 1 and line[0] == line[-1] == '"' and '"' not in line[1:-1]:
        return line[1:-1].strip()
    return line


def shown(picture: Image.Image, side: int) -> Image.Image:
    """`picture`, no longer than `side` pixels on its longer side, as a model is to see it."""
    scale = side / max(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(1, round(length * scale)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)
