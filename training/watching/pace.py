"""How fast a run went and what it took, beside its log: `pace.jsonl`, a line every few seconds.

The log itself holds only what a seed decides, so that two runs of one can be compared by it.
"""

import json
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EVERY = 10.0  # seconds between lines
WINDOW = 30.0  # seconds that the speed is the mean of
ALIVE = 3 * EVERY  # seconds after its last line that a run is taken to go on in another ComfyUI
NAME = "pace.jsonl"


@dataclass
class Pace:
    """One sitting's speed."""

    begun: float = field(default_factory=time.monotonic)
    _seen: deque[tuple[float, int]] = field(default_factory=deque)
    _written: float = 0.0

    def at(self, step: int) -> None:
        now = time.monotonic()
        self._seen.append((now, step))
        while len(self._seen) > 2 and self._seen[1][0] < now - WINDOW:
            self._seen.popleft()

    @property
    def speed(self) -> float:
        """Steps in a second, over the last while; 0 before there is a second step."""
        if len(self._seen) < 2:
            return 0.0
        (began, first), (now, last) = self._seen[0], self._seen[-1]
        return (last - first) / (now - began) if now > began else 0.0

    def left(self, step: int, steps: int) -> float | None:
        """Seconds until `steps`."""
        return (steps - step) / self.speed if self.speed else None

    def line(self, step: int, memory: int, end: bool = False) -> dict[str, Any] | None:
        """What is written now, if it is time to."""
        now = time.monotonic()
        if not end and now - self._written < EVERY:
            return None
        self._written = now
        return {
            "step": step,
            "time": round(time.time(), 1),
            "seconds": round(now - self.begun, 2),
            "speed": float(f"{self.speed:.4g}"),
            "memory": memory,
        }


def append(folder: Path, line: dict[str, Any]) -> None:
    """Write a line. `OSError` where it cannot be."""
    with (folder / NAME).open("ab") as file:
        file.write(json.dumps(line).encode() + b"\n")


def written(folder: Path) -> list[dict[str, Any]]:
    """The lines, oldest first; those that are none are left out."""
    try:
        lines = (folder / NAME).read_bytes().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            one = json.loads(line)
        except ValueError:
            continue
        if isinstance(one, dict) and isinstance(one.get("seconds"), int | float):
            found.append(one)
    return found


def seconds(lines: list[dict[str, Any]]) -> float:
    """How long was trained, in all sittings: in each the clock begins at 0."""
    total = last = 0.0
    for line in lines:
        if line["seconds"] < last:
            total += last
        last = line["seconds"]
    return total + last
