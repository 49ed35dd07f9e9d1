"""A vision–language model of transformers under ComfyUI's memory management, for one node."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import comfy.model_management as management
import torch
from comfy.model_patcher import ModelPatcher
from PIL import Image
from torch import nn

from ..captioning.captioner import Captioner, Said, Say
from ..captioning.found import stamp
from ..captioning.settings import SentenceSettings
from ..captioning.vision import Seer, files_of, kind_of
from ..files import digest
from .mode import own_randomness
from .private import collect, unload
from .progress import check_interrupt

ROOM = 1.5e9  # bytes besides the weights: a picture's tokens through the largest of these models


class Managed(nn.Module):
    """ComfyUI writes on the module that it manages; those of transformers do not let it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model


def vision_captioner(folder: Path, settings: SentenceSettings) -> Captioner:
    """The captioner that a model's folder is. Raises `ValueError` for what is not loaded."""
    kind = kind_of(folder)
    about = (folder.name, kind.model, *map(stamp, files_of(folder)))
    key = digest("vision", settings.model_dump_json(), *about)

    @contextmanager
    def opened() -> Iterator[Say]:
        with managed(folder) as (seer, device):

            def say(picture: Image.Image) -> Said:
                with own_randomness(settings.seed):  # the same, whatever came before
                    return seer.ask(picture, settings, device, check_interrupt)

            yield say

    return Captioner(folder.name, key, False, opened)


@contextmanager
def managed(folder: Path) -> Iterator[tuple[Seer, torch.device]]:
    """The model on its device, where ComfyUI knows of it and has made room; unloaded at the end."""
    device = management.get_torch_device()
    seer = Seer(folder, _precision(device))
    patcher = ModelPatcher(Managed(seer.model), device, management.text_encoder_offload_device())
    try:
        management.load_models_gpu([patcher], memory_required=int(ROOM), force_full_load=True)
        yield seer, device
    finally:
        unload(patcher)
        del seer, patcher
        collect()


def _precision(device: torch.device) -> torch.dtype:
    if management.should_use_bf16(device):
        return torch.bfloat16
    return torch.float16 if management.should_use_fp16(device) else torch.float32
