"""How fast a step is, and how much memory it takes, beside two others on the same model and data.

The others are ComfyUI's own TrainLoraNode and the ordinary diffusers and peft loop. With a GPU this
trains SDXL of its true size: that form was never run.
"""

import json
import sys

import torch

from ..demo import engine
from .report import Report


def start() -> None:
    """ComfyUI in this process, on the GPU if there is one."""
    if torch.cuda.is_available():
        engine.ON_CPU = ("--use-pytorch-cross-attention",)
    engine.start()


def measure(quick: bool) -> Report:
    start()
    from . import speed_turns

    return speed_turns.on_gpu(quick) if torch.cuda.is_available() else speed_turns.on_cpu(quick)


def main() -> None:
    """A model in a process of its own: its name, and how it is measured."""
    start()
    from . import speed_turns

    print(json.dumps(speed_turns.of_shape(*sys.argv[1:])))


if __name__ == "__main__":
    main()
