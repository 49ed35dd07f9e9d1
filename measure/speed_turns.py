"""The three trainers take turns in one process, so that all meet the same weather.

What is told are ratios of seconds within a round, the median over the rounds. To be imported once
ComfyUI was started. On a CPU each model has a process of its own, with the allocator as it comes:
ComfyUI's users have not set what dev.py sets for it.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import torch

from . import speed_native, speed_ours, speed_plain
from .gpu import GOALS
from .report import Report, Value
from .speed_job import PICTURES, RANK, Job
from .speed_memory import KEPT, apart, peaks
from .speed_shapes import LARGER, SMALL, WHOLE, Shape

TRAINERS: dict[str, Any] = {"ours": speed_ours, "native": speed_native, "plain": speed_plain}

Row = dict[str, Value]
Who = tuple[str, str]  # trainer, targets
Times = dict[Who, list[float]]

ALL: tuple[Who, ...] = (("ours", "all"), ("native", "all"), ("plain", "all"))
ATTENTION: tuple[Who, ...] = (("ours", "attention"), ("plain", "attention"))
SPEED = f"{__package__}.speed"
STEPS = {1: 3, 4: 1}  # by batch size, in each turn; one more warms up


def on_cpu(quick: bool) -> Report:
    """Small models of three families; `quick`, one of them, without training attention alone."""
    rows: list[Row] = []
    figures: dict[str, Value] = {}
    jobs = [(shape, "whole") for shape in SMALL] + [(shape, "look") for shape in LARGER]
    for shape, how in [(SMALL[0], "quick")] if quick else [*jobs, (SMALL[0], "kept")]:
        allocator = KEPT if how == "kept" else {}
        found, more = apart(SPEED, shape.name, how, allocator=allocator)
        print(f"{shape.name}, {how}: {found}", flush=True)
        freed = "kept" if how == "kept" else "as it comes"
        rows += [{"freed memory": freed, **row} for row in more]
        own = re.sub(r"\W", "", shape.name.lower())
        tail = "_kept" if how == "kept" else ""
        figures |= {f"{own}_{name}{tail}": round(value, 4) for name, value in found.items()}
        if how not in ("kept", "look"):
            for name, value in found.items():
                worst = max if name in ("overhead", "host") else min
                before = float(figures[name]) if name in figures else value
                figures[name] = round(worst(value, before), 4)
    return Report(figures, rows, CPU_NOTES)


def of_shape(name: str, how: str) -> tuple[dict[str, float], list[Row]]:
    """The figures of one model, and its rows, in this process.

    `how` is whole, or less: quick; kept, without memory; look, at batch 1 alone.
    """
    (shape,) = (shape for shape in SMALL + LARGER if shape.name == name)
    whom, rounds = (ALL + ATTENTION, 5) if how == "whole" else (ALL, 3)
    batches = {1: STEPS[1]} if how == "look" else STEPS
    loaded = {name: module.load(shape) for name, module in TRAINERS.items()}
    figures = speed_ours.overhead(loaded["ours"], Job(shape), 10)
    times = {b: turns(loaded, Job(shape, b), whom, rounds, steps) for b, steps in batches.items()}
    loaded.clear()
    rows: list[Row] = []
    for batch_size, found in times.items():
        memory = _memory(shape, whom, batch_size) if _weighed(how, batch_size) else {}
        rows += [_row(shape, batch_size, who, found, memory) for who in whom]
        for targets in ("all", "attention") if whom != ALL else ("all",):
            more = "" if targets == "all" else f"_{targets}"
            plain = f"vs_plain{more}" if batch_size == 1 else f"vs_plain_b{batch_size}{more}"
            ours = found["ours", targets]
            figures[f"vs_native_b{batch_size}{more}"] = ratio(found["native", "all"], ours)
            figures[plain] = ratio(found["plain", targets], ours)
    return figures, rows


def _weighed(how: str, batch_size: int) -> bool:
    """Whether peak memory is measured too."""
    return how == "whole" or (how == "quick" and batch_size == 1)


def turns(loaded: dict[str, Any], job: Job, whom: Sequence[Who], rounds: int, steps: int) -> Times:
    """Seconds of a step, for each and in each round, one after the other."""
    times: Times = {who: [] for who in whom}
    for _ in range(rounds):
        for name, targets in whom:
            this = replace(job, targets=targets)
            times[name, targets].append(TRAINERS[name].train(loaded[name], this, steps))
    return times


def ratio(other: Sequence[float], own: Sequence[float]) -> float:
    """How many times faster `own` is."""
    return median(theirs / mine for theirs, mine in zip(other, own, strict=True))


def _memory(shape: Shape, whom: Sequence[Who], batch_size: int) -> dict[Who, float]:
    found: dict[Who, float] = {}
    for name in TRAINERS:
        mine = [who for who in whom if who[0] == name]
        jobs = [{"targets": targets, "batch_size": batch_size} for _, targets in mine]
        found |= zip(mine, peaks(name, shape.name, jobs), strict=True)
    return found


def _row(shape: Shape, batch_size: int, who: Who, times: Times, memory: dict[Who, float]) -> Row:
    name, targets = who
    own = times[who]
    return {
        "model": shape.name,
        "batch": batch_size,
        "trainer": name,
        "layers": "all, and norms and biases" if name == "native" else targets,
        "s/step": f"{median(own):.3f}",
        "steps/s": f"{1 / median(own):.3f}",
        "x TrainLoraNode": f"{ratio(times['native', 'all'], own):.2f}",
        "x plain": f"{ratio(times['plain', targets], own):.2f}",
        "peak GiB": f"{memory[who]:.2f}" if who in memory else "",
    }


def on_gpu(quick: bool) -> Report:
    """SDXL as it is, with and without checkpointing. Never run."""
    (shape,) = WHOLE
    rows: list[Row] = []
    figures: dict[str, Value] = {}
    for checkpointing, (seconds, gib) in GOALS.items():
        way: dict[str, Any] = {"checkpointing": checkpointing}
        memory = {who: peaks(who[0], shape.name, [way])[0] for who in ALL}
        loaded = {name: module.load(shape) for name, module in TRAINERS.items()}
        times = turns(loaded, Job(shape, **way), ALL, 3 if quick else 5, 10)
        loaded.clear()
        torch.cuda.empty_cache()
        rows += [way | _row(shape, 1, who, times, memory) for who in ALL]
        figures |= {
            f"seconds_{checkpointing}": round(median(times["ours", "all"]), 4),
            f"seconds_{checkpointing}_simpletuner": seconds,
            f"gib_{checkpointing}": round(memory["ours", "all"], 2),
            f"gib_{checkpointing}_simpletuner": gib,
            f"vs_native_b1_{checkpointing}": ratio(times["native", "all"], times["ours", "all"]),
            f"vs_plain_{checkpointing}": ratio(times["plain", "all"], times["ours", "all"]),
        }
    return Report(figures, rows, GPU_NOTES)


CPU_NOTES = (
    f"Random weights in fp32, bf16 autocast, rank {RANK}, AdamW, no checkpointing, {PICTURES} "
    "random latents with a caption each. TrainLoraNode trains every weight, norm and bias; `all` "
    "is every linear and convolution layer. The trainers take turns in one process; seconds are of "
    "a step after a first one that is not counted, the median over the rounds; ratios are made "
    "within a round, and then their median is taken (above 1: faster). `peak GiB`: how far "
    "resident memory rises over what it is with the model loaded, in a process for each. "
    "`overhead`: share of our step at batch 1 that is neither forward nor backward of the network; "
    "`host`: what is left of it without clipping and AdamW, which every loop has. "
    "Each model has a process of its own, with glibc's allocator as it comes, as ComfyUI's users "
    "have it; freed memory `kept`, with dev.py's settings, in which large blocks cost no page "
    "faults. Figures without a model's name are the worst of the three models at 32 x 32."
)
GPU_NOTES = (
    "SDXL with random weights in bf16, 1024 px, batch 1, bf16 autocast, every linear and "
    f"convolution layer, rank {RANK}. `peak GiB` is of what torch allocated, weights included. "
    "Beside it, SimpleTuner's figures for an SDXL LoKr on one H100."
)
