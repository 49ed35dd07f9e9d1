"""A sweep's folder: the plan, and a journal of what became of its points, for any editor."""

import json
import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..files import place_folder, safe_name, telling, write_json
from .plan import Sweep
from .points import SEARCH
from .values import Value

WAITING, QUEUED, DONE, FAILED, CANCELLED = "waiting", "queued", "done", "failed", "cancelled"
LOST = "lost"  # a server went away with it: it waits again
STATES = (WAITING, QUEUED, DONE, FAILED, CANCELLED)
PATIENCE = 3  # servers that may be lost with one point before it counts as failed


@dataclass
class Point:
    """What became of a point, as the journal's lines say one after another.

    `told` is its last line: of a queued one server and prompt id, of one that is done its run,
    pictures and facts, of a failed one the error.
    """

    state: str = WAITING
    lost: int = 0
    told: dict[str, Any] = field(default_factory=dict)

    def take(self, line: dict[str, Any]) -> None:
        state = line.get("state")
        if self.state == DONE and state != DONE:
            return  # a second server was at it, or somebody queued it again
        if state == LOST:
            self.lost = (self.lost + 1) % PATIENCE
            self.state = WAITING if self.lost else FAILED
            more = {"error": f"The server went away {PATIENCE} times while it was at this point."}
            self.told = line if self.lost else line | more
        elif state in STATES:
            self.state, self.told = str(state), line
            if state != QUEUED:
                self.lost = 0


@dataclass(frozen=True)
class Kept:
    """One sweep on disk: `plan.json` and `journal.jsonl`, to which lines are only added."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    def sweep(self) -> Sweep:
        """The plan. Raises `ValueError` if it is damaged."""
        path = self.folder / "plan.json"
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            # The folder's name, which has a number where there was one of the same name.
            more: dict[str, Any] = {"name": self.name}
            if kept.get("mode") == SEARCH:
                more["points"] = self._asked()
            return Sweep.from_json(kept | more)
        except (OSError, ValueError, TypeError) as error:
            raise ValueError(f"{path} cannot be used: {error}") from error

    def _asked(self) -> list[Any]:
        """The points that a search has asked for so far."""
        path = self.folder / "points.jsonl"
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def ask(self, point: Sequence[Value]) -> None:
        """Add a point to a search, before it is queued."""
        path = self.folder / "points.jsonl"
        with telling(path), path.open("ab") as file:
            file.write((json.dumps(list(point), ensure_ascii=False) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())

    def note(self, point: int, state: str, **told: Any) -> None:
        """Add a line to the journal and flush it to the disk; `point` is counted from 0."""
        line = {"point": point + 1, "state": state, "at": round(time.time(), 1), **told}
        path = self.folder / "journal.jsonl"
        with telling(path), path.open("ab") as file:
            file.write((json.dumps(line, ensure_ascii=False) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())

    def points(self, count: int) -> list[Point]:
        """What became of each point; lines that are cut short or damaged are left out."""
        found = [Point() for _ in range(count)]
        path = self.folder / "journal.jsonl"
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        for written in text.splitlines():
            try:
                line = json.loads(written)
                number = line["point"] - 1
            except (ValueError, KeyError, TypeError):
                continue
            if 0 <= number < count:
                found[number].take(line)
        return found

    def begun(self) -> float:
        return (self.folder / "plan.json").stat().st_mtime


def create(sweeps: Path, sweep: Sweep) -> Kept:
    """A new folder for a sweep, whole or not there; the name gets a number if it is taken."""
    staged = sweeps / f".{uuid.uuid4().hex}.part"
    write_json(staged / "plan.json", sweep.to_json())
    return Kept(place_folder(staged, sweeps, sweep.name))


def find(sweeps: Path, name: str) -> Kept:
    """Raises `LookupError` for a name that no sweep has."""
    try:
        kept = Kept(sweeps / safe_name(name, "sweep name"))
    except ValueError as error:
        raise LookupError(str(error)) from error
    if not (kept.folder / "plan.json").is_file():
        raise LookupError(f"There is no sweep {name} in {sweeps}.")
    return kept


def every(sweeps: Path) -> list[Kept]:
    """All sweeps, the newest first."""
    if not sweeps.is_dir():
        return []
    found = [Kept(path.parent) for path in sweeps.glob("*/plan.json") if path.parent.name[0] != "."]
    return sorted(found, key=Kept.begun, reverse=True)
