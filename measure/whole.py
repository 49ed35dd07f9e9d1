"""Memory of SDXL at its own size, 1024 px, on a card that counts (`card`): what of a card it takes.

The same trainings as in `measure gpu`, whose goals are for bytes and for seconds; here bytes alone.
Needs 20 GB of main memory, in which the card's is too.
"""

from dataclasses import dataclass
from typing import Any

from . import card
from .gpu import GOALS, SHAPE
from .report import Report, Value
from .speed_memory import PER_BLOCK
from .trial import Found, Trial, found

GIB = 2**30
BLOCK: dict[str, Any] = {"checkpointing": "block", "streaming": "off"}
AUTO = {"checkpointing": "auto", "streaming": "auto"}


@dataclass(frozen=True)
class Way:
    """One row of the table: a training on a card of `card` GiB, and what is told of it."""

    what: str
    settings: dict[str, Any]
    weights: str = "bfloat16"
    card: float = 16


WAYS = {
    "none": Way("all kept", {"checkpointing": "none", "streaming": "off"}),
    "block": Way("blocks computed again", BLOCK),
    "streamed": Way("blocks computed again, base streamed", BLOCK | {"streaming": "on"}),
    "fp8": Way("blocks computed again", BLOCK, "float8_e4m3fn"),
    "chosen": Way("as the plan chooses", AUTO, card=5),
}


def measure(quick: bool) -> Report:
    """One step after the first, which makes the optimizer's state; if `quick`, of blocks alone."""
    rows: list[dict[str, Value]] = []
    figures: dict[str, Value] = {}
    for name, way in {"block": WAYS["block"]}.items() if quick else WAYS.items():
        variables = PER_BLOCK | card.variables(int(way.card * GIB))
        # In a process of its own: two of them leave no memory on a machine of 24 GB.
        trials = [Trial(way.settings)]
        (one,) = found(SHAPE, way.weights, trials, variables=variables, warming=())
        rows.append(_row(way, one))
        figures[f"{name}_gib"] = round(one.peak, 2)
        if name in GOALS:
            figures[f"{name}_gib_goal"] = GOALS[name][1]
        figures["left_gib"] = max(float(figures.get("left_gib", 0)), round(one.left, 3))
    return Report(figures, rows, NOTES)


def _row(way: Way, one: Found) -> dict[str, Value]:
    return {
        "weights": way.weights,
        "training": way.what,
        "card GiB": f"{way.card:g}",
        "peak GiB": f"{one.peak:.2f}",
        "planned GiB": f"{one.planned:.2f}",
        "GiB streamed": f"{one.streamed:.2f}",
        "GiB of the optimizer": f"{one.state:.2f}",
        "GiB left afterwards": f"{one.left:.3f}",
    }


NOTES = (
    "SDXL with random weights, 1024 px, batch 1, bf16 autocast, rank 16 on every linear and "
    "convolution layer, AdamW, two steps. Peak: what tensors take on a card that counts "
    "(measure/card: memory of its own, the CPU's operations), the base included; what a real "
    "card's kernels and its driver take besides is not in it, and seconds are for `measure gpu`, "
    "which nobody has run. `planned`: the peak that the plan before step 1 foresaw; `streamed`: "
    "of the base, brought over for each use. The goals are SimpleTuner's figures for an SDXL LoKr "
    "on one H100."
)
