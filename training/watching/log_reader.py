"""A log of JSON lines that grows, read from where it was left."""

import json
import math
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np

from ..curve import FORGETS
from .thin import Floats, thinned

TAIL = 96  # bytes before the place where reading goes on: by them a log that was rewritten shows
SMOOTH = "smooth"  # the loss, smoothed


@dataclass
class Series:
    """The values of one key, with the step and the number of the line of each."""

    steps: "array[float]" = field(default_factory=lambda: array("d"))
    values: "array[float]" = field(default_factory=lambda: array("d"))
    lines: "array[int]" = field(default_factory=lambda: array("q"))

    def add(self, line: int, step: float, value: float) -> None:
        self.lines.append(line)
        self.steps.append(step)
        self.values.append(value)

    def since(self, line: int, count: int) -> tuple[Floats, Floats]:
        """Step and value of what stands on line `line` and after, thinned to `count` points."""
        first = bisect_left(self.lines, line)
        steps, values = (np.array(one[first:]) for one in (self.steps, self.values))
        return thinned(steps, values, count)


@dataclass(frozen=True)
class News:
    """The series of the lines from `first` to `last`, which is not among them."""

    generation: int
    first: int
    last: int
    series: dict[str, list[list[float]]]


class LogReader:
    """The numbers of a log, as series by their keys. No byte is read twice.

    `generation` is another when the log was rewritten: what was read of it before does not hold.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.generation = 0
        self._lock = RLock()
        self._forget()

    def _forget(self) -> None:
        self.series: dict[str, Series] = {}
        self.lines = self._offset = 0
        self._tail = b""
        self._mean = self._weight = 0.0

    def read(self) -> int:
        """Read what was added; the number of lines so far. A last line cut short waits."""
        with self._lock:
            try:
                with self.path.open("rb") as file:
                    file.seek(self._offset - len(self._tail))
                    if file.read(len(self._tail)) != self._tail:
                        self.generation += 1
                        self._forget()
                        file.seek(0)
                    data = file.read()
            except FileNotFoundError:
                if self.lines:
                    self.generation += 1
                self._forget()
                return 0
            whole = data[: data.rfind(b"\n") + 1]
            if whole:
                self._offset += len(whole)
                self._tail = (self._tail + whole)[-TAIL:]
                for line in whole.splitlines():
                    self._take(parsed(line))
            return self.lines

    def news(self, generation: int, line: int, count: int = 800) -> "News":
        """What came after a place in the log, read now; all, where the place does not hold."""
        with self._lock:
            self.read()
            first = min(line, self.lines) if generation == self.generation else 0
            series = self.told(first, count) if self.lines > first else {}
            return News(self.generation, first, self.lines, series)

    def _take(self, line: dict[str, Any]) -> None:
        step = line.get("step")
        if isinstance(step, int | float):
            for key, value in line.items():
                if key != "step" and isinstance(value, int | float):
                    self.series.setdefault(key, Series()).add(self.lines, step, value)
            if math.isfinite(loss := line.get("loss", math.nan)):
                self._mean = FORGETS * self._mean + (1 - FORGETS) * loss
                self._weight = FORGETS * self._weight + (1 - FORGETS)
                smooth = self.series.setdefault(SMOOTH, Series())
                smooth.add(self.lines, step, self._mean / self._weight)
        self.lines += 1

    def told(self, line: int = 0, count: int = 800) -> dict[str, list[list[float]]]:
        """Every series from line `line` on, as `[steps, values]` for JSON; what is no number is
        left out.
        """
        with self._lock:
            told = {}
            for key, series in self.series.items():
                steps, values = series.since(line, count)
                fine = np.isfinite(values)
                if fine.any():
                    told[key] = [steps[fine].tolist(), [float(f"{v:.6g}") for v in values[fine]]]
            return told

    def last(self, key: str) -> float | None:
        """The newest finite value of a key."""
        with self._lock:
            found = self.series.get(key)
            value = found.values[-1] if found else math.nan
            return value if math.isfinite(value) else None


def parsed(line: bytes) -> dict[str, Any]:
    """A line; nothing of one that is damaged."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
