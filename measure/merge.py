"""Merge and resize beside the method of kohya's scripts, on files shaped like SDXL's and Flux's.

kohya's `svd_merge_lora.py` and `resize_lora.py` make each layer's whole change, take its full SVD
(`torch.linalg.svd`), and keep the first singular values. That is done here as they do it, in fp32,
without the clamp of the outermost percent of values, which would only add to its error, and without
the unused columns of square U and V, which would only add to its time.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..training.loras.layer import delta, dense
from ..training.loras.lowrank import Budget
from ..training.loras.merge import Item, Merge
from ..training.loras.methods import Recipe, merged
from ..training.loras.resize import resized
from ..training.loras.result import Result
from ..training.loras.source import Lora, TensorFile
from .report import Report, Value

# (rows, columns) of what most layers are, and how many of them there are in the whole network.
LAYERS = {
    "SDXL": {(1280, 1280): 340, (10240, 1280): 60, (1280, 5120): 60, (1280, 2048): 120},
    "Flux": {(3072, 3072): 38, (9216, 3072): 38, (12288, 3072): 38, (3072, 12288): 38},
}
QUICK = {"SDXL": [(1280, 1280), (1280, 2048)], "Flux": [(3072, 3072)]}
RANKS = (32, 16)
KEPT = 16
WORK = ("resize", "svd", "ties", "dare")


def measure(quick: bool) -> Report:
    turns = 1 if quick else 2
    rows: list[dict[str, Value]] = []
    with tempfile.TemporaryDirectory() as folder:
        for family, shapes in LAYERS.items():
            chosen = QUICK[family] if quick else list(shapes)
            files = [
                _file(Path(folder) / f"{family}{n}.safetensors", chosen, r, n)
                for n, r in enumerate(RANKS)
            ]
            for number, shape in enumerate(chosen):
                rows += [
                    _beside(
                        family, shape, shapes[shape], f"lora_unet_x{number}", work, files, turns
                    )
                    for work in WORK
                ]
    return Report(_figures(rows), rows, _NOTES)


_NOTES = (
    f"Random LoRAs of rank {RANKS[0]} and {RANKS[1]}, result of rank {KEPT}. `theirs` and `ours`: "
    "seconds for one layer, file reading included, turn by turn in one process, the lesser of the "
    "turns (two; one with --quick). `error`: distance from the whole change that the method asks "
    "for, as a share of it. The figures weigh each layer by how often the network has it. Ties "
    "and dare are merged alike in both; only how the result becomes a LoRA differs."
)


def _file(path: Path, shapes: Sequence[tuple[int, int]], rank: int, seed: int) -> Lora:
    """Singular values that fall, as trained LoRAs' do."""
    dice = torch.Generator().manual_seed(seed)
    fall = torch.arange(1.0, rank + 1) ** -0.5
    state = {}
    for number, (out, width) in enumerate(shapes):
        stem = f"lora_unet_x{number}"
        state[f"{stem}.lora_up.weight"] = torch.randn(out, rank, generator=dice) * fall
        state[f"{stem}.lora_down.weight"] = torch.randn(rank, width, generator=dice)
        state[f"{stem}.alpha"] = torch.tensor(float(rank))
    save_file(state, path)
    return Lora(TensorFile(path))


def _beside(
    family: str,
    shape: tuple[int, int],
    count: int,
    stem: str,
    work: str,
    files: Sequence[Lora],
    turns: int,
) -> dict[str, Value]:
    recipe = Recipe("svd" if work == "resize" else work, KEPT, 0.5)
    merge = Merge([Item(file, 1.0, 1.0) for file in files], recipe)
    layer = next(name for name in merge.layers if name.endswith(stem.removeprefix("lora_unet_")))

    def asked() -> Tensor:
        some = files[:1] if work == "resize" else files
        whole = [dense(delta(file.layer(stem))) for file in some]
        return dense(merged(whole, [1.0] * len(whole), recipe, recipe.dice(layer)))

    def ours() -> Tensor:
        own: Result | None = (
            resized(files[0], stem, Budget(KEPT)) if work == "resize" else merge.result(layer)
        )
        assert own
        return own.factors.dense()

    def theirs() -> Tensor:
        u, s, v = torch.linalg.svd(asked(), full_matrices=False)
        return (u[:, :KEPT] * s[:KEPT]) @ v[:KEPT]

    timed = [(_timed(ours), _timed(theirs)) for _ in range(turns)]
    want = asked()
    errors = [
        float((made - want).norm() / want.norm()) for made in (timed[0][0][1], timed[0][1][1])
    ]
    mine, other = (min(turn[side][0] for turn in timed) for side in (0, 1))
    return {
        "family": family,
        "layer": f"{shape[0]} x {shape[1]}",
        "layers like it": count,
        "work": work,
        "theirs s": round(other, 3),
        "ours s": round(mine, 3),
        "speedup": round(other / mine, 2),
        "their error": round(errors[1], 5),
        "our error": round(errors[0], 5),
    }


def _timed(work: Callable[[], Tensor]) -> tuple[float, Tensor]:
    start = time.perf_counter()
    made = work()
    return time.perf_counter() - start, made


def _figures(rows: Sequence[dict[str, Value]]) -> dict[str, Value]:
    def total(some: Sequence[dict[str, Value]]) -> float:
        theirs, ours = (
            sum(float(row[side]) * float(row["layers like it"]) for row in some)
            for side in ("theirs s", "ours s")
        )
        return round(theirs / ours, 2)

    figures: dict[str, Value] = {
        "speedup": min(total([r for r in rows if r["work"] == work]) for work in WORK)
    }
    for work in WORK:
        figures[f"speedup_{work}"] = total([row for row in rows if row["work"] == work])
    ratios = [float(row["our error"]) / float(row["their error"]) for row in rows]
    figures["error_ratio"] = round(max(ratios), 4)
    figures["error_ratio_median"] = round(statistics.median(ratios), 4)
    return figures
