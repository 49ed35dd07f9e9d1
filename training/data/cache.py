"""What VAE and text encoder gave, on disk, by what it was made from. Safe to delete at any time."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import nest
from ..files import digest


class Cache:
    """A folder of nests, each under the hash of all that decides it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, made_from: tuple[str, ...], make: Callable[[], Any]) -> Any:
        """What is kept for `made_from`; made by `make`, and kept, if it is not there or damaged."""
        key = digest(*made_from)
        path = self.folder / key[:2] / f"{key}.safetensors"
        if path.is_file():
            try:
                return nest.load(path)
            except ValueError as error:
                logging.warning("%s It is made again.", error)
        value = make()
        nest.save(path, value)
        return value
