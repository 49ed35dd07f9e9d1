"""What became of a prompt, from ComfyUI's history. Pure."""

from dataclasses import dataclass, field
from typing import Any

from .kept import CANCELLED, DONE, FAILED
from .plan import TAG, TRAINS

RUNS = "atelier/runs/"  # under the output folder: where a run's loss curve is shown from
FILES = "models/"  # how Save LoRA tells of what it wrote


@dataclass(frozen=True)
class Ended:
    """How a prompt ended. `runs` are the names of its trainings, `files` what Save LoRA wrote."""

    state: str
    error: str = ""
    runs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    pictures: tuple[dict[str, str], ...] = field(default=())
    seconds: float = 0.0

    def told(self) -> dict[str, Any]:
        """For the journal."""
        if self.state != DONE:
            return {"error": self.error}
        kept = {"runs": self.runs, "files": self.files, "pictures": self.pictures}
        return {**kept, "seconds": round(self.seconds, 1)}


def ended(entry: dict[str, Any]) -> Ended:
    """How the prompt of an entry of `/history` ended."""
    messages = (entry.get("status") or {}).get("messages") or []
    for kind, data in messages:
        if kind == "execution_error":
            where = f"{data.get('node_type')} (node {data.get('node_id')})"
            return Ended(FAILED, f"{where}: {str(data.get('exception_message')).strip()}")
        if kind == "execution_interrupted":
            return Ended(CANCELLED, "It was cancelled.")
    prompt, outputs = entry["prompt"][2], entry.get("outputs") or {}
    runs, pictures, files = [], [], []
    for node, output in outputs.items():
        mine = prompt.get(node.split(".")[0], {})  # `8.0.0.25` is of what 8 was expanded into
        for shown in output.get("images") or []:
            if shown.get("subfolder", "").replace("\\", "/").startswith(RUNS):
                if mine.get("class_type") == TRAINS:
                    runs.append(shown["subfolder"].replace("\\", "/").removeprefix(RUNS))
            elif shown.get("type") == "output":
                pictures.append({key: shown[key] for key in ("filename", "subfolder", "type")})
        texts = output.get("text") or []
        files += [text for text in texts if isinstance(text, str) and text.startswith(FILES)]
    return Ended(DONE, "", tuple(runs), tuple(files), tuple(pictures), _seconds(messages))


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
