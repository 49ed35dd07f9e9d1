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


def forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_bytes(device: torch.device) -> int | None:
    """The most that tensors took on a CUDA device since `forget_peak`; None where nobody counts."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
