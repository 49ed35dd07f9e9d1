"""How long a sweep will take and how much disk, from what earlier runs cost. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from .facts import COSTS
from .plan import TRAINS, Sweep

Cost = Mapping[str, float]
MOST = 500  # points that are looked at; the rest is taken to be like them


@dataclass(frozen=True)
class Estimate:
    """`runs` trainings, and what they need; None where no earlier run can tell."""

    runs: int
    seconds: float | None
    bytes: float | None


def estimate(sweep: Sweep, earlier: Sequence[Cost]) -> Estimate:
    """By the run for each training of the sweep that there is, each counted once."""
    asked: dict[str, dict[str, Any]] = {}
    looked = min(len(sweep.points), MOST)
    for number in range(looked):
        prompt = sweep.prompt_of(number)
        for node in (one for one in prompt.values() if one["class_type"] == TRAINS):
            name = node["inputs"].get("name")
            asked[str(name)] = node["inputs"]
    if not looked:  # a search that has not begun
        return Estimate(sweep.count, None, None)
    scale = len(sweep.points) / looked
    times = [_seconds(inputs, earlier) for inputs in asked.values()]
    sizes = [_bytes(inputs, earlier) for inputs in asked.values()]
    return Estimate(round(len(asked) * scale), _sum(times, scale), _sum(sizes, scale))


def _sum(parts: Sequence[float | None], scale: float) -> float | None:
    known = [part for part in parts if part is not None]
    return scale * sum(known) if known and len(known) == len(parts) else None


def _seconds(inputs: Mapping[str, Any], earlier: Sequence[Cost]) -> float | None:
    """By the pixels that are trained on; by earlier runs of the same size, if there are any."""
    if not all(isinstance(inputs.get(key), int | float) for key in COSTS):
        return None  # a setting that is wired
    alike = ("batch_size", "resolution")
    same = [one for one in earlier if all(one[key] == inputs[key] for key in alike)]
    rates = [one["seconds"] / _pixels(one) for one in same or earlier]
    return median(rates) * _pixels(inputs) if rates else None


def _pixels(run: Mapping[str, Any]) -> float:
    return run["steps"] * run["batch_size"] * run["resolution"] ** 2


def _bytes(inputs: Mapping[str, Any], earlier: Sequence[Cost]) -> float | None:
    """Files of a run grow with the rank of its LoRA."""
    if not earlier or not isinstance(inputs.get("rank"), int | float):
        return None
    return median(one["bytes"] / one["rank"] for one in earlier) * inputs["rank"]


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def amount(size: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
