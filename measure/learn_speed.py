"""How long until the demo's new attribute is learned, beside the two others of measure/speed.py.

Each trains on the demo base with the same pictures and captions, and leaves its LoRA behind on the
way. With each of these ComfyUI draws combinations that no picture showed, and the checker counts
hats. Only training is timed.

A single run crosses any line early or late by chance, by a factor of three at these rates. So
several seeds are trained each way, and their mean is what has to get there.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..demo import engine
from ..demo.world import prompts
from .learning import SEEDS, Base, count, load_base
from .report import Report, Value

if TYPE_CHECKING:
    from .learn_speed_trainers import Left, Way

ENOUGH = 0.9
RUNS = (11, 12, 13, 14, 15)  # seeds of training; our settings were chosen on seeds 1 to 5
MARKS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30)  # steps: ours and plain
RATES = (3e-3, 1e-2, 3e-2)
# Ours too with LoRA+: the first matrix slower than alone, the second faster.
PLUS = ((2e-3, 16.0), (3e-3, 16.0), (5e-3, 8.0))
# At 1, ours and plain learn twice as slowly (2.3 s against 1.0 in a look); TrainLoraNode sends N²
# samples through the network for a batch of N.
BATCH, NATIVE_BATCH = 4, 1
TIMES = (2, 4, 6, 8, 10, 12, 16, 20)  # times our seconds: TrainLoraNode


class Judge:
    """Counts hats in what LoRAs draw, and writes down what was found."""

    def __init__(self, base: Base) -> None:
        self.base = base
        self.asked = prompts(4, seed=2, ask=4, extra={"hat": "yes"})
        self.rows: list[dict[str, Value]] = []

    def seconds(
        self, name: str, way: "Way", runs: "Sequence[Sequence[Left]]"
    ) -> tuple[bool, float]:
        """Until the mean over the runs is `ENOUGH`, between two marks by interpolation.

        True and all that there were, if it never is.
        """
        before, last = 0.0, 0.0
        lefts: Sequence[Left] = ()
        shares: list[float] = []
        for lefts in zip(*runs, strict=False):
            shares = [count(self.base, left.lora, self.asked).hats for left in lefts]
            share, now = _mean(shares), _mean([left.seconds for left in lefts])
            if share >= ENOUGH:
                now = before + (ENOUGH - last) / (share - last) * (now - before)
                self._row(name, way, lefts, f"{now:.2f}", shares)
                return False, now
            before, last = now, share
        self._row(name, way, lefts, f"> {before:.2f}", shares)
        return True, before

    def _row(
        self, name: str, way: "Way", lefts: "Sequence[Left]", seconds: str, shares: Sequence[float]
    ) -> None:
        self.rows.append(
            {
                "trainer": name,
                "learning rate": way.rate,
                "LoRA+": f"{way.plus_ratio:g}",
                "batch": way.batch_size,
                "seconds": seconds,
                "steps drawn last": f"{_mean([left.step for left in lefts]):.0f}",
                "hats then, by seed": " ".join(f"{share:.0%}" for share in shares),
                "s/step": f"{_mean([left.seconds / left.step for left in lefts]):.3f}",
            }
        )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def measure(quick: bool) -> Report:
    engine.start()
    from . import learn_speed_trainers as trainers

    judge = Judge(load_base())
    rates = RATES[1:2] if quick else RATES
    pluses = PLUS[1:2] if quick else PLUS
    ways = [trainers.Way(rate, BATCH) for rate in rates]
    with_plus = [trainers.Way(rate, BATCH, ratio) for rate, ratio in pluses]

    def best(
        name: str, ways: "Sequence[Way]", train: "Callable[[Way, int], Sequence[Left]]"
    ) -> tuple[bool, float]:
        """Of the ways of one trainer, that which was there first: whether none was, seconds."""
        return min(judge.seconds(name, way, [train(way, seed) for seed in RUNS]) for way in ways)

    def train(way: "Way", seed: int) -> "Sequence[Left]":
        return trainers.ours(way, MARKS, seed)

    alone_missed, alone = best("ours", ways, train)
    plus_missed, plus = best("ours", with_plus, train)
    missed, own = min((alone_missed, alone), (plus_missed, plus))
    plain_missed, plain = best("plain", ways, lambda way, seed: trainers.plain(way, MARKS, seed))
    assert not missed, "Ours never got there: the demo base is not what it was."
    times = [own * factor for factor in TIMES]
    single = [trainers.Way(rate, NATIVE_BATCH) for rate in rates]
    native_missed, native = best(
        "TrainLoraNode", single, lambda way, seed: trainers.native(way, times, seed)
    )
    figures: dict[str, Value] = {
        "learn_vs_native": round(native / own, 2),
        "learn_vs_native_is_at_least": int(native_missed),
        "learn_vs_plain": round(plain / own, 2),
        "learn_vs_plain_is_at_least": int(plain_missed),
        "learn_vs_plain_without_plus": round(plain / alone, 2),
        "seconds": round(own, 2),
        "seconds_without_plus": round(alone, 2),
        "n": len(RUNS) * len(SEEDS) * len(judge.asked),
    }
    return Report(figures, judge.rows, NOTES)


NOTES = (
    f"Seconds of training until {ENOUGH:.0%} of the pictures asked with a hat show one, in the "
    "mean over the seeds. Demo base, fp32, rank 16, the same pictures, constant learning rate, "
    "each trainer at the best of its rows; ours has LoRA+ too, without which it computes what the "
    "plain loop does. Latents and captions are on the device when the clock starts. Plain is "
    "diffusers' SD3 network with peft on the same layers. `> `: never got there in the time it was "
    "given. Pictures are drawn at one mark after the other until the mean is there."
)
