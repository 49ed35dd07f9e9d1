"""Merge, resize and extract beside the method of kohya's scripts, on SDXL's and Flux's layers.

kohya's `svd_merge_lora.py`, `resize_lora.py` and `extract_lora_from_models.py` make each layer's
whole change, take its full SVD (`torch.linalg.svd`), and keep the first singular values. That is
done here as they do it, in fp32, without the clamp of the outermost percent of values, which would
only add to its error, and without the unused columns of square U and V, which would only add to its
time. Today's `resize_lora.py` goes by `torch.svd_lowrank` instead where both sides of a layer are
above 2048: that is measured too, beside the full SVD.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..training.loras.layer import Factors, delta, dense
from ..training.loras.lowrank import Budget
from ..training.loras.merge import Item, Merge
from ..training.loras.methods import Recipe, merged
from ..training.loras.resize import extracted, resized
from ..training.loras.source import Lora
from . import merge_memory
from .merge_shapes import FLUX, SDXL, Shape, model, write
from .report import Report, Value, table

# Of Flux two: the SVDs of its largest layers would take two cores half an hour.
LAYERS: dict[str, dict[Shape, int]] = {
    "SDXL": SDXL,
    "Flux": {shape: FLUX[shape] for shape in ((3072, 3072), (9216, 3072))},
}
QUICK: dict[str, list[Shape]] = {"SDXL": [(1280, 1280), (1280, 2048)], "Flux": [(3072, 3072)]}
RANKS = (32, 16)
KEPT = 16
WORK = ("resize", "svd", "ties", "extract")
LOWRANK, LARGE = "resize (svd_lowrank)", 2048

Thin = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Job:
    """One work on one layer, our way and theirs; `asked`: the change that both come near to."""

    asked: Callable[[], Tensor]
    ours: Callable[[], Thin]
    theirs: Callable[[], Thin]


def measure(quick: bool) -> Report:
    """Of each family two layers or one if `quick`, and no memory."""
    rows: list[dict[str, Value]] = []
    with tempfile.TemporaryDirectory() as folder:
        for family, shapes in LAYERS.items():
            chosen = QUICK[family] if quick else list(shapes)
            files = [
                write(Path(folder) / f"{family}{n}.safetensors", chosen, rank, n)
                for n, rank in enumerate(RANKS)
            ]
            for number, shape in enumerate(chosen):
                about = {"family": family, "layer": f"{shape[0]} x {shape[1]}"}
                about |= {"layers like it": shapes[shape]}
                for work, job in _jobs(shape, files, f"lora_unet_x{number}").items():
                    turns = 2 if max(shape) < LARGE else 1
                    rows.append(about | {"work": work} | _beside(job, turns))
        memory = [] if quick else merge_memory.rows(Path(folder))
    figures = _figures(rows) | merge_memory.figures(memory)
    return Report(figures, rows, "\n\n".join([_NOTES, table(memory), merge_memory.NOTES]))


_NOTES = (
    f"Random LoRAs of rank {RANKS[0]} and {RANKS[1]}, singular values falling as k^-1/2; result of "
    f"rank {KEPT}. `extract` takes apart such a change of rank {RANKS[0]} with noise of a tenth of "
    "its norm in a random weight. `theirs` and `ours`: seconds for one layer, file reading "
    "included, turn by turn in one process (the lesser of two where no side is above 2048). "
    "`error`: distance from the whole change that is asked for, as a share of it. The figures "
    "weigh each layer by how often the network has it. Ties are merged by our code in both; only "
    "how the result becomes a LoRA differs. `speedup` is the least of the works' (full SVD). SDXL: "
    "every kind of linear layer. Flux: two kinds of seven, 114 of its 304 layers: the others' SVDs "
    "take longer still. "
    f"`{LOWRANK}`: what today's resize_lora.py does by default with layers above {LARGE}."
)


def _jobs(shape: Shape, files: Sequence[Lora], stem: str) -> dict[str, Job]:
    found = {work: _merging(work, files, stem) for work in ("svd", "ties")}
    found = {"resize": _resizing(files[0], stem), **found, "extract": _extracting(shape, stem)}
    if min(shape) > LARGE:
        resize = found["resize"]
        found[LOWRANK] = Job(resize.asked, resize.ours, lambda: _lowrank(resize.asked()))
    return found


def _merging(method: str, files: Sequence[Lora], stem: str) -> Job:
    recipe = Recipe(method, KEPT, 0.5)
    merge = Merge([Item(file, 1.0, 1.0) for file in files], recipe)
    layer = next(name for name in merge.layers if name.endswith(stem.removeprefix("lora_unet_")))

    def asked() -> Tensor:
        whole = [dense(delta(file.layer(stem))) for file in files]
        return dense(merged(whole, [1.0] * len(whole), recipe, recipe.dice(layer)))

    def ours() -> Thin:
        own = merge.result(layer)
        assert own
        return _thin(own.factors)

    return Job(asked, ours, lambda: _full(asked()))


def _resizing(file: Lora, stem: str) -> Job:
    def asked() -> Tensor:
        return dense(delta(file.layer(stem)))

    def ours() -> Thin:
        return _thin(resized(file, stem, Budget(KEPT)).factors)

    return Job(asked, ours, lambda: _full(asked()))


def _extracting(shape: Shape, stem: str) -> Job:
    tuned, base = model(shape, RANKS[0])

    def asked() -> Tensor:
        return tuned - base

    def ours() -> Thin:
        own = extracted(stem, tuned, base, Budget(KEPT))
        assert own
        return _thin(own.factors)

    return Job(asked, ours, lambda: _full(asked()))


def _thin(factors: Factors) -> Thin:
    return factors.up, factors.down


def _full(whole: Tensor) -> Thin:
    u, s, v = torch.linalg.svd(whole, full_matrices=False)
    return u[:, :KEPT] * s[:KEPT], v[:KEPT]


def _lowrank(whole: Tensor) -> Thin:
    u, s, v = torch.svd_lowrank(whole, q=2 * KEPT, niter=2)
    return u[:, :KEPT] * s[:KEPT], v.T[:KEPT]


def _beside(job: Job, turns: int) -> dict[str, Value]:
    timed = [(_timed(job.theirs), _timed(job.ours)) for _ in range(turns)]
    other, mine = (min(turn[side][0] for turn in timed) for side in (0, 1))
    want = job.asked()
    errors = [float((up @ down - want).norm() / want.norm()) for _, (up, down) in timed[0]]
    return {
        "theirs s": round(other, 3),
        "ours s": round(mine, 4),
        "speedup": round(other / mine, 2),
        "their error": round(errors[0], 5),
        "our error": round(errors[1], 5),
    }


def _timed(work: Callable[[], Thin]) -> tuple[float, Thin]:
    start = time.perf_counter()
    made = work()
    return time.perf_counter() - start, made


def _figures(rows: Sequence[dict[str, Value]]) -> dict[str, Value]:
    def speedup(work: str) -> float:
        theirs, ours = (
            sum(
                float(row[side]) * float(row["layers like it"])
                for row in rows
                if row["work"] == work
            )
            for side in ("theirs s", "ours s")
        )
        return round(theirs / ours, 2)

    def ratios(full: bool) -> list[float]:
        some = [row for row in rows if (row["work"] != LOWRANK) == full]
        return [float(row["our error"]) / float(row["their error"]) for row in some]

    figures: dict[str, Value] = {"speedup": min(map(speedup, WORK))}
    figures |= {f"speedup_{work}": speedup(work) for work in WORK}
    figures["error_ratio"] = round(max(ratios(True)), 4)
    figures["error_ratio_median"] = round(statistics.median(ratios(True)), 4)
    figures["speedup_resize_lowrank"] = speedup(LOWRANK)
    figures["error_ratio_lowrank"] = round(max(ratios(False)), 4)
    return figures
