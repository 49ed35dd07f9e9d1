"""The state in which ComfyUI's models can be trained, and putting everything back after it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import comfy.ldm.modules.attention as attention
import comfy.model_management as management
import torch


@contextmanager
def training_mode() -> Iterator[None]:
    """Leave inference mode, allow gradients, tell ComfyUI that it is training; undo it all after.

    ComfyUI runs nodes inside `torch.inference_mode()`. Its `in_training` switch (0.14 and newer)
    keeps some families from ops that have no backward. Attention is PyTorch's, whatever ComfyUI was
    started with. Never `await` inside this.
    """
    switch: Any = management if hasattr(management, "in_training") else SimpleNamespace()
    before = getattr(switch, "in_training", False)
    with torch.inference_mode(False), torch.enable_grad(), _torch_attention():
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


@contextmanager
def _torch_attention() -> Iterator[None]:
    """Let every network of ComfyUI attend by `scaled_dot_product_attention`, and undo it after.

    Of the others sage, flash (as ComfyUI wraps it) and int8 return a result without a gradient and
    say nothing, and the sub-quadratic one fails. Not all networks pass on the option by which
    ComfyUI lets a model have its own (PixArt, SD3 and HunyuanDiT do not).
    """
    replaced = []
    for module in [m for name, m in sys.modules.items() if name.startswith("comfy.ldm.")]:
        for name in ("optimized_attention", "optimized_attention_masked"):
            chosen = getattr(module, name, attention.attention_pytorch)
            if chosen is not attention.attention_pytorch:
                replaced.append((module, name, chosen))
                setattr(module, name, attention.attention_pytorch)
    try:
        yield
    finally:
        for module, name, chosen in replaced:
            setattr(module, name, chosen)
