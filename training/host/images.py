"""Between ComfyUI's IMAGE (`[B, height, width, 3]` in 0..1) and pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image


def pixels(image: torch.Tensor) -> np.ndarray:
    """The first picture of an IMAGE: `[height, width, 3]` float32."""
    return image[0].cpu().float().numpy()


def page_images(files: Sequence[Path]) -> list[torch.Tensor]:
    """Each file as an IMAGE of its own."""
    arrays = [np.asarray(Image.open(file).convert("RGB"), np.float32) / 255.0 for file in files]
    return [torch.from_numpy(array)[None] for array in arrays]
