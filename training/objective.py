"""What the network is asked to predict, at which noise levels, and how far off it is. Pure torch.

Symbols: `x0` clean latent in the model's own scale, `noise` standard normal of the same shape,
`sigma` ComfyUI's noise level, one for each sample.
"""

from typing import Literal

import torch
from torch import Tensor

Prediction = Literal["eps", "v", "edm", "x0", "flow"]
TimestepSampling = Literal["uniform", "logit_normal"]


def each(value: Tensor, like: Tensor) -> Tensor:
    """`value` `[B]`, shaped so that it multiplies `like` `[B, …]` sample by sample."""
    return value.view(-1, *([1] * (like.ndim - 1)))


def target(prediction: Prediction, x0: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
    """What the network's raw output should be; shape of `x0` `[B, C, …]`, `sigma` `[B]`.

    eps: the noise (Ho et al. 2020, eq. 14). v: alpha·noise - sigma_vp·x0 (Salimans & Ho 2022,
    section 4), here in the variance-exploding form x_t = x0 + sigma·noise that ComfyUI uses, where
    alpha = 1/sqrt(1+sigma²). edm: F of Karras et al. 2022, eq. 8, with sigma_data = 1, which is -v.
    flow: noise - x0, the velocity of x_t = (1-sigma)·x0 + sigma·noise (Lipman et al. 2023;
    Esser et al. 2024, eq. 3).
    """
    if prediction == "eps":
        return noise
    if prediction == "flow":
        return noise - x0
    if prediction == "x0":
        return x0
    s = each(sigma, x0)
    v = (noise - s * x0) / torch.sqrt(1 + s * s)
    return v if prediction == "v" else -v


def timesteps(sampling: TimestepSampling, count: int, generator: torch.Generator) -> Tensor:
    """`count` times in (0, 1), 1 being pure noise, on the generator's device.

    logit_normal: sigmoid of a standard normal (Esser et al. 2024, section 3.1).
    """
    device = generator.device
    if sampling == "logit_normal":
        return torch.randn(count, generator=generator, device=device).sigmoid()
    return torch.rand(count, generator=generator, device=device)


def loss_per_sample(predicted: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared error of each sample, in fp32: `[B, …]` to `[B]`."""
    return (predicted.float() - wanted.float()).square().flatten(1).mean(1)
