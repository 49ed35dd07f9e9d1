"""What the tensors of a LoRA file are called, so that ComfyUI and other programs read them. Pure.

Native: `diffusion_model.<layer>.lora_A.weight`, `.lora_B.weight`, `.alpha`, for transformers.
Kohya: `lora_unet_<layer with underscores>.lora_down.weight`, `.lora_up.weight`, `.alpha`, for the
UNets. Both always carry the alpha: readers disagree on what its absence means. LoHa's and LoKr's
tensors are called the same in both (`.hada_w1_a` …, LyCORIS).
"""

from dataclasses import dataclass
from typing import Literal

from .diffusers_names import unet_layer

_KOHYA = {"lora_A.weight": "lora_down.weight", "lora_B.weight": "lora_up.weight"}


@dataclass(frozen=True)
class Naming:
    """How a family's files name things.

    With `res_blocks` (ComfyUI's `num_res_blocks`) layers are called as diffusers calls them, as
    kohya's scripts do for SD1.x and SD2.x; for SDXL they write ComfyUI's own names.
    """

    style: Literal["native", "kohya"]
    res_blocks: int = 0


NATIVE = Naming("native")


def file_key(layer: str, part: str, naming: Naming) -> str:
    """The name in a file for one part of the adapter on `layer` (its name in the network).

    `part` is `lora_A.weight`, `lora_B.weight`, `alpha`, `dora_scale`, or a LyCORIS name.
    """
    if naming.style == "native":
        return f"diffusion_model.{layer}.{part}"
    name = unet_layer(layer, naming.res_blocks) if naming.res_blocks else layer
    return f"lora_unet_{name.replace('.', '_')}.{_KOHYA.get(part, part)}"
