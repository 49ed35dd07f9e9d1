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
from .others import hidream, hunyuan_dit, hunyuan_image, omnigen2, sdxl_refiner

__all__ = [
    "State",
    "aura_flow",
    "caption",
    "chroma",
    "flux",
    "flux2",
    "hidream",
    "hunyuan_dit",
    "hunyuan_image",
    "lumina2",
    "omnigen2",
    "pixart",
    "qwen_image",
    "random_weights",
    "sd2",
    "sd3",
    "sd_x4",
    "sdxl",
    "sdxl_refiner",
    "unet",
    "z_image",
]
