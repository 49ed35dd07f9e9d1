"""The state in which ComfyUI's models can be trained, and putting everything back after it."""

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import comfy.ldm.modules.attention as attention
import comfy.model_management as management
import torch
from torch.amp.autocast_mode import is_autocast_available

from .rotary import turns


@contextmanager
def training_mode() -> Iterator[None]:
    """Leave inference mode, allow gradients, tell ComfyUI that it is training; undo it all after.

    ComfyUI runs nodes inside `torch.inference_mode()`. Its `in_training` switch (0.14 and newer)
    keeps some families from ops that have no backward. Attention is PyTorch's, whatever ComfyUI was
    started with, and so is what `comfy_kitchen` has of its own. Never `await` inside this.
    """
    switch: Any = management if hasattr(management, "in_training") else SimpleNamespace()
    before = getattr(switch, "in_training", False)
    swaps = [*_attention(), *_rotary(), *_kitchen(), *_positions(), *_unloading()]
    with torch.inference_mode(False), torch.enable_grad(), _swapped(swaps):
        switch.in_training = True
        try:
            yield
        finally:
            switch.in_training = before


@contextmanager
def own_randomness(seed: int) -> Iterator[None]:
    """Seed torch's global generators inside, and leave them as they were outside."""
    card: Any = getattr(torch, management.get_torch_device().type, None)  # its module
    before = card.get_rng_state() if hasattr(card, "get_rng_state") else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            yield
        finally:
            if before is not None:
                card.set_rng_state(before)


Swap = tuple[Any, str, Any]  # a module, a name in it, and what it is to mean


@contextmanager
def _swapped(swaps: Iterable[Swap]) -> Iterator[None]:
    """Let names of ComfyUI's modules mean something else inside."""
    before = []
    try:
        for module, name, ours in swaps:
            before.append((module, name, getattr(module, name)))
            setattr(module, name, ours)
        yield
    finally:
        for module, name, theirs in before:
            setattr(module, name, theirs)


def _modules(prefix: str) -> list[Any]:
    return [module for name, module in sys.modules.items() if name.startswith(prefix)]


def _attention() -> Iterator[Swap]:
    """Let every network of ComfyUI attend by `scaled_dot_product_attention`.

    Of the others sage, flash (as ComfyUI wraps it) and int8 return a result without a gradient and
    say nothing, and the sub-quadratic one fails. Not all networks pass on the option by which
    ComfyUI lets a model have its own (PixArt, SD3 and HunyuanDiT do not).
    """
    for module in _modules("comfy.ldm."):
        for name in ("optimized_attention", "optimized_attention_masked"):
            if hasattr(module, name):
                yield module, name, attention.attention_pytorch


def _rotary() -> Iterator[Swap]:
    for theirs, name, ours in turns():
        for module in _modules("comfy."):
            if getattr(module, name, None) is theirs:
                yield module, name, ours


def _kitchen() -> Iterator[Swap]:
    """Let ComfyUI's `comfy_kitchen`, where there is one, place and modulate by PyTorch's own ops.

    Those that it brings have no backward, and not all networks ask `in_training` before they use
    one (Anima, Cosmos, Ernie Image and JoyImage of 0.33 do not).
    """
    kitchen = sys.modules.get("comfy_kitchen")
    plain = getattr(getattr(kitchen, "backends", None), "eager", None)
    for name in dir(kitchen):
        if re.search("rope|adaln", name) and hasattr(plain, name):
            yield kitchen, name, getattr(plain, name)


def _positions() -> Iterator[Swap]:
    """Keep autocast from rounding positions, which some networks (Ideogram 4, HiDream-O1) multiply
    as matrices: in bf16 there is no whole number between 65536 and 66048."""
    device = management.get_torch_device().type
    if not is_autocast_available(device):
        return
    exact = torch.autocast(device, enabled=False)
    for module in _modules("comfy."):
        if function := getattr(module, "precompute_freqs_cis", None):
            yield module, "precompute_freqs_cis", exact(function)


def _unloading() -> Iterator[Swap]:
    """Let models that are sent off the device in here stay what they were: inference tensors.

    Quantised weights become others outside of inference mode, and fail to be moved again in it.
    """
    unload = management.LoadedModel.model_unload

    def as_it_was(loaded: Any, *how: Any, **named: Any) -> Any:
        weights = loaded.model.model.parameters() if loaded.model else ()
        with torch.inference_mode(any(weight.is_inference() for weight in weights)):
            return unload(loaded, *how, **named)

    yield management.LoadedModel, "model_unload", as_it_was
