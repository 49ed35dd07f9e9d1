"""Between ComfyUI's IMAGE (`[B, height, width, 3]` in 0..1) and pictures."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

MOST_HELD = 80_000_000  # pixels of pages that travel on a wire: a gigabyte


def pixels(image: torch.Tensor) -> np.ndarray:
    """The first picture of an IMAGE: `[height, width, 3]` float32."""
    return image[0].cpu().float().numpy()


def all_pixels(image: torch.Tensor) -> Iterator[np.ndarray]:
    """Every picture of an IMAGE, as `pixels` gives the first."""
    return (pixels(image[number : number + 1]) for number in range(len(image)))


def as_images(pictures: Iterable[Image.Image]) -> list[torch.Tensor]:
    """Each RGB picture as an IMAGE of its own."""
    return [torch.from_numpy(np.asarray(one, np.float32) / 255.0)[None] for one in pictures]


def first_pages(files: Sequence[Path]) -> list[torch.Tensor]:
    """Each file as an IMAGE of its own: the first one, and others until `MOST_HELD` pixels."""
    found: list[torch.Tensor] = []
    held = 0
    for file in files:
        with Image.open(file) as page:
            held += page.width * page.height
            if found and held > MOST_HELD:
                break
            found += as_images([page.convert("RGB")])
    return found


def as_pictures(images: torch.Tensor) -> list[Image.Image]:
    """Every picture of an IMAGE, rounded as ComfyUI's Save Image does."""
    whole = np.clip(255.0 * images[..., :3].cpu().float().numpy(), 0, 255).astype(np.uint8)
    return [Image.fromarray(one) for one in whole]
