"""Peak memory of merging, resizing and extracting, each in a process of its own (Linux only).

`python -m atelier.measure.merge_memory WHO WORK FOLDER SHARE`: how far resident memory rises above
what it is when all is imported (and the models loaded, for extract).
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from ..training.loras.lowrank import Budget
from ..training.loras.merge import Item, Merge
from ..training.loras.methods import Recipe
from ..training.loras.resize import extracted, resized
from ..training.loras.result import Result, add
from ..training.loras.sink import writing
from ..training.loras.source import Lora, TensorFile
from .merge_shapes import layers, model, write
from .report import Value
from .speed_memory import PROCESS, apart, kib

FILES, RANK, KEPT = 10, 8, 16
Who = tuple[str, str]
# Of SDXL's layers one in so many. They have no ties; two whole models do not fit here.
SHARES: dict[Who, tuple[int, ...]] = {
    ("merge", "ours"): (12, 6, 1),
    ("merge", "theirs"): (12, 6),
    ("merge_ties", "ours"): (72, 36),
    ("resize", "ours"): (12, 6, 1),
    ("resize", "theirs"): (12, 6),
    ("extract", "ours"): (24, 12),
    ("extract", "theirs"): (24, 12),
}


def rows(folder: Path) -> list[dict[str, Value]]:
    """For each work and number of layers, who takes how much; the files come to lie in `folder`."""
    for share in sorted({share for some in SHARES.values() for share in some}):
        place = folder / str(share)
        place.mkdir()
        for number in range(FILES):
            write(place / f"{number}.safetensors", layers(share), RANK, number, torch.float16)
    return [
        {
            "work": work,
            "who": who,
            "layers": len(layers(share)),
            "peak MiB": round(apart(__name__, who, work, str(folder / str(share)), str(share)), 1),
        }
        for (work, who), shares in SHARES.items()
        for share in shares
    ]


def figures(memory: Sequence[dict[str, Value]]) -> dict[str, Value]:
    """The peaks with the most layers, and how they grow from the fewest to twice as many."""
    found: dict[str, Value] = {}
    for work, who in SHARES if memory else ():
        own = [row["peak MiB"] for row in memory if (row["work"], row["who"]) == (work, who)]
        found[f"peak_mib_{work}_{who}"] = own[-1]
        found[f"growth_{work}_{who}"] = round(float(own[1]) / float(own[0]), 2)
    return found


NOTES = (
    f"Memory: {FILES} SDXL-shaped LoRAs of rank {RANK} in fp16 merged (resize: one of them) into "
    f"one of rank {KEPT}; extract: two models of such layers in bf16, which are in memory before. "
    "`peak MiB`: how far resident memory rises above what it is with all imported, in a process "
    "for each that gives large blocks back at once. `theirs` loads a whole file, sums each "
    "layer's whole change in fp32, for all layers at once, and takes the SVD of the largest (that "
    "of the others needs no more); with all 722 layers it does not fit here. `growth`: the peak "
    "with about twice as many layers, divided by the peak with the fewest."
)


def main() -> None:
    who, work, folder, share = sys.argv[1:]
    files = sorted(Path(folder).glob("?.safetensors"))
    models = []
    if work == "extract":
        models = [[t.bfloat16() for t in model(s, 32)] for s in layers(int(share))]
    run = partial(_ours if who == "ours" else _theirs, work, files, models)
    torch.linalg.svd(torch.randn(64, 64))  # what it needs once
    before = kib("VmRSS")
    (PROCESS / "clear_refs").write_text("5")  # man 5 proc: the peak begins anew
    run()
    print(json.dumps((kib("VmHWM") - before) / 1024))


def _ours(work: str, files: list[Path], models: list[list[Tensor]]) -> None:
    path = files[0].with_name(f"made-{work}.safetensors")
    with torch.inference_mode(), writing(path) as sink:
        for step in _steps(work, files, models):
            if result := step():
                add(sink, result, torch.float16)


def _steps(
    work: str, files: list[Path], models: list[list[Tensor]]
) -> Iterable[Callable[[], Result | None]]:
    if work == "extract":
        for number, (tuned, base) in enumerate(models):
            yield partial(extracted, f"lora_unet_x{number}", tuned, base, Budget(KEPT))
        return
    loras = [Lora(TensorFile(file)) for file in files]
    if work == "resize":
        for stem in loras[0].stems:
            yield partial(resized, loras[0], stem, Budget(RANK // 2))
        return
    recipe = Recipe("ties" if work == "merge_ties" else "svd", KEPT, 0.5)
    merge = Merge([Item(lora, 0.1, 0.1) for lora in loras], recipe)
    for layer in merge.layers:
        yield partial(merge.result, layer)


def _theirs(work: str, files: list[Path], models: list[list[Tensor]]) -> None:
    """As the scripts go about it: all layers' whole changes, and then the SVDs."""
    if work == "resize":  # one layer's change at a time, beside the whole file and the new one
        state = {name: t.float() for name, t in load_file(files[0]).items()}
        made = state.copy()
        stem = max(_stems(state), key=lambda one: _change(state, one).numel())
        u, s, v = torch.linalg.svd(_change(state, stem))
        made[f"{stem}.lora_up.weight"] = u[:, :KEPT] * s[:KEPT]
        made[f"{stem}.lora_down.weight"] = v[:KEPT].clone()
        return
    if work == "extract":
        changes = {str(n): (tuned - base).float() for n, (tuned, base) in enumerate(models)}
    else:
        changes: dict[str, Tensor] = {}
        for file in files:
            state = {name: t.float() for name, t in load_file(file).items()}
            for stem in _stems(state):
                own = 0.1 * _change(state, stem)
                changes[stem] = changes[stem] + own if stem in changes else own
    torch.linalg.svd(max(changes.values(), key=Tensor.numel), full_matrices=False)


def _stems(state: dict[str, Tensor]) -> list[str]:
    return [name.removesuffix(".alpha") for name in state if name.endswith(".alpha")]


def _change(state: dict[str, Tensor], stem: str) -> Tensor:
    up, down = (state[f"{stem}.lora_{part}.weight"] for part in ("up", "down"))
    return up @ down * (state[f"{stem}.alpha"] / len(down))


if __name__ == "__main__":
    main()
