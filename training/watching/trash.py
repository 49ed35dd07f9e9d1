"""Runs that were deleted, until somebody empties the trash: folders in `runs/.trash`.

A deleted run lies there under a number of its own, with `from.json` that says how it came there, so
that it can be put back. Runs that go on from it hold all that they need themselves.
"""

import json
import shutil
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import legible, place_folder, telling, write_json
from ..run import Run

FOLDER = ".trash"
_NOTE = "from.json"
_RUN, _FILES = "run", "loras"


@dataclass(frozen=True)
class Deleted:
    """`loras` are the files that were taken from models/loras with it."""

    id: str
    name: str
    when: float
    loras: tuple[str, ...] = ()


def delete(run: Run, loras: Sequence[Path] = ()) -> Deleted:
    """Put a run in the trash, with these LoRA files. `ValueError` if it goes on anywhere.

    A ComfyUI that takes it up in this very moment finds its folder gone, and says so.
    """
    with run.lock():
        pass
    own = uuid.uuid4().hex
    place = _trash(run.folder.parent) / own
    with telling(place):
        place.mkdir(parents=True)
        note = {"name": run.name, "when": time.time(), "loras": [str(path) for path in loras]}
        write_json(place / _NOTE, note)
        run.folder.rename(place / _RUN)
        for number, path in enumerate(loras):
            (place / _FILES).mkdir(exist_ok=True)
            shutil.move(path, place / _FILES / f"{number}.safetensors")
    return _read(place)


def restore(runs: Path, own: str) -> tuple[Run, list[str]]:
    """Put a deleted run back, and its LoRA files; what could not be, in words.

    It gets a number if its name is taken. `LookupError` where there is no such.
    """
    place = _place(runs, own)
    deleted = _read(place)
    run = Run(place_folder(place / _RUN, runs, deleted.name))
    problems = []
    if run.name != deleted.name:
        problems.append(f"It is called {run.name} now: there is another {deleted.name}.")
    for number, text in enumerate(deleted.loras):
        source, target = place / _FILES / f"{number}.safetensors", Path(text)
        if target.exists():
            problems.append(f"{legible(target)} was left in {place}: there is another.")
        elif source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(source, target)
    if not any((place / _FILES).glob("*")):
        shutil.rmtree(place, ignore_errors=True)
    return run, problems


def empty(runs: Path) -> int:
    """Delete for good what lies in the trash; how many runs it was."""
    found = listed(runs)
    for one in found:
        with telling(_trash(runs) / one.id):
            shutil.rmtree(_trash(runs) / one.id)
    return len(found)


def listed(runs: Path) -> list[Deleted]:
    """What lies in the trash, the newest first."""
    trash = _trash(runs)
    places = list(trash.iterdir()) if trash.is_dir() else []
    found = [_read(place) for place in places if (place / _RUN / "config.json").is_file()]
    return sorted(found, key=lambda one: one.when, reverse=True)


def _trash(runs: Path) -> Path:
    return runs / FOLDER


def _place(runs: Path, own: str) -> Path:
    if not any(one.id == own for one in listed(runs)):
        raise LookupError("This run is not in the trash any more.")
    return _trash(runs) / own


def _read(place: Path) -> Deleted:
    note: dict[str, Any] = {}
    try:
        note = json.loads((place / _NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        note = {"name": f"restored-{place.name[:6]}"}
    loras = tuple(str(path) for path in note.get("loras", ()))
    return Deleted(place.name, str(note.get("name")), float(note.get("when", 0)), loras)
