"""Between ComfyUI's IMAGE (`[B, height, width, 3]` in 0..1) and pictures."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image


def pixels(image: torch.Tensor) -> np.ndarray:
    """The first picture of an IMAGE: `[height, width, 3]` float32."""
    return image[0].cpu().float().numpy()


def as_images(pictures: Iterable[Image.Image]) -> list[torch.Tensor]:
    """Each RGB picture as an IMAGE of its own."""
    return [torch.from_numpy(np.asarray(one, np.float32) / 255.0)[None] for one in pictures]


def page_images(files: Sequence[Path]) -> list[torch.Tensor]:
    """Each file as an IMAGE of its own."""
    return as_images(Image.open(file).convert("RGB") for file in files)


def as_pictures(images: torch.Tensor) -> list[Image.Image]:
    """Every picture of an IMAGE, rounded as ComfyUI's Save Image does."""
    whole = np.clip(255.0 * images[..., :3].cpu().float().numpy(), 0, 255).astype(np.uint8)
    return [Image.fromarray(one) for one in whole]
