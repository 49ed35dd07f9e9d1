"""Held-out loss of the checkpoints in a grid, from the log of their run. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from .contenders import Contender

Log = Sequence[Mapping[str, Any]]
WORSE = 1.02  # times the lowest loss


def at_steps(logged: Log, steps: Mapping[int, int]) -> dict[int, float]:
    """The loss of each column's step, as it was last measured before or at it."""
    measured = {line["step"]: line["held_out"] for line in logged if "held_out" in line}
    found = {}
    for column, step in steps.items():
        before = [known for known in measured if known <= step]
        if before:
            found[column] = float(measured[max(before)])
    return found


def curve(logged: Log) -> dict[str, Any]:
    """All measurements, and where the log has them those at each noise level."""
    lines = [line for line in logged if "held_out" in line]
    return {
        "curve": [
            {"step": line["step"], "mean": line["held_out"], "times": line.get("held_out_by_time")}
            for line in lines
        ]
    }


def advice(scores: Mapping[str, Any], chosen: Contender | None) -> list[str]:
    """What the curve says besides."""
    points = scores.get("held_out", {}).get("curve") or []
    try:
        losses = {int(point["step"]): float(point["mean"]) for point in points}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"The held-out curve of the scores is damaged ({error!r}).") from error
    if len(losses) < 3 or not chosen:
        return []
    best = min(losses, key=losses.__getitem__)
    if best == max(losses):
        return ["The held-out loss was still falling at the end: more steps may help."]
    if losses[max(losses)] > WORSE * losses[best]:
        return [
            f"The held-out loss was lowest at step {best} and rose afterwards: later steps learn "
            "the pictures by heart. More pictures or a lower learning rate put that off."
        ]
    return []
