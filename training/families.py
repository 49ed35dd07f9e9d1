"""What is known of a family of models before one looks at its weights. Pure.

Keys are the names of ComfyUI's model configurations (`comfy.supported_models`), which tell Flux.1
dev from schnell and Lumina from Z-Image. What each base is good for is what its makers and users
say of it; nothing of that was measured here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

OPEN_RAIL = "CreativeML Open RAIL-M: commercial use too, within its rules of use"
OPEN_RAIL_PP = "CreativeML Open RAIL++-M: commercial use too, within its rules of use"
APACHE = "Apache-2.0: free, commercial use too"
HUNYUAN = "Tencent Hunyuan Community License"
STABILITY = "Stability AI Community License: free below a million US dollars of revenue a year"
FLUX_DEV = (
    "FLUX.1 [dev] Non-Commercial License: the weights, and LoRAs made from them, are not for \
commercial use"
)

PURPOSES = {
    "subject": "a subject",
    "style": "a style",
    "text": "text in pictures",
    "memory": "little memory",
}


@dataclass(frozen=True)
class Family:
    """`resolution` is the side, in pixels, of the pictures that the base was made for, as it stands
    in `size_from`; `suits` are some of `PURPOSES`; `note` is what a person should know before
    training on it."""

    name: str
    licence: str
    resolution: int
    suits: tuple[str, ...] = ()
    note: str = ""
    size_from: str = ""


_AI_TOOLKIT = "ai-toolkit config/examples/train_lora_{}.yaml (resolution: [512, 768, 1024])"
_SD = "diffusers scripts/convert_original_stable_diffusion_to_diffusers.py (--image_size)"
_SDXL = "Podell et al. 2023; OneTrainer training_presets/SDXL/#sdxl 1.0 LoRA.json"

FAMILIES = {
    "SD15": Family(
        "Stable Diffusion 1.x",
        OPEN_RAIL,
        512,
        ("style", "memory"),
        size_from=f"{_SD}; OneTrainer training_presets/SD1.5/#sd 1.5 LoRA.json",
    ),
    "SD20": Family("Stable Diffusion 2.x", OPEN_RAIL_PP, 512, ("memory",), size_from=_SD),
    "SDXL": Family(
        "Stable Diffusion XL",
        f"{OPEN_RAIL_PP} (SSD-1B, Vega and KOALA, made from it, have licences of their own)",
        1024,
        ("subject", "style", "memory"),
        size_from=_SDXL,
    ),
    "SDXLRefiner": Family(
        "Stable Diffusion XL refiner",
        OPEN_RAIL_PP,
        1024,
        note="It only finishes what the base began, and does not know the new word: train on the "
        "base.",
        size_from=_SDXL,
    ),
    "SD3": Family(
        "Stable Diffusion 3 and 3.5",
        STABILITY,
        1024,
        ("style", "text"),
        "Its 8B form breaks easily: SimpleTuner's quickstart/SD3.md asks for a low learning rate, "
        "short gradients and larger batches.",
        size_from=_AI_TOOLKIT.format("sd35_large_24gb"),
    ),
    "AtelierDemo": Family(
        "Atelier's demo base",
        "CC0-1.0: free for all",
        128,
        note="It draws small faces, and is there to try the nodes with.",
        size_from="demo/make_base.py",
    ),
    "Flux": Family(
        "Flux.1 [dev]",
        FLUX_DEV,
        1024,
        ("subject", "style", "text"),
        "Distilled for guidance: it is trained at guidance 1, and used at any.",
        size_from=_AI_TOOLKIT.format("flux_24gb"),
    ),
    "FluxInpaint": Family(
        "Flux.1 Fill [dev]",
        FLUX_DEV,
        1024,
        ("subject",),
        "An inpainting model: it is trained to paint all of a picture.",
        size_from=_AI_TOOLKIT.format("flux_24gb"),
    ),
    "FluxSchnell": Family(
        "Flux.1 [schnell]",
        APACHE,
        1024,
        ("text",),
        "Distilled to four steps, which training undoes. ai-toolkit's remedy: load the LoRA "
        "ostris/FLUX.1-schnell-training-adapter on the model before it is trained, and use yours "
        "without it.",
        size_from=_AI_TOOLKIT.format("flux_schnell_24gb"),
    ),
    "Flux2": Family(
        "Flux.2",
        "By size: [klein] 4B Apache-2.0; [dev] and [klein] 9B FLUX Non-Commercial License",
        1024,
        ("subject", "style", "text"),
        "Of [klein], train the base and not the distilled one.",
        size_from="diffusers examples/dreambooth/README_flux2.md (--resolution=1024)",
    ),
    "Chroma": Family(
        "Chroma", APACHE, 1024, ("subject", "style"), size_from=_AI_TOOLKIT.format("chroma_24gb")
    ),
    "Lumina2": Family(
        "Lumina Image 2.0",
        f"{APACHE} (Neta Lumina, made from it, has a licence of its own)",
        1024,
        ("style", "memory"),
        size_from=_AI_TOOLKIT.format("lumina"),
    ),
    "ZImage": Family(
        "Z-Image",
        APACHE,
        1024,
        ("subject", "style", "text"),
        "Turbo is distilled to eight steps, which training undoes; its file looks like the base's. "
        "ai-toolkit's remedy: load the LoRA ostris/zimage_turbo_training_adapter on the model "
        "before it is trained, and use yours without it.",
        size_from="diffusers examples/dreambooth/README_z_image.md (--resolution=1024)",
    ),
    "QwenImage": Family(
        "Qwen-Image",
        APACHE,
        1024,
        ("subject", "text"),
        size_from=_AI_TOOLKIT.format("qwen_image_24gb"),
    ),
    "AuraFlow": Family(
        "AuraFlow",
        f"{APACHE} (Pony v7, made from it, has a licence of its own)",
        1024,
        ("style",),
        size_from="diffusers pipelines/aura_flow/pipeline_aura_flow.py (height and width: 1024)",
    ),
    "PixArtAlpha": Family(
        "PixArt-alpha", OPEN_RAIL_PP, 1024, ("style", "memory"), size_from="Chen et al. 2023"
    ),
    "PixArtSigma": Family(
        "PixArt-Sigma",
        OPEN_RAIL_PP,
        1024,
        ("style", "memory"),
        size_from="OneTrainer training_presets/PixArt Sigma/#pixart sigma 1.0 LoRA.json",
    ),
    "HiDream": Family(
        "HiDream-I1",
        "MIT (Llama 3.1, its text encoder, has a licence of its own)",
        1024,
        ("style",),
        "Train on Full: dev and fast are distilled, and break (ai-toolkit). Its experts, of which "
        "each sees some of the tokens, learn with all_linear alone.",
        size_from=_AI_TOOLKIT.format("hidream_48"),
    ),
    "Omnigen2": Family(
        "OmniGen2",
        APACHE,
        1024,
        ("subject",),
        "It is trained to make pictures of text, and learns no editing of given ones.",
        size_from=_AI_TOOLKIT.format("omnigen2_24gb"),
    ),
    "HunyuanImage21": Family(
        "Hunyuan Image 2.1",
        f"{HUNYUAN}: not for the European Union, the United Kingdom and South Korea",
        2048,
        ("text",),
        "Made for pictures of 2048 pixels a side: its VAE makes them 32 times smaller, so that "
        "small ones leave little to learn from.",
        size_from="diffusers pipelines/hunyuan_image/pipeline_hunyuanimage.py (64 x 32)",
    ),
    "HunyuanDiT": Family("Hunyuan-DiT", HUNYUAN, 1024, size_from="Li et al. 2024"),
    "HunyuanDiT1": Family("Hunyuan-DiT 1.0 and 1.1", HUNYUAN, 1024, size_from="Li et al. 2024"),
    "Stable_Cascade_C": Family(
        "Stable Cascade, stage C",
        "Stability AI Non-Commercial Research Community License",
        1024,
        ("style",),
        "Stage C decides what is in the picture, and is the stage that learns.",
        size_from="Pernias et al. 2023",
    ),
    "CosmosT2IPredict2": Family(
        "Cosmos Predict2, text to image",
        "NVIDIA Open Model License: commercial use too",
        1024,
        size_from="diffusers pipelines/cosmos/pipeline_cosmos2_text2image.py (768 x 1360)",
    ),
    "Anima": Family(
        "Anima",
        "CircleStone Labs Non-Commercial License (its terms have changed: read the newest)",
        1024,
        ("subject", "style", "memory"),
        "The layers in it that read the text stay as they are, as in kohya's scripts; they learn "
        "with all_linear alone.",
        size_from="diffusers modular_pipelines/anima/modular_pipeline.py (default_height)",
    ),
    "LongCatImage": Family(
        "LongCat-Image",
        APACHE,
        1024,
        ("text",),
        size_from="SimpleTuner documentation/quickstart/LONGCAT_IMAGE.md (1024x1024)",
    ),
    "Kandinsky5Image": Family(
        "Kandinsky 5.0 Image Lite",
        "MIT: free, commercial use too",
        1024,
        size_from="diffusers pipelines/kandinsky5/pipeline_kandinsky_t2i.py (height and width)",
    ),
    "ErnieImage": Family(
        "ERNIE-Image",
        APACHE,
        1024,
        ("text",),
        "Turbo is distilled to eight steps, which training undoes: train on the base.",
        size_from="diffusers pipelines/ernie_image/pipeline_ernie_image.py (height and width)",
    ),
    "Krea2": Family(
        "Krea 2",
        "Krea 2 Community License: whether commercial use is free goes by revenue",
        1024,
        ("subject", "style"),
        "Train on Raw, and use the LoRA on Turbo, as its makers do.",
        size_from="diffusers examples/dreambooth/README_krea2.md (--resolution=1024)",
    ),
    "Ideogram4": Family(
        "Ideogram 4",
        "Ideogram 4 Non-Commercial Model Agreement",
        1024,
        ("text",),
        "It knows captions written as JSON: see diffusers examples/dreambooth/README_ideogram4.md.",
        size_from="diffusers examples/dreambooth/README_ideogram4.md (--resolution=1024)",
    ),
    "MageFlow": Family(
        "Mage-Flow",
        "MIT: free, commercial use too",
        1024,
        note="Turbo is distilled to four steps, which training undoes: train on Base.",
        size_from="SimpleTuner documentation/quickstart/MAGEFLOW.md (1024)",
    ),
    "Boogu": Family(
        "Boogu-Image 0.1",
        APACHE,
        1024,
        ("text",),
        "Turbo is distilled to four steps, which training undoes: train on Base.",
        size_from="SimpleTuner documentation/quickstart/BOOGU_IMAGE.md (1024)",
    ),
}
UNKNOWN = Family(
    "a family that Atelier was not tried on",
    "not known here",
    1024,
    note="It is trained in the way that all others are. Look at the grid early.",
)


def find(names: Iterable[str]) -> str:
    """The first of `names` (of ComfyUI's classes, the special before the general) that is a key of
    `FAMILIES`; empty if none is."""
    return next((name for name in names if name in FAMILIES), "")


def facts(family: str) -> Family:
    return FAMILIES.get(family, UNKNOWN)


def suited(purpose: str) -> list[str]:
    """Names of the families that suit one of `PURPOSES`."""
    return [family.name for family in FAMILIES.values() if purpose in family.suits]
