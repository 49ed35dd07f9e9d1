"""Pictures from the network that is being trained, by ComfyUI's own sampler."""

from collections.abc import Sequence
from typing import Any

import comfy.sample
import numpy as np
import torch
from comfy.model_patcher import ModelPatcher
from PIL import Image

from ..settings.sampling import SamplingSettings
from .forward import Denoiser
from .images import pixels
from .mode import own_randomness
from .private import load
from .wires import VAE


def paint(
    private: ModelPatcher,
    denoiser: Denoiser,
    vae: VAE,
    prompts: Sequence[list[Any]],
    nothing: list[Any],
    side: int,
    settings: SamplingSettings,
) -> list[Image.Image]:
    """A picture of `side` x `side` pixels for each of `prompts` (CONDITIONING, as is `nothing`).

    The same as KSampler and VAE Decode give with the adapter loaded as a LoRA. The private model is
    on its device again at the end, whatever ComfyUI moved meanwhile.
    """
    factor: Any = vae.spacial_compression_encode()
    one = torch.zeros(1, 4, side // factor, side // factor)
    pictures = []
    with torch.no_grad(), own_randomness(settings.sample_seed), denoiser.as_sampled():
        latent = comfy.sample.fix_empty_latent_channels(private, one)
        for prompt in prompts:
            noise: Any = comfy.sample.prepare_noise(latent, settings.sample_seed)
            drawn = comfy.sample.sample(
                private,
                noise,
                settings.sample_steps,
                settings.sample_guidance,
                settings.sample_sampler,
                settings.sample_scheduler,
                prompt,
                nothing,
                latent,
                disable_pbar=True,
                seed=settings.sample_seed,
            )
            array = pixels(vae.decode(drawn))
            pictures.append(Image.fromarray((array * 255).clip(0, 255).astype(np.uint8)))
    load(private)
    return pictures
