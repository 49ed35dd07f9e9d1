"""What is special about each family of models: the one list of it.

Everything else is ComfyUI's own business and the same for all of them: sizes (SDXL, PixArt) come
with its conditioning, shifts with its sampling object, five-dimensional latents (Qwen-Image, video
models) with its VAE.
"""

from typing import TYPE_CHECKING, Any

import torch
from comfy import model_base
from comfy.ldm.flux.layers import DoubleStreamBlock, SingleStreamBlock
from comfy.ldm.modules.diffusionmodules.mmdit import ContextProcessorBlock
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from comfy.text_encoders.llama import TransformerBlock, TransformerBlockGemma2

from ..adapters.keys import NATIVE, Naming

if TYPE_CHECKING:
    from comfy.model_base import BaseModel

# Blocks that add to what they are given where it lies, after a LayerNorm has seen it: those of
# Flux.1, Flux.2, Chroma and HunyuanVideo, and of some SD3s' text.
ADDS_IN_PLACE: tuple[type[torch.nn.Module], ...] = (
    DoubleStreamBlock,
    SingleStreamBlock,
    ContextProcessorBlock,
)
# Blocks that put their sum into what they are given: a language model's, which draws (HiDream-O1).
ADDS_INTO_INPUT: tuple[type[torch.nn.Module], ...] = (TransformerBlock, TransformerBlockGemma2)


def naming(model: "BaseModel") -> Naming:
    """How a LoRA's tensors are named: kohya's way for the UNets (SD1, SD2, SDXL), else native."""
    if not isinstance(model.diffusion_model, UNetModel):
        return NATIVE
    if type(model) is model_base.BaseModel:  # SD1.x and SD2.x
        return Naming("kohya", res_blocks=model.model_config.unet_config["num_res_blocks"][0])
    return Naming("kohya")


def blocks_of(model: "BaseModel") -> str:
    """The name under which blocks of style and subject are known: ComfyUI's class for the model,
    and of SDXL's small relatives, which have other blocks, that of their settings."""
    known = model.model_config if isinstance(model, model_base.SDXL) else model
    return type(known).__name__


def caption_defaults(model: "BaseModel", guidance: float = 1.0) -> dict[str, Any]:
    """What goes with a caption that does not say it itself.

    A guidance-distilled network (Flux.1 dev, Flux.2 dev, HunyuanVideo) is told a guidance. It is
    trained at 1, at which it shows what it has learned of pictures and no exaggeration of it; the
    LoRA is then used at any guidance. `ValueError` for another `guidance` where none is told.
    """
    if model.model_config.unet_config.get("guidance_embed"):
        return {"guidance": guidance}
    if guidance != 1.0:
        raise ValueError(
            f"guidance = {guidance:g} is for models that are told one (Flux.1 dev, Flux.2 dev), "
            f"not for the {type(model).__name__} that is wired. Set it back to 1."
        )
    return {}


def paints_over(model: "BaseModel") -> bool:
    """Whether this is an inpainting model: SD1.5, SD2 and SDXL inpainting, Flux Fill.

    Without a mask ComfyUI gives these a full mask and an empty picture, when it samples and here:
    they are trained to paint all of a picture.
    """
    if model.concat_keys:
        return set(model.concat_keys) <= {"mask", "masked_image"}
    return isinstance(model, model_base.Flux) and _extra_channels(model) > 16


def picture_wanted(model: "BaseModel") -> str:
    """What kind of model this is, if it makes its pictures from another picture; else nothing."""
    if isinstance(model, model_base.IP2P):
        return "an instruct-pix2pix model, which edits a given picture"
    if isinstance(model, model_base.SD_X4Upscaler):
        return "the SD x4 upscaler, which makes a given picture larger"
    if isinstance(model, model_base.StableCascade_B):
        return "a Stable Cascade stage B, which paints what stage C has decided"
    if isinstance(model, model_base.Stable_Zero123):
        return "a Stable Zero123, which turns a given picture"
    if isinstance(model, model_base.Flux) and 0 < _extra_channels(model) <= 16:
        return "a Flux control model (Canny, Depth), which follows a given picture"
    return ""


def _extra_channels(model: "BaseModel") -> int:
    """How many ComfyUI puts beside Flux's noised latent: a picture's, or those and a mask's."""
    noise = torch.zeros(1, model.latent_format.latent_channels, 2, 2)
    beside = model.concat_cond(noise=noise, device=noise.device)
    return 0 if beside is None else beside.shape[1]
