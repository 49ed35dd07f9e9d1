"""CLIP and SigLIP of the transformers library, from a folder on this machine.

Both a picture and a text become a row of length 1; their product is CLIPScore (Hessel et al. 2021)
without its factor. As for captions: no code from the folder, no pickled weights, no network.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image

from ..captioning.found import stamp, type_of
from ..captioning.vision import (
    BROKEN,
    class_named,
    files_of,
    refuse_gaps,
    refuse_programs,
    version,
)
from ..files import digest, legible

KINDS = {"clip": "CLIPModel", "siglip": "SiglipModel"}
_TEXTS = 32  # encoded together


class ImageText:
    """An `Encoder` of curation's kind that knows texts too, on the CPU until it is moved.

    `check` is called before each batch, and may raise to stop.
    """

    def __init__(self, folder: Path, check: Callable[[], None] = lambda: None) -> None:
        kind = type_of(folder)
        if kind not in KINDS:
            raise ValueError(
                f"{folder} is a model of the type '{legible(kind)}'. For scores it must be one of "
                f"{', '.join(KINDS)}."
            )
        refuse_programs(folder)
        self.folder, self.kind, self.check = folder, kind, check
        self.key = digest("image text 1", kind, *map(stamp, files_of(folder)))
        self.device = torch.device("cpu")
        self.model, self.images, self.words = self._load()
        self.resolution = max(2 * int(self.model.config.vision_config.image_size), 512)
        self.name = f"{folder.name} {self.key[:8]} (transformers {transformers.__version__})"

    def _load(self) -> tuple[Any, Any, Any]:
        only: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        precision = "dtype" if version() >= (4, 56) else "torch_dtype"
        try:
            images = class_named("AutoImageProcessor").from_pretrained(self.folder, **only)
            words = class_named("AutoTokenizer").from_pretrained(self.folder, **only)
            model, about = class_named(KINDS[self.kind]).from_pretrained(
                self.folder,
                use_safetensors=True,
                output_loading_info=True,
                **{precision: torch.float32},
                **only,
            )
        except BROKEN as error:
            raise ValueError(
                f"The model in {self.folder} cannot be loaded ({legible(error)}). Download its "
                "folder again, whole: weights, tokenizer and preprocessor_config.json."
            ) from error
        refuse_gaps(self.folder, about)
        return model.eval().requires_grad_(False), images, words

    def prepare(self, picture: Image.Image) -> np.ndarray:
        """As the model's own processor does it: CLIP's takes the middle square."""
        found = self.images(images=picture.convert("RGB"), return_tensors="pt")["pixel_values"][0]
        return found.float().numpy()

    def encode(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        self.check()
        pixels = torch.from_numpy(np.stack(prepared)).to(self.device)
        with torch.inference_mode(False), torch.no_grad():
            return _unit(self.model.get_image_features(pixel_values=pixels))

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """Rows of texts; what is too long for the model is cut off, as it always does."""
        found = []
        padding = "max_length" if self.kind == "siglip" else True  # as SigLIP was trained
        for start in range(0, len(texts), _TEXTS):
            self.check()
            some = list(texts[start : start + _TEXTS])
            asked = self.words(some, padding=padding, truncation=True, return_tensors="pt")
            asked = {name: value.to(self.device) for name, value in asked.items()}
            if self.kind == "siglip":
                asked = {"input_ids": asked["input_ids"]}
            with torch.inference_mode(False), torch.no_grad():
                found.append(_unit(self.model.get_text_features(**asked)))
        return np.concatenate(found)


def _unit(found: Any) -> np.ndarray:
    """Since version 5, transformers gives more than the row itself."""
    rows = found if isinstance(found, torch.Tensor) else found.pooler_output
    return torch.nn.functional.normalize(rows.float(), dim=-1).cpu().numpy()
