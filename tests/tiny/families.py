"""Every family that is shown to train, by a short name."""

from collections.abc import Callable
from dataclasses import dataclass

import comfy.supported_models
from comfy.model_patcher import ModelPatcher

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
    sdxl,
    unet,
    z_image,
)
from .newer import (
    anima,
    boogu,
    ernie_image,
    hidream_o1,
    ideogram4,
    joy_image,
    kandinsky5_image,
    krea2,
    lens,
    longcat_image,
    mage_flow,
    z_image_pixel,
)
from .others import (
    chroma_radiance,
    cosmos,
    hidream,
    hunyuan_dit,
    hunyuan_image,
    omnigen2,
    sdxl_refiner,
    small_sdxl,
    stable_cascade,
    unclip,
)


@dataclass(frozen=True)
class Family:
    """`config` is the name that ComfyUI's detection must find; `side` is of its latents; `idle` are
    layers that its output does not hang on, here as in full size: those that end the text's half of
    the last block, or see pictures that are given; `known_as` is the family whose facts are told,
    None if none are; `one_length` is of families whose captions all have 77 tokens."""

    config: str
    make: Callable[..., ModelPatcher]
    prediction: str
    side: int = 8
    idle: str = "^$"
    known_as: str | None = ""
    one_length: bool = False


QWEN_IDLE = r"transformer_blocks\.1\.(txt_mlp|attn\.(add_q_proj|to_add_out))"
JOY_IDLE = r"double_blocks\.1\.(txt_mlp|attn\.txt_attn_proj)"
_ALL = {
    "sd15": Family("SD15", unet, "eps"),
    "sd15-inpainting": Family("SD15", lambda **load: unet(in_channels=9, **load), "eps"),
    "sd2": Family("SD20", sd2, "eps"),
    "sd2-v": Family("SD20", lambda: sd2(velocity=True), "v"),
    "sd2-inpainting": Family("SD20", lambda: sd2(in_channels=9), "eps"),
    "sdxl": Family("SDXL", sdxl, "eps"),
    "sdxl-v": Family("SDXL", lambda: sdxl(kind="v"), "v"),
    "sdxl-edm": Family("SDXL", lambda: sdxl(kind="edm"), "edm"),
    "sdxl-inpainting": Family("SDXL", lambda: sdxl(in_channels=9), "eps"),
    "sd3": Family("SD3", lambda: sd3(depth=2), "flow"),
    "sd35-medium": Family("SD3", lambda: sd3(depth=2, self_attention=True), "flow"),
    "flux-dev": Family("Flux", flux, "flow"),
    "flux-schnell": Family("FluxSchnell", lambda: flux(guidance=False), "flow"),
    "flux-fill": Family("FluxInpaint", lambda: flux(channels=96), "flow"),
    "flux2": Family("Flux2", flux2, "flow"),
    "chroma": Family("Chroma", chroma, "flow"),
    "lumina2": Family("Lumina2", lumina2, "flow"),
    "z-image": Family("ZImage", z_image, "flow"),
    "qwen-image": Family("QwenImage", qwen_image, "flow", idle=QWEN_IDLE),
    "aura-flow": Family("AuraFlow", aura_flow, "flow"),
    "pixart-alpha": Family("PixArtAlpha", lambda: pixart(sigma=False), "eps", side=40),
    "pixart-sigma": Family("PixArtSigma", pixart, "eps", side=40),
    "hidream": Family("HiDream", hidream, "flow"),
    "hunyuan-image": Family("HunyuanImage21", hunyuan_image, "flow"),
    "hunyuan-dit": Family("HunyuanDiT", hunyuan_dit, "v", one_length=True),
    "hunyuan-dit1": Family("HunyuanDiT1", lambda: hunyuan_dit(first=True), "v", one_length=True),
    "omnigen2": Family("Omnigen2", omnigen2, "flow", idle="ref_image"),
    "sdxl-refiner": Family("SDXLRefiner", sdxl_refiner, "eps", side=32),
    "ssd-1b": Family("SSD1B", lambda **load: small_sdxl("SSD1B", **load), "eps", known_as="SDXL"),
    "vega": Family("Segmind_Vega", lambda: small_sdxl("Segmind_Vega"), "eps", known_as="SDXL"),
    "koala-700m": Family(
        "KOALA_700M", lambda **load: small_sdxl("KOALA_700M", **load), "eps", known_as="SDXL"
    ),
    "koala-1b": Family("KOALA_1B", lambda: small_sdxl("KOALA_1B"), "eps", known_as="SDXL"),
    "unclip": Family("SD21UnclipL", unclip, "v", known_as="SD20"),
    "stable-cascade": Family("Stable_Cascade_C", stable_cascade, "eps"),
    "cosmos": Family("CosmosT2IPredict2", cosmos, "flow"),
    "chroma-radiance": Family(
        "ChromaRadiance", chroma_radiance, "flow", side=32, known_as="Chroma"
    ),
    # ComfyUI 0.33
    "anima": Family("Anima", anima, "flow"),
    "longcat-image": Family("LongCatImage", longcat_image, "flow"),
    "kandinsky5-image": Family("Kandinsky5Image", kandinsky5_image, "flow"),
    "ernie-image": Family("ErnieImage", ernie_image, "flow"),
    "krea2": Family("Krea2", krea2, "flow"),
    "ideogram4": Family("Ideogram4", ideogram4, "flow"),
    "joy-image": Family("JoyImage", joy_image, "flow", idle=JOY_IDLE, known_as=None),
    "mage-flow": Family("MageFlow", mage_flow, "flow", idle=QWEN_IDLE),
    "lens": Family("Lens", lens, "flow", idle=QWEN_IDLE, known_as=None),
    "hidream-o1": Family("HiDreamO1", hidream_o1, "flow", side=64, known_as=None),
    "z-image-pixel": Family("ZImagePixelSpace", z_image_pixel, "flow", side=16, known_as="ZImage"),
    "boogu": Family("Boogu", boogu, "flow", idle="ref_image"),
}
# Families that this ComfyUI does not know yet are left out.
FAMILIES = {
    name: family for name, family in _ALL.items() if hasattr(comfy.supported_models, family.config)
}
