"""How a run's last sitting ended, where it did not come to its end: `ended.json`.

A run whose process was killed has none; one that goes on again has none either.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ..files import write_json

NAME = "ended.json"
MOST = 4000  # characters of an error


@dataclass(frozen=True)
class Ending:
    """`state` is "stopped" (by the button, or cancelled) or "failed", with the error's words."""

    state: str
    error: str = ""


def read(folder: Path) -> Ending | None:
    try:
        told = json.loads((folder / NAME).read_text(encoding="utf-8"))
        state = told["state"]
        return Ending(state, str(told.get("error", ""))) if state in ("stopped", "failed") else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(folder: Path, end: Ending) -> None:
    write_json(folder / NAME, asdict(end))


def forget(folder: Path) -> None:
    (folder / NAME).unlink(missing_ok=True)
