"""Architecture-exact models with random weights, small enough to test, built by ComfyUI itself."""

from .files import State, caption, random_weights
from .networks import (
    aura_flow,
    chroma,
    flux,
    flux2,
    lumina2,
    pixart,
    qwen_image,
    sd2,
    sd3,
    sd_x4,
    sdxl,
    unet,
    z_image,
)

__all__ = [
    "State",
    "aura_flow",
    "caption",
    "chroma",
    "flux",
    "flux2",
    "lumina2",
    "pixart",
    "qwen_image",
    "random_weights",
    "sd2",
    "sd3",
    "sd_x4",
    "sdxl",
    "unet",
    "z_image",
]
