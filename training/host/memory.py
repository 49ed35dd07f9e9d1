"""What is free and what is taken on the device that trains."""

import comfy.model_management as management
import torch
from comfy.model_patcher import ModelPatcher

from ..plan import Base
from .private import load, make_room
from .stream import movable


def free_bytes(device: torch.device) -> int:
    """What could be allocated now, in bytes: ComfyUI's own figure."""
    return int(management.get_free_memory(device))  # pyright: ignore[reportArgumentType]


def free_main_bytes() -> int:
    """As `free_bytes`, of the main memory."""
    return free_bytes(torch.device("cpu"))


def can_stream(private: ModelPatcher) -> bool:
    """Whether there is another place for weights than the device that trains: not on a CPU."""
    return private.load_device != private.offload_device


def frozen(private: ModelPatcher) -> Base:
    """Bytes of the private model's frozen weights, as ComfyUI counts them: as they are stored."""
    layers = movable(private.model)
    trained = sum(t.nbytes for t in private.model.parameters() if t.requires_grad)
    return Base(
        management.module_size(private.model) - trained,
        sum(map(management.module_size, layers)),
        max((4 * layer.weight.nelement() for layer in layers), default=0),  # pyright: ignore
    )


def load_to_measure(private: ModelPatcher, streaming: str, sampling: float) -> torch.device:
    """Load the private model as far as one picture can be sent through it after that, which takes
    `sampling` bytes."""
    if streaming == "on":
        return load(private, 0)
    if streaming == "off" or not can_stream(private):
        return load(private)
    make_room(private)
    base = frozen(private)
    room = free_bytes(private.load_device) - sampling - (private.model_size() - base.movable)
    return load(private, None if room >= base.movable else max(0, room - base.largest))
