"""Memory and speed on a card, at true size: SDXL at 1024 px with random weights. Never run so far.

`python dev.py measure gpu PART`, each of its parts in under 10 minutes; without a part, all of them
in turn. Needs about 16 GB of main memory, in which the random weights are made; where they are in
fp32 (`autocast`), twice that.
"""

import importlib.util
from dataclasses import dataclass, replace
from typing import Any

import torch

from ..training.optimizers import missing
from .report import Report, Value
from .trial import Found, Trial, found

LIMIT = 540.0  # seconds for a part's process: the rest of its 10 minutes is to start and to write
STEPS = 10
# SimpleTuner on one H100, SDXL LoKr, bf16, 1024 px, batch 1: seconds of a step, GiB.
GOALS = {"none": (0.606, 13.0), "block": (1.080, 6.5)}
SHAPE = "SDXL at 1024 px"


@dataclass(frozen=True)
class Part:
    """Trainings that are told together. `weights` is torch's name of the precision of the base."""

    trials: dict[str, Trial]
    weights: str = "bfloat16"


def _trial(**settings: Any) -> Trial:
    whole = {"checkpointing": "none", "streaming": "off"}
    return Trial(whole | settings, steps=STEPS)


NONE, BLOCK = _trial(), _trial(checkpointing="block")
OWN_CAST = replace(NONE, own_cast=True)
PARTS = {
    "checkpointing": Part({"none": NONE, "block": BLOCK}),
    "streaming": Part({"off": BLOCK, "on": _trial(checkpointing="block", streaming="on")}),
    "fp8": Part({"kept": OWN_CAST, "on_use": NONE}, "float8_e4m3fn"),
    "autocast": Part(
        {"fp32": _trial(checkpointing="block", compute="fp32"), "bf16": BLOCK}, "float32"
    ),
    "compile": Part({"off": NONE, "on": replace(_trial(compile=True), steps=4 * STEPS)}),
    "compile-block": Part(
        {"off": BLOCK, "on": replace(_trial(compile=True, checkpointing="block"), steps=4 * STEPS)}
    ),
    "optimizers": Part(
        {name: _trial(checkpointing="block", optimizer=name) for name in ("adamw", "adamw_8bit")}
    ),
    "chosen": Part({"auto": _trial(checkpointing="auto", streaming="auto")}),
}


def refuse_without() -> None:
    """End here, with the reason, if torch sees no card."""
    if not torch.cuda.is_available():
        raise SystemExit(
            f"measure gpu needs a card that torch can use, and torch {torch.__version__} sees none "
            "here. On a card, run it with that machine's own ComfyUI (COMFYUI_PATH). Without one "
            "there are `measure memory` and `measure speed`."
        )


def measure(quick: bool, part: str = "") -> Report:
    """One of `PARTS`, or all; `quick` takes a third of the steps."""
    refuse_without()
    wanted = {part: PARTS[part]} if part else PARTS
    rows: list[dict[str, Value]] = []
    figures: dict[str, Value] = {"device": torch.cuda.get_device_name()}
    for name, one in wanted.items():
        trials = {way: shortened(trial, quick) for way, trial in one.trials.items()}
        if why := lacking(one):
            if part:
                raise SystemExit(f"measure gpu {part} cannot run here: {why}.")
            figures[f"{name}_skipped"] = why
            continue
        outcome = found(SHAPE, one.weights, list(trials.values()), LIMIT)
        told(name, one, dict(zip(trials, outcome, strict=True)), rows, figures)
    return Report(figures, rows, NOTES)


def lacking(part: Part) -> str:
    """Which package a part needs that is not here, and how to get it; empty if there is none."""
    settings = [trial.settings for trial in part.trials.values()]
    if any(one.get("compile") for one in settings) and importlib.util.find_spec("triton") is None:
        return "torch.compile needs Triton, which is not installed"
    names = (str(one.get("optimizer", "adamw")) for one in settings)
    return next(filter(None, map(missing, names)), "")


def shortened(trial: Trial, quick: bool) -> Trial:
    return replace(trial, steps=-(-trial.steps // 3)) if quick else trial


def told(
    name: str,
    part: Part,
    outcome: dict[str, Found],
    rows: list[dict[str, Value]],
    figures: dict[str, Value],
) -> None:
    """Add what was found to the table and to the figures."""
    for way, one in outcome.items():
        rows.append(
            {
                "part": name,
                "way": way,
                "weights": part.weights,
                "s/step": f"{one.seconds:.3f}",
                "peak GiB": f"{one.peak:.2f}",
                "planned GiB": f"{one.planned:.2f}",
                "reserved GiB": f"{one.reserved:.2f}",
                "GiB left afterwards": f"{one.left:.3f}",
                "GiB streamed": f"{one.streamed:.2f}",
                "GiB of the optimizer": f"{one.state:.3f}",
            }
        )
        figures |= {
            f"{name}_{way}_seconds": round(one.seconds, 4),
            f"{name}_{way}_gib": round(one.peak, 2),
        }
        if name == "optimizers":
            figures[f"{name}_{way}_state_gib"] = round(one.state, 4)
        if name == "checkpointing":
            seconds, gib = GOALS[way]
            figures |= {f"{name}_{way}_seconds_goal": seconds, f"{name}_{way}_gib_goal": gib}
    left = [float(figures.get("left_gib", 0)), *(one.left for one in outcome.values())]
    figures["left_gib"] = round(max(left), 3)


NOTES = (
    "SDXL with random weights, 1024 px, batch 1, bf16 autocast where it does not say fp32, rank 16 "
    "on every linear and convolution layer, AdamW where it does not say `adamw_8bit`. `peak` and "
    "`reserved`: torch.cuda.max_memory_allocated and max_memory_reserved while training, weights "
    "included, from loading to the end. `left`: what is allocated after the run and was not "
    "before. `planned`: the peak that the plan before step 1 foresaw. `of the optimizer`: what it "
    "keeps from step to step, a part of the peak. Seconds are of a step after the first one, which "
    "is not counted; with `compile` the first steps compile, and count where they are not the "
    "first. The goals are SimpleTuner's figures for an SDXL LoKr on one H100."
)
