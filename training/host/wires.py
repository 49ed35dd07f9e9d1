"""The types of ComfyUI that travel on wires, for the rest of the engine to name."""

from comfy.model_patcher import ModelPatcher
from comfy.sd import CLIP, VAE

__all__ = ["CLIP", "VAE", "ModelPatcher"]
