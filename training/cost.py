"""What runs cost, as their sittings recorded it. Pure."""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .run import Run

FILE = "sittings.jsonl"  # a line a sitting: began, from, to, seconds, peak, device, versions


@dataclass(frozen=True)
class Cost:
    """Of the sittings that were recorded: `steps` of the run, in `seconds`, samples and validation
    among them. `peak` is the most bytes on the device; None where nobody counts.
    """

    seconds: float = 0.0
    steps: int = 0
    peak: int | None = None
    devices: tuple[str, ...] = ()
    versions: tuple[dict[str, str], ...] = ()

    @property
    def steps_per_second(self) -> float | None:
        return self.steps / self.seconds if self.steps and self.seconds else None


def sittings(run: Run) -> list[dict[str, Any]]:
    """The recorded sittings, oldest first; lines that are damaged are left out."""
    path = run.folder / FILE
    found: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            one = json.loads(line)
            if one["seconds"] >= 0 and one["to"] >= one["from"]:
                found.append(one)
    return found


def cost(run: Run) -> Cost:
    """All sittings together. Steps that a crash made the run do twice count once and cost twice."""
    lines = sittings(run)
    peaks = [one["peak"] for one in lines if isinstance(one.get("peak"), int)]
    devices = dict.fromkeys(str(one["device"]) for one in lines if one.get("device"))
    versions = {
        json.dumps(one["versions"], sort_keys=True): one["versions"]
        for one in lines
        if isinstance(one.get("versions"), dict)
    }
    return Cost(
        sum(one["seconds"] for one in lines),
        len({step for one in lines for step in range(one["from"], one["to"])}),
        max(peaks, default=None),
        tuple(devices),
        tuple(versions.values()),
    )
