"""What a run is trained with: device and versions, for its record."""

import platform
from typing import Any

import comfy.model_management as management
import comfyui_version
import torch

from ..version import VERSION


def machine(device: torch.device) -> dict[str, Any]:
    """The device by its name, and what decides how numbers come out. No name of the machine."""
    return {
        "device": str(management.get_torch_device_name(device)),
        "versions": {
            "Atelier": VERSION,
            "ComfyUI": comfyui_version.__version__,
            "torch": torch.__version__,
            "Python": platform.python_version(),
            "system": platform.system(),
        },
    }


def allocated() -> int | None:
    """What tensors take now on the device that trains, in bytes; None where nobody counts."""
    card = counter(management.get_torch_device())
    return card.memory_allocated() if card else None


def forget_peak(device: torch.device) -> None:
    if card := counter(device):
        card.reset_peak_memory_stats(device)


def peak_bytes(device: torch.device) -> int | None:
    """The most that tensors took since `forget_peak`; None where nobody counts."""
    card = counter(device)
    return card.max_memory_allocated(device) if card else None


def counter(device: torch.device) -> Any:
    """torch's module for this kind of device, if it counts: not for a CPU, nor for Apple's."""
    module = getattr(torch, device.type, None)
    return module if hasattr(module, "max_memory_allocated") else None
