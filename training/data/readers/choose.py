"""Which of the captions that are there is meant: the one that was chosen, or the only one."""

from collections.abc import Sequence
from pathlib import Path

from ...files import legible
from . import kohya, metadata, sidecars
from .said import Reader, Reading, Said, Source
from .scan import Found
from .text import folded

AUTO, METADATA, WORDS = "auto", "metadata", "folder name"
READERS: dict[str, Reader] = {
    ".txt": sidecars.texts(".txt"),
    ".caption": sidecars.texts(".caption"),
    ".json": sidecars.objects,
    METADATA: metadata.read,
}
CHOICES = (AUTO, *READERS, WORDS)


def gather(source: Source, captions: str, listed: Path | None = None) -> Reading:
    """What is said of the pictures: by the file `listed`, by one kind of `captions`, or by all.

    `captions` is one of `CHOICES` or any suffix of caption files.
    """
    if listed:
        return _listed(source, listed)
    if captions == AUTO:
        return _agreed({kind: read(source) for kind, read in READERS.items()})
    if captions == WORDS:
        return kohya.words(source)
    return READERS.get(captions, sidecars.texts(captions))(source)


def _listed(source: Source, listed: Path) -> Reading:
    """Names in it are those of pictures in the source, wherever the file itself lies."""
    stat = listed.stat()
    stamp = stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
    return metadata.reading(Found(listed, listed.name, False, stamp), source, asked=True)


def _agreed(readings: dict[str, Reading]) -> Reading:
    """All of them in one, where they do not contradict each other."""
    together = Reading()
    for reading in readings.values():
        together.problems += reading.problems
        together.told += reading.told
        for name, said in reading.said.items():
            before = together.said.get(name)
            if not before or not folded(before.written):
                together.said[name] = _kept(before, said)
            elif folded(said.written) not in ([], folded(before.written)):
                together.problems.append(_contradiction(name, before, said))
    return together


def _kept(empty: Said | None, said: Said) -> Said:
    """An empty caption file is still where a caption belongs, if no other one has any."""
    return said if empty is None or folded(said.written) else empty


def _contradiction(name: str, one: Said, other: Said) -> ValueError:
    return ValueError(
        f"{legible(name)} has one caption in {one.where} and another in {other.where}. Say with "
        "'captions' of Load Dataset which is meant, or move the others away."
    )


def counted(reading: Reading, names: Sequence[str]) -> dict[str, int]:
    """How many of the pictures have a caption, by where it stands."""
    counts: dict[str, int] = {}
    for name in names:
        said = reading.said.get(name)
        if said and folded(said.written):
            kind = said.file.suffix.lower() if said.file else said.where.partition(",")[0]
            counts[kind] = counts.get(kind, 0) + 1
    return counts
