"""What the tensors of a LoRA file are called, so that ComfyUI and other programs read them. Pure.

`native`: `diffusion_model.<layer>.lora_A.weight`, `.lora_B.weight`, `.alpha`, for transformers.
`kohya`: `lora_unet_<layer with underscores>.lora_down.weight`, `.lora_up.weight`, `.alpha`, for
SD1.x and SDXL. Both always carry the alpha: readers disagree on what its absence means.
"""

from typing import Literal

KeyForm = Literal["native", "kohya"]


def file_key(layer: str, part: Literal["A", "B", "alpha"], form: KeyForm) -> str:
    """The name in a file for one part of the adapter on `layer` (its name in the network)."""
    if form == "kohya":
        tail = {"A": "lora_down.weight", "B": "lora_up.weight", "alpha": "alpha"}[part]
        return f"lora_unet_{layer.replace('.', '_')}.{tail}"
    tail = "alpha" if part == "alpha" else f"lora_{part}.weight"
    return f"diffusion_model.{layer}.{tail}"
