"""What was read from files before: sizes of pictures and texts of captions, by name and stamp.

A small JSON file for each folder, safe to delete. A file whose stamp is another one is read again,
and so is one that was changed just now: it may change again before the clock does.
"""

import json
import logging
import time
from pathlib import Path
from typing import Any

from ...files import atomic, digest, legible
from ..pictures import size_of
from .scan import Found
from .text import read_text

VERSION = 1
_RECENT = 2_000_000_000  # nanoseconds: FAT counts by two seconds
_LONG = 4096  # characters; longer texts are not kept


class Facts:
    """Facts of the files of `folder`, kept below `home`; of none where there is no `home`.

    `fresh` counts the files that had to be read.
    """

    def __init__(self, home: Path | None = None, folder: Path | None = None) -> None:
        self.file = home / f"{digest(str(folder))[:32]}.json" if home else None
        self.sizes: dict[str, list[Any]] = {}
        self.texts: dict[str, list[Any]] = {}
        self.fresh = 0
        self._changed = False
        self._began = time.time_ns()
        if self.file and self.file.is_file():
            self._read(self.file)

    def size(self, found: Found) -> tuple[int, int]:
        """Width and height of a picture. Raises `PictureError` for what is none."""
        known = self.sizes.get(found.name)
        if known and tuple(known[:3]) == found.stamp:
            return known[3], known[4]
        self.fresh += 1
        width, height = size_of(found.path)
        self._keep(self.sizes, found, width, height)
        return width, height

    def text(self, found: Found) -> str:
        """What a caption file holds. Raises `ValueError` for what is no caption."""
        known = self.texts.get(found.name)
        if known and tuple(known[:3]) == found.stamp:
            return known[3]
        self.fresh += 1
        text = read_text(found.path)
        if len(text) <= _LONG:
            self._keep(self.texts, found, text)
        return text

    def save(self) -> None:
        """Keep what is new, if anything is."""
        if not (self.file and self._changed):
            return
        kept = {"version": VERSION, "sizes": self.sizes, "texts": self.texts}
        try:
            with atomic(self.file) as temporary:
                temporary.write_text(json.dumps(kept), encoding="utf-8")
        except ValueError as error:  # a cache that cannot be written costs time, and nothing else
            logging.warning("%s", error)

    def _keep(self, facts: dict[str, list[Any]], found: Found, *values: Any) -> None:
        size, *times = found.stamp or (0, self._began)
        if max(times) < self._began - _RECENT:
            facts[found.name] = [size, *times, *values]
            self._changed = True

    def _read(self, file: Path) -> None:
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            if kept["version"] != VERSION:
                return
            sizes, texts = kept["sizes"], kept["texts"]
            sound = all(_stamped(one, int, 5) for one in sizes.values())
            sound = sound and all(_stamped(one, str, 4) for one in texts.values())
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as error:
            logging.warning("%s cannot be used (%s). It is made again.", file, legible(error))
            return
        if sound:
            self.sizes, self.texts = sizes, texts


def _stamped(one: Any, kind: type, length: int) -> bool:
    """Whether it is a stamp and what was found."""
    return (
        isinstance(one, list)
        and len(one) == length
        and all(type(number) is int for number in one[:3])
        and all(type(value) is kind for value in one[3:])
    )
