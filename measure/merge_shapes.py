"""The linear layers of SDXL and Flux that kohya's LoRAs are for, and files and weights of them."""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..training.loras.source import Lora, TensorFile

Shape = tuple[int, int]  # rows, columns

# How many layers of each shape there are: 722 and 304.
SDXL: dict[Shape, int] = {
    (640, 640): 70,
    (640, 2048): 20,
    (5120, 640): 10,
    (640, 2560): 10,
    (1280, 1280): 372,
    (1280, 2048): 120,
    (10240, 1280): 60,
    (1280, 5120): 60,
}
FLUX: dict[Shape, int] = {
    (3072, 3072): 38,
    (9216, 3072): 76,
    (12288, 3072): 38,
    (3072, 12288): 38,
    (18432, 3072): 38,
    (21504, 3072): 38,
    (3072, 15360): 38,
}


def layers(share: int = 1) -> list[Shape]:
    """SDXL's layers, or one in `share` of them."""
    return [shape for shape, count in SDXL.items() for _ in range(max(1, round(count / share)))]


def write(
    path: Path, shapes: Sequence[Shape], rank: int, seed: int, dtype: torch.dtype = torch.float32
) -> Lora:
    """A LoRA for layers x0, x1 …; singular values that fall, as trained LoRAs' do."""
    dice = torch.Generator().manual_seed(seed)
    state = {}
    for number, (out, width) in enumerate(shapes):
        stem = f"lora_unet_x{number}"
        up, down = _product(out, width, rank, dice)
        state[f"{stem}.lora_up.weight"] = up.to(dtype)
        state[f"{stem}.lora_down.weight"] = down.to(dtype)
        state[f"{stem}.alpha"] = torch.tensor(float(rank))
    save_file(state, path)
    return Lora(TensorFile(path))


def _product(out: int, width: int, rank: int, dice: torch.Generator) -> tuple[Tensor, Tensor]:
    fall = torch.arange(1.0, rank + 1) ** -0.5
    return torch.randn(out, rank, generator=dice) * fall, torch.randn(rank, width, generator=dice)


def model(shape: Shape, rank: int, noise: float = 0.1, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A weight tuned and before: what the tuning changed is of low rank but for the noise."""
    dice = torch.Generator().manual_seed(seed)
    up, down = _product(*shape, rank, dice)
    change = up @ down
    size = change.norm() / (shape[0] * shape[1]) ** 0.5
    change += noise * size * torch.randn(shape, generator=dice)
    base = torch.randn(shape, generator=dice)
    return base + 0.1 / size * change, base
