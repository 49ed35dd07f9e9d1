"""Runs side by side: what differs in what was asked, their curves, and what they cost. Pure.

All of it is JSON: the node, its page and the page of all runs read the same.
"""

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase
from typing import Any

from .cost import cost
from .curve import Point, envelope, smooth, thin
from .run import DECIDES, Run

MOST_POINTS = 600  # of a curve
MOST_RUNS = 64
UNKNOWN = "unknown"
INPUTS = tuple(part for part in DECIDES if part not in ("format", "config"))


def named(asked: str, known: Sequence[str]) -> list[str]:
    """The runs that a text names, one a line or with commas: names, or patterns with `*` and `?`.

    In the text's order, a pattern's in that of `known`. Raises `ValueError` for what names none.
    """
    wanted = [one.strip() for one in asked.replace(",", "\n").splitlines() if one.strip()]
    if not wanted:
        raise ValueError("runs: none is named. Write names, or patterns such as my-lora*.")
    found: dict[str, None] = {}
    for one in wanted:
        # what is a name as it stands is no pattern: brackets may be part of it
        hits = [one] if one in known else [name for name in known if fnmatchcase(name, one)]
        if not hits:
            there = ", ".join(known[:5]) or "none yet"
            raise ValueError(f"runs: there is no run {one!r}. There are: {there}.")
        found |= dict.fromkeys(hits)
    if len(found) > MOST_RUNS:
        raise ValueError(f"runs: {len(found)} are more than {MOST_RUNS}. Name fewer.")
    return list(found)


def differences(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The settings that are not the same in all of `configs` (by run): setting, run, value.

    In the order of the first that has them; a setting that a run has not is None there.
    """
    every = dict.fromkeys(setting for config in configs.values() for setting in config)
    values = {
        setting: {name: config.get(setting) for name, config in configs.items()}
        for setting in every
    }
    return {
        setting: of for setting, of in values.items() if any(v != _first(of) for v in of.values())
    }


def _first(values: Mapping[str, Any]) -> Any:
    return next(iter(values.values()))


def summary(run: Run) -> dict[str, Any]:
    """One run in JSON: state, settings, inputs (hashes), losses, curves of few points, cost.

    Raises `ValueError` if its config.json is damaged.
    """
    asked, lines = run.asked(), run.logged()
    points = curves(lines)
    held = [(line["held_out"], line["step"]) for line in lines if "held_out" in line]
    paid = cost(run)
    return {
        "name": run.name,
        "begun": datetime.datetime.fromtimestamp(run.begun(), datetime.timezone.utc).isoformat(
            timespec="seconds"
        ),
        "state": "finished" if run.finished else "stopped" if run.stops() else "unfinished",
        "steps": max((line["step"] for line in lines if "loss" in line), default=0),
        "asked_steps": asked["config"].get("steps"),
        "settings": asked["config"],
        "base": run.base(),
        "inputs": {part: asked.get(part) for part in INPUTS},
        "continues": asked.get("continues"),
        "pictures": {what: of.get("total") for what, of in run.records().items()},
        "loss": points["smoothed"][-1][1] if points["smoothed"] else None,
        "held_out": min(held)[0] if held else None,
        "held_out_step": min(held)[1] if held else None,
        "curves": points,
        "held_out_by_time": by_time(lines),
        "cost": asdict(paid) | {"steps_per_second": paid.steps_per_second},
    }


def curves(lines: Sequence[Mapping[str, Any]], most: int = MOST_POINTS) -> dict[str, list[Any]]:
    """A log's curves as lists of (step, value), each of at most about `most` points.

    Of what is raw the lowest and highest of each stretch stay; what is not finite (the gradient's
    norm where fp16 overflowed) is left out.
    """
    found = {
        name: [
            (line["step"], line[name]) for line in lines if math.isfinite(line.get(name, math.nan))
        ]
        for name in ("loss", "held_out", "learning_rate", "grad_norm")
    }
    losses = found["loss"]
    calm = smooth([value for _, value in losses])
    smoothed = list(zip((step for step, _ in losses), calm, strict=True))
    return {
        "loss": envelope(losses, most),
        "smoothed": thin(smoothed, most),
        "held_out": envelope(found["held_out"], most),
        "learning_rate": envelope(found["learning_rate"], most),
        "grad_norm": envelope(found["grad_norm"], most),
    }


def by_time(lines: Sequence[Mapping[str, Any]]) -> dict[str, list[Point]]:
    """The held-out loss at each noise level: a time in 0..1, where 1 is noise alone."""
    found: dict[str, list[Point]] = {}
    for line in lines:
        for at, loss in line.get("held_out_by_time", {}).items():
            if math.isfinite(loss):
                found.setdefault(at, []).append((line["step"], loss))
    return {at: envelope(points, MOST_POINTS) for at, points in found.items()}


def compared(runs: Sequence[Run]) -> dict[str, Any]:
    """All of them in JSON: each one's `summary`, and what differs in settings and in inputs."""
    sides = [summary(run) for run in runs]
    return {
        "version": 1,
        "runs": sides,
        "settings": differences({one["name"]: one["settings"] for one in sides}),
        "inputs": differences(
            {one["name"]: {"base": one["base"] or UNKNOWN, **one["inputs"]} for one in sides}
        ),
    }
