"""Which bases cannot be trained, told before step 1."""

from typing import TYPE_CHECKING

import comfy.ops
import torch
from comfy.model_patcher import ModelPatcher

from .family import picture_wanted

if TYPE_CHECKING:
    from comfy.model_base import BaseModel


def refuse_untrainable(model: "BaseModel") -> None:
    """Raise `ValueError` if nothing can be learned on `model`, with the reason and the way out."""
    refuse_picture(picture_wanted(model))
    if getattr(model.diffusion_model, "time_r_in", None) is not None:  # Geng et al. 2025
        raise ValueError(
            f"The MODEL is a {type(model).__name__} distilled to a few steps (mean flow), which is "
            "told where the next step ends. Wire the model that it was distilled from, train on "
            "it, and use the LoRA on this one."
        )
    _refuse_layers(model.diffusion_model)


def refuse_schedule(patcher: ModelPatcher) -> None:
    """Raise `ValueError` for LoRAs whose strength changes while a picture is sampled."""
    if patcher.hook_patches:
        raise ValueError(
            "The MODEL has a LoRA with a schedule, which is for sampling and has no one strength "
            "to train on. Take the schedule out of LoRA Stack, or wire the model without it."
        )


def refuse_picture(what: str) -> None:
    """Raise `ValueError` if the model is `what`, one that needs a picture; "" stands for none."""
    if what:
        raise ValueError(
            f"The MODEL is {what}. Pictures with captions do not teach that: wire the "
            "text-to-image (or inpainting) model of the same family, train on it, and use the LoRA "
            "on this one."
        )


def _refuse_layers(network: torch.nn.Module) -> None:
    for name, module in network.named_modules():
        kind = type(module)
        ours = isinstance(module, torch.nn.Linear) or kind.__module__ == comfy.ops.__name__
        if not ours and hasattr(module, "in_features") and hasattr(module, "out_features"):
            raise ValueError(
                f"The MODEL cannot be trained: its layer {name} is a {kind.__module__}."
                f"{kind.__qualname__}, which no adapter can sit on. Load the fp16 or bf16 file of "
                "the same model with ComfyUI's own loader (weight_dtype default, or fp8_e4m3fn "
                "where memory is short)."
            )
