"""Pictures through the wired CLIP_VISION: CLIP, SigLIP, DINOv2, DINOv3, whatever ComfyUI loads."""

from collections.abc import Sequence
from typing import Any

import comfy.model_management as management
import numpy as np
import torch
from comfy.clip_vision import ClipVisionModel, clip_preprocess
from PIL import Image

from ..files import digest
from .fingerprint import fingerprint
from .progress import check_interrupt

_NAMES = {
    "clip_vision_model": "CLIP",
    "siglip_vision_model": "SigLIP",
    "siglip2_vision_model": "SigLIP 2",
    "dinov2": "DINOv2",
    "dinov3": "DINOv3",
}
_ANY_SIZE = 512  # pixels, for a model that takes pictures of any size


class Vision:
    """An `Encoder` for curation. ComfyUI loads the weights when the first picture is encoded.

    `key` is all that decides a vector: weights, and how a picture is brought to them. The name is
    told apart from others of its kind by it.
    """

    def __init__(self, model: ClipVisionModel) -> None:
        self.model = model
        self.kind = _kind(model)
        self.resolution = model.image_size if model.image_size > 0 else _ANY_SIZE
        prepared = (self.resolution, list(model.image_mean), list(model.image_std))
        self.key = digest("vision 1", fingerprint(model.patcher), f"{prepared}")
        self.name = f"{_NAMES.get(self.kind, self.kind)} {self.key[:8]}, {self.resolution} pixels"

    def prepare(self, picture: Image.Image) -> np.ndarray:
        """All of the picture as a square: what stands at its sides counts too."""
        side = self.resolution
        return np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC))

    def encode(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        """Vectors of length 1. Raises `Interrupted` on the user's cancel."""
        check_interrupt()
        pixels = torch.from_numpy(np.stack(prepared)).float() / 255
        with torch.no_grad():
            found = self._embeds(pixels).float()
        # SigLIP's attention pool is not in ComfyUI: it gives every patch, and their mean serves.
        pooled = found.mean(1) if found.ndim == 3 else found
        return torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy()

    def _embeds(self, pixels: torch.Tensor) -> torch.Tensor:
        model: Any = self.model
        if self.kind != "dinov3":
            return model.encode_image(pixels, crop=False)["image_embeds"]
        # ComfyUI's encode_image wants a layer of it that it does not give (0.33).
        management.load_model_gpu(model.patcher)
        sizes = {"size": self.resolution, "mean": model.image_mean, "std": model.image_std}
        ready = clip_preprocess(pixels.to(model.load_device), **sizes, crop=False)
        return model.model(pixel_values=ready.float())[2]


def _kind(model: Any) -> str:
    """A key of `_NAMES`, or what another pack calls its model."""
    told = getattr(model, "model_type", None)
    if told:
        return str(told)
    if model.return_all_hidden_states:  # before ComfyUI said it
        return "siglip_vision_model"
    return "dinov2" if type(model.model).__name__ == "Dinov2Model" else "clip_vision_model"
