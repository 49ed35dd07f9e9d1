"""What VAE and text encoder gave, on disk, by what it was made from. Safe to delete at any time."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import nest
from ..files import digest


@dataclass(frozen=True)
class Entry:
    """One thing in the cache, which is read when it is needed."""

    path: Path
    make: Callable[[], Any]

    def load(self) -> Any:
        """What is kept; made again, and kept, if it is not there or damaged."""
        if self.path.is_file():
            try:
                return nest.load(self.path)
            except ValueError as error:
                logging.warning("%s It is made again.", error)
        value = self.make()
        nest.save(self.path, value)
        return value


class Cache:
    """A folder of nests, each under the hash of all that decides it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entry(self, made_from: tuple[str, ...], make: Callable[[], Any]) -> Entry:
        """The entry for `made_from`, made now by `make` if it is not there."""
        key = digest(*made_from)
        entry = Entry(self.folder / key[:2] / f"{key}.safetensors", make)
        if not entry.path.is_file():
            entry.load()
        return entry
