"""How fast a step is, and how much memory it takes, beside two others on the same model and data.

The others are ComfyUI's own TrainLoraNode and the ordinary diffusers and peft loop. With a GPU this
trains SDXL of its true size: that form was never run.
"""

import json
import os
import sys

import torch

from ..demo import engine
from . import card
from .report import Report


def start() -> None:
    """ComfyUI in this process, on a card if there is one, or if one is counted (`card`)."""
    has_card = torch.cuda.is_available() or card.PLACE in os.environ
    engine.start(arguments=engine.ON_CARD if has_card else engine.ON_CPU)


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
