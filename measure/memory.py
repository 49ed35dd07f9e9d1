"""What each memory feature saves: resident bytes with and without it, on a CPU (Linux only).

Streaming saves nothing on a CPU, where both places are one: its bytes are counted on a card that
counts (`card`).
"""

from dataclasses import dataclass, field
from typing import Any

from . import card
from .report import Report, Value
from .speed_memory import PER_BLOCK
from .trial import Found, Trial, found

FP32: dict[str, Any] = {"compute": "auto", "checkpointing": "none"}
BF16: dict[str, Any] = {"compute": "bf16", "checkpointing": "none"}
BLOCK = {"checkpointing": "block"}
OFF, ON = {"streaming": "off"}, {"streaming": "on"}
CARD = 16 * 2**30  # bytes: more than any of these takes


@dataclass(frozen=True)
class Way:
    """One row of the table: a training, and what is told of it."""

    weights: str
    what: str
    settings: dict[str, Any] = field(default_factory=dict)
    own_cast: bool = False
    on_card: bool = False

    def trial(self, batch_size: int) -> Trial:
        return Trial(self.settings, self.own_cast, batch_size)


WAYS = {
    "fp32": Way("float32", "fp32, all kept", FP32),
    "fp32_block": Way("float32", "fp32, blocks computed again", FP32 | BLOCK),
    "bf16": Way("float32", "bf16 autocast, all kept", BF16),
    "bf16_block": Way("float32", "bf16 autocast, blocks computed again", BF16 | BLOCK),
    "fp8_own": Way("float8_e4m3fn", "fp8, ComfyUI's own casting layers", FP32, own_cast=True),
    "fp8_plain": Way("float8_e4m3fn", "fp8, weights cast on use and not kept", FP32),
    "there": Way("bfloat16", "bf16, all kept", BF16 | OFF, on_card=True),
    "streamed": Way("bfloat16", "bf16, all kept, base streamed", BF16 | ON, on_card=True),
    "there_block": Way("bfloat16", "bf16, blocks computed again", BF16 | BLOCK | OFF, on_card=True),
    "streamed_block": Way(
        "bfloat16", "bf16, blocks computed again, base streamed", BF16 | BLOCK | ON, on_card=True
    ),
}
# What is claimed of a feature: the name of the figure, with it, without it.
SAVED = (
    ("checkpointing", "fp32_block", "fp32"),
    ("checkpointing_bf16", "bf16_block", "bf16"),
    ("autocast", "bf16", "fp32"),
    ("cast_on_use", "fp8_plain", "fp8_own"),
    ("streaming", "streamed", "there"),
    ("streaming_block", "streamed_block", "there_block"),
)


def measure(quick: bool) -> Report:
    """The first of the models alone if `quick`."""
    rows: list[dict[str, Value]] = []
    figures: dict[str, Value] = {}
    for shape in ("SD1.5",) if quick else ("SD1.5", "SDXL"):
        name = shape.lower().replace(".", "")
        peaks = _peaks(shape, 4)
        rows += [_row(shape, WAYS[way], one) for way, one in peaks.items()]
        for feature, on, off in SAVED:
            figures[f"{name}_{feature}"] = round(peaks[on].peak / peaks[off].peak, 3)
            saved = peaks[off].peak - peaks[on].peak
            figures[f"{name}_{feature}_gib_saved"] = round(saved, 3)
        on_card = [one for way, one in peaks.items() if WAYS[way].on_card]
        figures[f"{name}_plan"] = round(max(one.peak / one.planned for one in on_card), 3)
        figures[f"{name}_left_gib"] = round(max(one.left for one in peaks.values()), 3)
    return Report(figures, rows, NOTES)


def _peaks(shape: str, batch_size: int) -> dict[str, Found]:
    """A process for each precision that weights are stored in, on the CPU and on the card."""
    every: dict[str, Found] = {}
    for stored, on_card in dict.fromkeys((way.weights, way.on_card) for way in WAYS.values()):
        names = [
            name for name, way in WAYS.items() if (way.weights, way.on_card) == (stored, on_card)
        ]
        trials = [WAYS[name].trial(batch_size) for name in names]
        variables = card.variables(CARD) if on_card else PER_BLOCK
        outcome = found(shape, stored, trials, variables=variables)
        every |= zip(names, outcome, strict=True)
    return every


def _row(shape: str, way: Way, one: Found) -> dict[str, Value]:
    return {
        "model": shape,
        "weights": way.weights,
        "training": way.what,
        "on": "the card" if way.on_card else "the CPU",
        "peak GiB": f"{one.peak:.3f}",
        "planned GiB": f"{one.planned:.3f}" if way.on_card else "",
        "GiB left afterwards": f"{one.left:.3f}",
    }


NOTES = (
    "Small models of the families' own shape, random weights, batch 4, 256 px, rank 16 on every "
    "linear and convolution layer, AdamW. Peak on the CPU: how far resident memory rises in two "
    "steps above what it is with the model loaded, in a process that gives large blocks back at "
    "once. Peak on the card: what tensors take, the base included, on a card that counts "
    "(measure/card: memory of its own, the CPU's operations; what a real card's kernels take "
    "besides is not in it). Figures without a unit are the peak with the feature divided by the "
    "peak without it; `left` is what is still held after the run, at most; `planned` is the peak "
    "that the plan before step 1 foresaw, and the figure `plan` the largest peak divided by it (a "
    "plan uses 0.9 of what is free). In bf16 on the CPU a "
    "copy of each fp32 weight is made for the run, and counted. Compiling needs memory of its own: "
    "that is for `measure gpu`, which nobody has run."
)
