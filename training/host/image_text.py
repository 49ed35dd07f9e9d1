"""A CLIP or SigLIP of transformers under ComfyUI's memory management, for one node."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import comfy.model_management as management
from comfy.model_patcher import ModelPatcher

from ..evaluation.image_text import ImageText
from .private import collect, unload
from .progress import check_interrupt
from .vision import Managed

ROOM = 1e9  # bytes besides the weights


@contextmanager
def opened(folder: Path) -> Iterator[ImageText]:
    """The model on its device, where ComfyUI knows of it and has made room; unloaded at the end."""
    device = management.get_torch_device()
    encoder = ImageText(folder, check_interrupt)
    offload = management.text_encoder_offload_device()
    patcher = ModelPatcher(Managed(encoder.model), device, offload)
    try:
        management.load_models_gpu([patcher], memory_required=int(ROOM), force_full_load=True)
        encoder.device = device
        yield encoder
    finally:
        unload(patcher)
        del encoder, patcher
        collect()
