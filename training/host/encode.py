"""Captions and pictures through the wired CLIP and VAE."""

from typing import Any

import numpy as np
import torch
from comfy.sd import CLIP, VAE

from .mode import own_randomness


def encode_caption(clip: CLIP, text: str) -> list[Any]:
    """CONDITIONING for one caption, on the CPU, with tensors that autograd accepts."""
    with torch.inference_mode():  # as nodes: quantised weights cannot be moved in and out of it
        encoded = clip.encode_from_tokens_scheduled(clip.tokenize(text))
    return [[_ordinary(cond), {k: _ordinary(v) for k, v in more.items()}] for cond, more in encoded]


def _ordinary(value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    with torch.inference_mode(False):
        return value.to("cpu", copy=True) if value.is_inference() else value.cpu()


def encode_picture(vae: VAE, pixels: np.ndarray) -> torch.Tensor:
    """The latent `[1, C, …]` of `[height, width, 3]` pixels in 0..1, unscaled, on the CPU.

    The same picture always gives the same latent, also where a VAE draws from its posterior.
    """
    with torch.inference_mode(), own_randomness(0):
        return _ordinary(vae.encode(torch.from_numpy(pixels)[None]))


def pixel_step(vae: VAE) -> int:
    """Sizes in pixels must be multiples of this: the VAE's factor times the usual patch of 2."""
    factor: Any = vae.spacial_compression_encode()
    return 2 * int(factor)
