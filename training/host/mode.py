"""The state in which ComfyUI's models can be trained, and putting everything back after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import comfy.model_management as management
import torch


@contextmanager
def training_mode() -> Iterator[None]:
    """Leave inference mode, allow gradients, tell ComfyUI that it is training; undo it all after.

    ComfyUI runs nodes inside `torch.inference_mode()`. Its `in_training` switch (0.14 and newer)
    keeps some families from ops that have no backward. Never `await` inside this.
    """
    switch: Any = management if hasattr(management, "in_training") else SimpleNamespace()
    before = getattr(switch, "in_training", False)
    with torch.inference_mode(False), torch.enable_grad():
        switch.in_training = True
        try:
            yield
        finally:
            switch.in_training = before


@contextmanager
def own_randomness(seed: int) -> Iterator[None]:
    """Seed torch's global generators inside, and leave them as they were outside."""
    devices = [management.get_torch_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
