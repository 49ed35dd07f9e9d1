"""The captions of a Dataset edited, told, and written back into their files."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..data.dataset import Dataset, Record
from ..data.readers.text import folded
from ..data.sidecar import NOTHING, Sidecar, read_file, read_sidecar, write_caption
from ..files import legible
from ..records import names_of
from .edit import Lines, edit
from .settings import CaptionEdits

MOST_TOLD = 50  # changes that are shown in full
_AGAIN = (
    "Queued once more, these settings would change the captions once more: switch `write` off now."
)


@dataclass(frozen=True)
class Change:
    """The captions of one picture, before and after."""

    name: str
    record: Record
    before: Lines
    after: Lines

    @property
    def found(self) -> Lines:
        """The captions as they were read, before any node changed them."""
        return tuple(folded(self.record.written)) or self.before


@dataclass(frozen=True)
class Edited:
    """`done` counts what the settings did; `again` is whether they would change what they made."""

    dataset: Dataset
    changes: tuple[Change, ...]
    done: Counter[str]
    again: bool


def lines_of(record: Record) -> Lines:
    """The captions of a picture: the lines of its file, or the one there is."""
    return record.lines or ((record.caption,) if record.caption else ())


def with_lines(record: Record, lines: Lines) -> Record:
    """The record as it would be read from a caption file with these lines."""
    return replace(record, caption=" ".join(lines), lines=lines if len(lines) > 1 else ())


def edit_dataset(dataset: Dataset, settings: CaptionEdits) -> Edited:
    """`dataset` with its captions edited; records that stay as they are are the same objects."""
    names = names_of(dataset.records)
    before = [lines_of(record) for record in dataset.records]
    after, done = edit(before, settings, names)
    changes = tuple(
        Change(name, record, old, new)
        for name, record, old, new in zip(names, dataset.records, before, after, strict=True)
        if old != new
    )
    records = tuple(
        record if old == new else with_lines(record, new)
        for record, old, new in zip(dataset.records, before, after, strict=True)
    )
    again = bool(changes) and edit(after, settings, names)[0] != after
    return Edited(replace(dataset, records=records), changes, done, again)


def write_changes(changes: Sequence[Change], may_write: Callable[[Path], bool]) -> dict[Path, str]:
    """Write changed captions into the files beside their pictures; the texts by file.

    All are looked at before the first is written. Raises `ValueError` for a picture beside which
    nothing may be written, for a caption that stands in a list or would be left empty, and for a
    file that holds something else than what was edited.
    """
    files: dict[Path, tuple[Change, Sidecar]] = {}
    for change in changes:
        sidecar = _sidecar(change, may_write)
        other = files.setdefault(sidecar.path, (change, sidecar))[0]
        if other.after != change.after:
            raise ValueError(
                f"{legible(change.name)} is in the dataset twice, and would get two captions. Load "
                "it once, or switch `write` off."
            )
    written: dict[Path, str] = {}
    for change, sidecar in files.values():
        end = "\n" if sidecar.text.endswith(("\n", "\r")) or sidecar.hash == NOTHING else ""
        text = "\n".join(change.after) + end
        if tuple(folded(sidecar.text)) != change.after:
            write_caption(sidecar.path, text, sidecar.hash)
        written[sidecar.path] = text
    return written


def _sidecar(change: Change, may_write: Callable[[Path], bool]) -> Sidecar:
    """The file of its caption, as it is. `ValueError` where it must not be written."""
    record, name = change.record, legible(change.name)
    file = record.caption_file
    if not may_write(file or record.path):
        raise ValueError(
            f"{name} lies outside the folders that may be written (it came over a wire or out of "
            "an archive, perhaps). Switch `write` off: the captions go on in the dataset."
        )
    if (file and file.suffix.lower() == ".json") or (not file and folded(record.written)):
        raise ValueError(
            f"{name} has its caption in {legible(file.name) if file else 'a list'}, and no text "
            "file of its own. Change it there, or switch `write` off: the captions go on in the "
            "dataset."
        )
    if not change.after:
        raise ValueError(
            f"{name} would be left without a caption. Nothing was written: take out less, or put "
            "a trigger in front."
        )
    sidecar = read_file(file) if file else read_sidecar(record.path)
    here = tuple(folded(sidecar.text))
    if sidecar.hash != NOTHING and here not in (change.found, change.before, change.after):
        raise ValueError(
            f"{legible(sidecar.path)} holds another caption than the one that was edited: it was "
            "changed since it was read. Nothing was written. Queue again."
        )
    return sidecar


def text(edited: Edited, written: Collection[Path] = ()) -> str:
    """What was changed, for a person: how often, and each caption before and after."""
    count = len(edited.dataset)
    lines = [f"{edited.dataset.name}: {len(edited.changes)} of {count} captions changed."]
    lines += [f"  {what}: {times}" for what, times in edited.done.items() if times]
    empty = [legible(one.name) for one in edited.changes if not one.after]
    lines += [f"Left without a caption: {', '.join(empty[:MOST_TOLD])}"] if empty else []
    if written:
        lines.append(f"Written into {len(written)} files; what they held is in .bak beside them.")
    elif edited.changes:
        lines.append("No file was changed: the captions go on in the dataset.")
    lines += [_AGAIN] if written and edited.again else []
    for change in edited.changes[:MOST_TOLD]:
        lines += ["", legible(change.name)]
        lines += [f"  - {legible(one)}" for one in change.before if one not in change.after]
        lines += [f"  + {legible(one)}" for one in change.after if one not in change.before]
    if len(edited.changes) > MOST_TOLD:
        lines += ["", f"… and {len(edited.changes) - MOST_TOLD} more"]
    return "\n".join(lines)
