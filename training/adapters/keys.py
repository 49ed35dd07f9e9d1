"""What the tensors of a LoRA file are called, so that ComfyUI and other programs read them. Pure.

Native: `diffusion_model.<layer>.lora_A.weight`, `.lora_B.weight`, `.alpha`, for transformers.
Kohya: `lora_unet_<layer with underscores>.lora_down.weight`, `.lora_up.weight`, `.alpha`, for the
UNets and for text encoders. Both always carry the alpha: readers disagree on what its absence
means. LoHa's and LoKr's tensors are called the same in both (`.hada_w1_a` …, LyCORIS).

A part of a layer is `lora_A.weight`, `lora_B.weight`, `alpha`, `dora_scale`, or a LyCORIS name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from .diffusers_names import unet_layer

_KOHYA = {"lora_A.weight": "lora_down.weight", "lora_B.weight": "lora_up.weight"}


class Names(Protocol):
    """How a file names the parts of a network's adapter."""

    @property
    def one_alpha(self) -> bool:
        """Whether readers take one alpha for all layers."""
        ...

    def key(self, layer: str, part: str) -> str:
        """The name in a file for one part of the adapter on `layer` (its name in the network)."""
        ...


@dataclass(frozen=True)
class Naming:
    """How a family's files name the parts of the diffusion network's adapter.

    With `res_blocks` (ComfyUI's `num_res_blocks`) layers are called as diffusers calls them, as
    kohya's scripts do for SD1.x and SD2.x; for SDXL they write ComfyUI's own names.
    """

    style: Literal["native", "kohya"]
    res_blocks: int = 0

    @property
    def one_alpha(self) -> bool:
        return self.style == "kohya"

    def key(self, layer: str, part: str) -> str:
        if self.style == "native":
            return f"diffusion_model.{layer}.{part}"
        name = unet_layer(layer, self.res_blocks) if self.res_blocks else layer
        return f"lora_unet_{name.replace('.', '_')}.{_KOHYA.get(part, part)}"


NATIVE = Naming("native")


@dataclass(frozen=True)
class TextNaming:
    """Of the text encoders': `stems` are the layers' names in a file."""

    stems: Mapping[str, str]
    one_alpha = True  # diffusers takes the commonest for all layers of an encoder

    def key(self, layer: str, part: str) -> str:
        stem = self.stems[layer]
        return f"{stem}.{_KOHYA.get(part, part) if stem.startswith('lora_te') else part}"
