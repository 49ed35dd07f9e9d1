"""Which pictures want a caption, and which have one already. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data.dataset import Dataset, Record
from ..data.readers.text import folded
from ..data.sidecar import NOTHING, Sidecar, hash_of, read_file, read_sidecar
from ..files import legible
from ..records import names_of
from .journal import Entry, Journal
from .settings import Mode

WANTED = "to caption"
HAD = "had a caption"
BEFORE = "captioned before"
EDITED = "edited since they were captioned"


@dataclass(frozen=True)
class Turn:
    """One picture: its caption file, or None where its caption stays in the dataset; its text."""

    record: Record
    name: str
    file: Sidecar | None
    text: str
    state: str = WANTED


def turns(
    dataset: Dataset, mode: Mode, journal: Journal, may_write: Callable[[Path], bool]
) -> list[Turn]:
    """A turn for every picture, in order. Raises `ValueError` for a caption that cannot be read,
    and for two pictures whose captions would go into one file.
    """
    names = names_of(dataset.records)
    planned = [
        _turn(record, name, mode, journal, may_write)
        for record, name in zip(dataset.records, names, strict=True)
    ]
    _refuse_shared(planned)
    return planned


def _refuse_shared(planned: Sequence[Turn]) -> None:
    """Of `cat.png` and `cat.jpg` each would take the caption file for changed by something else."""
    owners: dict[Path, Turn] = {}
    for turn in planned:
        if turn.file is None or turn.state != WANTED:
            continue
        first = owners.setdefault(turn.file.path, turn)
        if first.record.path != turn.record.path:
            raise ValueError(
                f"{legible(first.name)} and {legible(turn.name)} have one caption file, "
                f"{legible(turn.file.path.name)}, and are two pictures. Rename one of them."
            )


def _turn(
    record: Record, name: str, mode: Mode, journal: Journal, may_write: Callable[[Path], bool]
) -> Turn:
    file = _file(record, may_write)
    lines = "\n".join(record.lines) or record.caption
    text = "\n".join(folded(file.text)) if file else lines
    if mode == "fill in missing":
        return Turn(record, name, file, text, HAD if text else WANTED)
    entry = journal.entries.get(str(record.path))
    if entry is None or entry.content != record.content:
        return Turn(record, name, file, text or lines)
    if file is None:
        return Turn(record, name, file, entry.text, BEFORE)
    return Turn(record, name, file, text or lines, _since(entry, file))


def _file(record: Record, may_write: Callable[[Path], bool]) -> Sidecar | None:
    """The text file of a picture's caption, there or not; None where it has none of its own.

    A caption that stands in a list or in a .json is not written anew beside it: there would be two.
    """
    named = record.caption_file
    if named and named.suffix.lower() != ".json" and may_write(named):
        return read_file(named)
    if named or folded(record.written) or not may_write(record.path):
        return None
    return read_sidecar(record.path)


def _since(entry: Entry, file: Sidecar) -> str:
    if file.hash == entry.after:
        return BEFORE
    return WANTED if file.hash in (entry.before, NOTHING) else EDITED


def joined(old: str, new: str, mode: Mode, tags: bool) -> str:
    """The caption after `new` was said: each line of `old` has it at its end, if `mode` is append.

    What is there already is not said again: of tags each by itself, underscore and space alike.
    """
    if mode != "append" or not old:
        return new
    return "\n".join(_appended(line, new, tags) for line in old.split("\n"))


def _appended(line: str, new: str, tags: bool) -> str:
    if not tags:
        return line if new in line else f"{line} {new}"
    there = {alike(tag) for tag in line.split(",")}
    more = [tag for tag in new.split(", ") if alike(tag) not in there]
    return ", ".join([line.rstrip(", "), *more]) if more else line


def alike(tag: str) -> str:
    """A tag without what makes no other tag of it: capitals, underscores, backslashes."""
    return " ".join(tag.replace("_", " ").replace("\\", "").lower().split())


def entry_of(turn: Turn, text: str) -> Entry:
    """The line of the journal for a caption that is about to be written."""
    before, after = (turn.file.hash, hash_of(text)) if turn.file else (NOTHING, NOTHING)
    return Entry(str(turn.record.path), turn.record.content, before, after, text)
