"""Models that caption, as they lie on disk. Pure."""

import json
from dataclasses import dataclass
from pathlib import Path

from ..files import legible


@dataclass(frozen=True)
class TaggerFiles:
    """A tagger on disk, and the name by which it is chosen."""

    name: str
    model: Path
    tags: Path


def stamp(file: Path) -> str:
    """Name, size and time of a file that is too large to be hashed each time."""
    about = file.stat()
    return f"{file.name} {about.st_size} {about.st_mtime_ns}"


def type_of(folder: Path) -> str:
    """The `model_type` in the folder's config.json; `ValueError` where it cannot be read."""
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        return str(config.get("model_type"))
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"{file} cannot be read ({legible(error)}). Download the model's folder again, whole."
        ) from error
