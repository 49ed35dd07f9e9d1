"""What is special about each family of models."""

from typing import TYPE_CHECKING

from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

from ..adapters.keys import KeyForm

if TYPE_CHECKING:
    from comfy.model_base import BaseModel


def key_form(model: "BaseModel") -> KeyForm:
    """How a LoRA's tensors are named: kohya's way for the UNets (SD1, SD2, SDXL), else native."""
    return "kohya" if isinstance(model.diffusion_model, UNetModel) else "native"
