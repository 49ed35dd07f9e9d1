"""What is trained when speed is measured, on what data, and the clock."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import comfy.utils
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..tests import peers
from .speed_shapes import Shape

RANK = 16
RATE = 1e-4
PICTURES = 8
COMPUTE = "bf16"  # autocast, for all three


@dataclass(frozen=True)
class Job:
    """One way of training, the same for all three. `targets` is for those that can choose."""

    shape: Shape
    batch_size: int = 1
    targets: str = "all"
    checkpointing: str = "none"


@dataclass(frozen=True)
class Data:
    """`PICTURES` random latents `[N, C, H, W]` as a VAE gives them, each with its caption."""

    latents: Tensor
    text: peers.Text

    @property
    def conditioning(self) -> list[Any]:
        return self.text.conditioning()


def data(wired: ModelPatcher, shape: Shape) -> Data:
    dice = torch.Generator().manual_seed(5)
    latents = torch.randn(PICTURES, *shape.latent, generator=dice)
    return Data(latents, peers.texts(wired, PICTURES, shape.tokens))


def wait() -> None:
    """For the device to be done with what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


class Stopwatch:
    """To be told after every step. The first step warms up and does not count."""

    def __init__(self) -> None:
        self.counted = 0
        self.begin = self.end = 0.0

    def tell(self, step: int, steps: int, _preview: Any = None, **_more: Any) -> None:
        if step in (1, steps):
            wait()
        self.end = time.perf_counter()
        if step == 1:
            self.begin = self.end
        self.counted = step - 1

    @property
    def seconds(self) -> float:
        """Of one step."""
        assert self.counted > 0, "Two steps are the least."
        return (self.end - self.begin) / self.counted


@contextmanager
def progress_to(tell: Callable[..., None]) -> Iterator[None]:
    """ComfyUI tells `tell` of all progress: of every step of TrainLoraNode and of our own loop."""
    comfy.utils.set_progress_bar_global_hook(tell)
    try:
        yield
    finally:
        comfy.utils.set_progress_bar_global_hook(None)
