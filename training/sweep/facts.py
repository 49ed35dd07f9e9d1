"""What a run says of itself, for tables: settings, losses, scores, and what it cost. Pure."""

import json
from pathlib import Path
from typing import Any

TAIL = 0.1  # of the log: its mean is the loss that a run ended with
COSTS = ("steps", "batch_size", "resolution", "rank")


def facts(folder: Path) -> dict[str, Any]:
    """`scores` (each `value`, and `low` and `high` where known), `seconds`, `bytes`, `steps`, and
    `held_out`, the course of that loss: pairs of step and loss.

    Raises `LookupError` where there is no run.
    """
    if not (folder / "config.json").is_file():
        raise LookupError(f"There is no run {folder.name}.")
    lines = _lines(folder / "log.jsonl")
    losses = [line["loss"] for line in lines if "loss" in line]
    course = [[line["step"], line["held_out"]] for line in lines if "held_out" in line]
    held_out = [loss for _, loss in course]
    scores: dict[str, dict[str, float]] = {}
    if losses:
        tail = losses[-max(1, int(len(losses) * TAIL)) :]
        scores["loss"] = {"value": sum(tail) / len(tail)}
    if held_out:
        scores["held-out loss"] = {"value": min(held_out)}
        scores["last held-out loss"] = {"value": held_out[-1]}
    return {
        "run": folder.name,
        "finished": (folder / "result.json").is_file(),
        "steps": len(losses),
        "seconds": round(seconds(folder), 2),
        "bytes": size(folder),
        "held_out": course,
        "scores": scores,
    }


def seconds(folder: Path) -> float:
    """How long the run was in its training loop, of sittings that came to an end."""
    return sum(line.get("seconds", 0.0) for line in _lines(folder / "sittings.jsonl"))


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def costs(runs: Path, most: int = 30) -> list[dict[str, float]]:
    """What the newest finished runs cost, with the settings on which that depends."""
    if not runs.is_dir():
        return []
    results = [path for path in runs.glob("*/result.json") if path.parent.name[0] != "."]
    results.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    found = []
    for path in results[:most]:
        folder = path.parent
        config = _json(folder / "config.json").get("config")
        took = seconds(folder)
        if isinstance(config, dict) and took and all(config.get(key) for key in COSTS):
            cost = {key: float(config[key]) for key in COSTS}
            found.append(cost | {"seconds": took, "bytes": float(size(folder))})
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _lines(path: Path) -> list[dict[str, Any]]:
    """Lines of JSON; a last one that is being written is left out."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return []
    found = []
    for line in text[: text.rfind("\n") + 1].splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return [line for line in found if isinstance(line, dict)]
