"""What is free and what is taken on the device that trains."""

import comfy.model_management as management
import torch


def free_bytes(device: torch.device) -> int:
    """What could be allocated now, in bytes: ComfyUI's own figure."""
    return int(management.get_free_memory(device))  # pyright: ignore[reportArgumentType]
