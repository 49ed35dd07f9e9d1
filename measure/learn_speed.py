"""How long until the demo's new attribute is learned, beside the two others of measure/speed.py.

Each trains on the demo base with the same pictures and captions, and leaves its LoRA behind on the
way. With each of these ComfyUI draws combinations that no picture showed, and the checker counts
hats. Only training is timed.
"""

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from ..demo import engine
from ..demo.world import prompts
from .learning import Base, count, load_base
from .report import Report, Value

if TYPE_CHECKING:
    from .learn_speed_trainers import Left

ENOUGH = 0.9
MARKS = (4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 30, 40, 60, 100, 200)  # steps: ours and plain
RATE = 1e-2  # of ours and plain
RATES = (1e-3, 3e-3, 1e-2)  # of TrainLoraNode
TIMES = (2, 4, 6, 8, 10, 12, 16, 20)  # times our seconds: TrainLoraNode


class Judge:
    """Counts hats in what LoRAs draw, and writes down what was found."""

    def __init__(self, base: Base, quick: bool) -> None:
        self.base = base
        self.asked = prompts(8 if quick else 16, seed=2, ask=4, extra={"hat": "yes"})
        self.rows: list[dict[str, Value]] = []

    def seconds(self, name: str, found: "Sequence[Left]") -> tuple[float, bool]:
        """Until `ENOUGH` was reached, between two LoRAs by interpolation; all, if it never was."""
        before, share = 0.0, 0.0
        for left in found:
            last, share = share, count(self.base, left.lora, self.asked).hats
            if share >= ENOUGH:
                part = (ENOUGH - last) / (share - last)
                return self._row(name, left, before + part * (left.seconds - before), share), True
            before = left.seconds
        return self._row(name, found[-1], before, share), False

    def _row(self, name: str, last: "Left", seconds: float, share: float) -> float:
        self.rows.append(
            {
                "trainer": name,
                "seconds": f"{'' if share >= ENOUGH else '> '}{seconds:.2f}",
                "steps drawn last": last.step,
                "hats then": f"{share:.0%}",
                "s/step": f"{last.seconds / last.step:.3f}",
            }
        )
        return seconds


def measure(quick: bool) -> Report:
    engine.start()
    from . import learn_speed_trainers as trainers

    judge = Judge(load_base(), quick)
    ours, plain, native = [], [], []
    for seed in (1, 2, 3):
        ours.append(judge.seconds(f"ours, seed {seed}", trainers.ours(MARKS, RATE, seed)))
        plain.append(judge.seconds(f"plain, seed {seed}", trainers.plain(MARKS, RATE, seed)))
    own = median(seconds for seconds, _ in ours)
    times = [own * factor for factor in TIMES]
    for rate in RATES:
        for batch_size in (1,) if quick else (1, 4):
            name = f"TrainLoraNode, learning rate {rate:g}, batch {batch_size}"
            native.append(judge.seconds(name, trainers.native(rate, batch_size, times)))
    best = min((seconds for seconds, done in native if done), default=times[-1])
    figures: dict[str, Value] = {
        "learn_vs_native": round(best / own, 2),
        "learn_vs_native_is_at_least": int(not any(done for _, done in native)),
        "learn_vs_plain": round(median(seconds for seconds, _ in plain) / own, 2),
        "learn_vs_plain_is_at_least": int(not all(done for _, done in plain)),
        "seconds": round(own, 2),
        "n": 4 * len(judge.asked),
    }
    return Report(figures, judge.rows, NOTES)


NOTES = (
    f"Seconds of training until {ENOUGH:.0%} of the pictures asked with a hat show one. Demo base, "
    f"fp32, rank 16, the same pictures, constant learning rate: {RATE:g} for ours and plain, at "
    "batch 1, and the best of those in the table for TrainLoraNode. Plain is diffusers' SD3 "
    "network with peft on the same layers. The medians of the seeds are compared. `> `: never got "
    "there in the time it was given."
)
