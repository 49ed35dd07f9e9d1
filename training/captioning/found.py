"""Models that caption, as they lie on disk. Pure."""

from dataclasses import dataclass
from pathlib import Path


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
