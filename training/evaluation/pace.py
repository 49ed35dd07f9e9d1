"""How long pictures take on this machine, from those that were drawn before. Pure."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..files import write_json
from .grid import Drawing
from .manifest import peek

NEW = 0.3  # share of the newest measurement in the running mean
MOST_KINDS = 200  # kinds of pictures that are remembered


def kind_of(drawing: Drawing, machine: str) -> str:
    """Pictures that take the same time for each step."""
    how = drawing.cell.sampling
    guided = "guided" if how.cfg != 1 else "unguided"
    size = f"{how.width}x{how.height}x{len(drawing.keys)}"
    return f"{machine} · {size} · {how.sampler_name} · {guided}"


@dataclass
class Pace:
    """Seconds a step by kind, read from `file` and kept there; a clock that is asked after each
    drawing. The first one, in which models are loaded, is a guess until the second is there."""

    file: Path
    machine: str
    clock: Callable[[], float] = time.monotonic
    steps: dict[str, float] = field(default_factory=dict)
    guessed: set[str] = field(default_factory=set)
    last: float = 0.0
    warm: bool = False

    @classmethod
    def open(cls, file: Path, machine: str) -> "Pace":
        found = {
            kind: float(value)
            for kind, value in peek(file).items()
            if isinstance(value, int | float) and 0 < value < 1e6
        }
        pace = cls(file, machine, steps=found)
        pace.last = pace.clock()
        return pace

    def drawn(self, drawing: Drawing) -> None:
        """A drawing is finished: learn from the time since the one before it."""
        kind, now = kind_of(drawing, self.machine), self.clock()
        value = max(now - self.last, 1e-6) / drawing.cell.sampling.steps
        first, self.last, self.warm = not self.warm, now, True
        if first:
            if kind not in self.steps:
                self.steps[kind] = value
                self.guessed.add(kind)
            return
        old = value if kind in self.guessed else self.steps.get(kind, value)
        self.guessed.discard(kind)
        self.steps.pop(kind, None)  # so that the one that was met last stands last
        self.steps[kind] = old + NEW * (value - old)
        self._keep()

    def _keep(self) -> None:
        known = {kind: value for kind, value in self.steps.items() if kind not in self.guessed}
        write_json(self.file, dict(list(known.items())[-MOST_KINDS:]))

    def work(self, todo: Iterable[Drawing]) -> Counter[str]:
        """The steps that `todo` takes, by kind."""
        counted: Counter[str] = Counter()
        for one in todo:
            counted[kind_of(one, self.machine)] += one.cell.sampling.steps
        return counted

    def seconds(self, work: Mapping[str, int]) -> float | None:
        """How long that takes; None if a kind of it was never measured."""
        if any(kind not in self.steps for kind, steps in work.items() if steps):
            return None
        return sum(self.steps[kind] * steps for kind, steps in work.items() if steps)
