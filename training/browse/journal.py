"""Many captions saved at once, so that whoever is killed half-way has lost none of them.

All changes are written into one file before the first caption is, and that file goes when the last
one is done. What is found there at the next opening is carried out then.
"""

import json
import logging
import threading
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..data.sidecar import write_caption
from ..files import legible, write_json
from .shelf import Shelf

_ABOUT = (
    "Captions that a person changed in Atelier's dataset page. They are being written; if the "
    "work was cut off, opening the folder in the page finishes it, and this file goes."
)
_ACTIVE: set[Path] = set()  # those that this process is at work on
_LOCK = threading.Lock()  # one bulk change at a time, or two could take turns


@dataclass(frozen=True)
class Change:
    """`text` for the picture called `name`, if its caption file still has the hash `expected`."""

    name: str
    expected: str
    text: str


@dataclass(frozen=True)
class Refused:
    """A change that was not made: why, what was wanted, and what the file holds now."""

    name: str
    error: str
    yours: str
    theirs: str
    hash: str | None


@dataclass
class Outcome:
    """Hashes of what was `saved`, by name, and what was not."""

    saved: dict[str, str] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)


def save(shelf: Shelf, changes: Sequence[Change]) -> Outcome:
    """Make each change by itself, refusing where the caption is another one by now."""
    outcome = Outcome()
    for change in changes:
        try:
            outcome.saved[change.name] = _save(shelf, change)
        except (LookupError, ValueError, OSError) as error:
            outcome.refused.append(_refused(shelf, change, str(error)))
    return outcome


def _save(shelf: Shelf, change: Change) -> str:
    shelf.picture(change.name)
    found = shelf.sidecar(change.name)
    if shelf.find(change.name).refused and not found.hash:  # it stands in another kind of file
        raise ValueError(shelf.find(change.name).refused)
    if found.text == change.text and (found.hash or not change.text):
        return found.hash  # somebody made the same change
    return write_caption(found.path, change.text, change.expected)


def _refused(shelf: Shelf, change: Change, error: str) -> Refused:
    try:
        now = shelf.sidecar(change.name)
    except (LookupError, ValueError, OSError):
        return Refused(change.name, error, change.text, "", None)
    return Refused(change.name, error, change.text, now.text, now.hash)


def save_all(journals: Path, shelf: Shelf, changes: Sequence[Change]) -> Outcome:
    """As `save`, by way of a journal in the folder `journals`."""
    file = journals / f"{uuid.uuid4().hex}.json"
    with _LOCK:
        _ACTIVE.add(file)
        try:
            write_json(file, _kept(shelf.folder, changes))
            outcome = save(shelf, changes)
            file.unlink()
        finally:
            _ACTIVE.discard(file)
    return outcome


def finish(journals: Path, shelf: Shelf) -> Outcome:
    """Make the changes to this folder that were cut off. What is refused is told, and kept aside.

    That is put beside as `….left.json`, which nothing reads but a person.
    """
    whole = Outcome()
    if not journals.is_dir():
        return whole
    with _LOCK:
        for file in sorted(set(journals.glob("*.json")) - _ACTIVE):
            if file.name.endswith(".left.json"):
                continue
            changes = _read(file, shelf.folder)
            if not changes:
                continue
            outcome = save(shelf, changes)
            refused = {one.name for one in outcome.refused}
            if refused:
                left = [change for change in changes if change.name in refused]
                write_json(file.with_suffix(".left.json"), _kept(shelf.folder, left))
            file.unlink(missing_ok=True)
            whole.saved |= outcome.saved
            whole.refused += outcome.refused
    return whole


def _kept(folder: Path, changes: Sequence[Change]) -> dict[str, object]:
    return {"about": _ABOUT, "folder": str(folder), "changes": [asdict(one) for one in changes]}


def _read(file: Path, folder: Path) -> list[Change]:
    """The changes, if they are to this folder; none where the file is damaged."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["folder"] != str(folder):
            return []
        return [Change(str(x["name"]), str(x["expected"]), str(x["text"])) for x in kept["changes"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        logging.warning("%s cannot be read (%s). It is left as it is.", file, legible(error))
        return []
