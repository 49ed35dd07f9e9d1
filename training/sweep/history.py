"""What became of a prompt, from ComfyUI's history. Pure."""

import math
from dataclasses import dataclass, field
from typing import Any

from .kept import CANCELLED, DONE, FAILED
from .plan import TAG

RUN = "atelier_run"  # how a node that trained tells of its run
SCORES = "atelier_scores"  # how Score Grid tells of what it found
FILES = "models/"  # how Save LoRA tells of what it wrote


@dataclass(frozen=True)
class Ended:
    """How a prompt ended. `runs` are the names of its trainings, `files` what Save LoRA wrote.

    `scores` are those of its grid: by name `value`, with `low` and `high` where they are known.
    """

    state: str
    error: str = ""
    runs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    pictures: tuple[dict[str, str], ...] = field(default=())
    seconds: float = 0.0
    scores: dict[str, dict[str, float]] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """For the journal."""
        if self.state != DONE:
            return {"error": self.error}
        kept = {"runs": self.runs, "files": self.files, "pictures": self.pictures}
        scores = {"scores": self.scores} if self.scores else {}
        return {**kept, "seconds": round(self.seconds, 1), **scores}


def ended(entry: dict[str, Any]) -> Ended:
    """How the prompt of an entry of `/history` ended."""
    messages = (entry.get("status") or {}).get("messages") or []
    for kind, data in messages:
        if kind == "execution_error":
            where = f"{data.get('node_type')} (node {data.get('node_id')})"
            return Ended(FAILED, f"{where}: {str(data.get('exception_message')).strip()}")
        if kind == "execution_interrupted":
            return Ended(CANCELLED, "It was cancelled.")
    runs, pictures, files, scores = [], [], [], {}
    for output in (entry.get("outputs") or {}).values():
        runs += [name for name in output.get(RUN) or [] if isinstance(name, str)]
        pictures += [
            {key: shown[key] for key in ("filename", "subfolder", "type")}
            for shown in output.get("images") or []
            if shown.get("type") == "output"
        ]
        texts = output.get("text") or []
        for told in output.get(SCORES) or []:
            scores |= _scores(told)
        files += [text for text in texts if isinstance(text, str) and text.startswith(FILES)]
    return Ended(DONE, "", tuple(runs), tuple(files), tuple(pictures), _seconds(messages), scores)


def _scores(told: Any) -> dict[str, dict[str, float]]:
    """Those that are numbers."""
    found = {}
    for name, score in told.items() if isinstance(told, dict) else ():
        parts = score.items() if isinstance(score, dict) else ()
        ends = {k: float(v) for k, v in parts if k in ("value", "low", "high") and _is_number(v)}
        if "value" in ends:
            found[str(name)] = ends
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _seconds(messages: list[Any]) -> float:
    times = [data["timestamp"] for _, data in messages if "timestamp" in data]
    return (max(times) - min(times)) / 1000 if times else 0.0


def point_of(item: Any) -> tuple[str, int] | None:
    """Sweep and point (from 0) that a prompt in queue or history belongs to, if to any."""
    try:
        tag = item[3]["extra_pnginfo"]["workflow"]["extra"][TAG]
        return str(tag["name"]), int(tag["point"]) - 1
    except (KeyError, TypeError, IndexError, ValueError):
        return None
