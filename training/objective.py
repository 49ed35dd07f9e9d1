"""What the network is asked to predict, at which noise levels, and how far off it is. Pure torch.

Symbols: `x0` clean latent in the model's own scale, `noise` standard normal of the same shape,
`sigma` ComfyUI's noise level, one for each sample; for the predictions that are not flow,
x_t = x0 + sigma · noise, so that the signal-to-noise ratio is 1 / sigma².
"""

import math
import random
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from .settings.objective import HuberSchedule, Loss, ObjectiveSettings, Weighting

Prediction = Literal["eps", "v", "edm", "x0", "flow"]
GOLDEN = (math.sqrt(5) - 1) / 2  # its multiples fill the circle as evenly as can be


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


def spread(count: int, step: int, start: float) -> list[float]:
    """`count` even numbers in (0, 1) for the batch of `step`.

    Within a batch they are 1 / `count` apart (Kingma et al. 2021, "Variational Diffusion Models",
    appendix I.1). From step to step they move on by the golden ratio; `start` in (0, 1) is where
    the first begins.
    """
    moved = (start + step * GOLDEN) % 1
    return [min(max((moved + number) / count, 1e-6), 1 - 1e-6) for number in range(count)]


def timesteps(
    settings: ObjectiveSettings,
    flow: bool,
    count: int,
    dice: torch.Generator,
    even: Sequence[float] | None = None,
) -> Tensor:
    """`count` times in (0, 1), 1 being pure noise, on the device of `dice`; of `even` numbers in
    (0, 1) instead of drawn ones, where these are given.

    logit_normal: sigmoid of a normal (Esser et al. 2024, section 3.1, eq. 19). mode: 1 - u -
    s·(cos²(πu/2) - 1 + u) with u uniform (eq. 20). `auto` is logit_normal for `flow` models.
    """
    sampling, device = settings.timestep_sampling, dice.device
    logit_normal = sampling == "logit_normal" or (sampling == "auto" and flow)
    draw = torch.randn if logit_normal else torch.rand
    time = draw(count, generator=dice, device=device)  # in any case: the noise comes after it
    if even is not None:
        places = [NormalDist().inv_cdf(one) for one in even] if logit_normal else even
        time = torch.tensor(places, device=device)
    if logit_normal:
        time = (settings.logit_mean + settings.logit_std * time).sigmoid()
    elif sampling == "mode":
        curve = torch.cos(math.pi / 2 * time).square() - 1 + time
        time = (1 - time - settings.mode_scale * curve).clamp(0, 1)
    return settings.timestep_min + time * (settings.timestep_max - settings.timestep_min)


def resolution_shift(tokens: int) -> float:
    """The factor by which odds of noise are raised for a picture of `tokens` patches.

    exp(mu), with mu on Flux's line through 0.5 at 256 patches and 1.15 at 4,096 (Black Forest Labs'
    `get_lin_function`; Esser et al. 2024, section 5.3.2, is where it comes from).
    """
    return math.exp(0.5 + (tokens - 256) * (1.15 - 0.5) / (4096 - 256))


def shifted(time: Tensor, factor: float) -> Tensor:
    """factor · t / (1 + (factor - 1) · t) (Esser et al. 2024, eq. 23)."""
    return factor * time / (1 + (factor - 1) * time)


def training_noise(settings: ObjectiveSettings, shape: tuple[int, ...], dice: torch.Generator):
    """Noise `[B, C, …]` for one batch: standard normal, and what the settings add to it.

    Offset: one value for each channel (Guttenberg 2023). Multi-resolution: coarser and coarser
    noise, enlarged, each layer weaker, the whole brought back to unit variance (Whitaker 2023).
    """
    noise = torch.randn(shape, generator=dice, device=dice.device)
    sizes = random.Random(dice.initial_seed())  # on the host: nothing is read from the device
    for layer in range(1, settings.multires_noise + 1):
        scale = (2 + 2 * sizes.random()) ** layer
        height, width = (max(1, int(side / scale)) for side in shape[-2:])
        coarse = torch.randn(
            (math.prod(shape[:-2]), 1, height, width), generator=dice, device=dice.device
        )
        large = interpolate(coarse, shape[-2:], mode="bilinear").view(shape)
        noise = noise + settings.multires_discount**layer * large
        if height == 1 or width == 1:
            break
    if settings.multires_noise:
        noise = noise / each(noise.flatten(1).std(1), noise)
    if settings.noise_offset:
        flat = torch.randn(shape[:2], generator=dice, device=dice.device)
        noise = noise + settings.noise_offset * flat.view(*shape[:2], *[1] * (len(shape) - 2))
    return noise


def weights(weighting: Weighting, gamma: float, prediction: Prediction, sigma: Tensor) -> Tensor:
    """How much the squared error at each `sigma` `[B]` counts: `[B]`.

    min_snr: min(snr, gamma), / snr for eps, / (snr + 1) for v and edm (Hang et al. 2023, section
    3.4), for the error in x0 itself.
    soft_min_snr: the same with snr·gamma / (snr + gamma) for the minimum (Crowson et al. 2024,
    eq. 10). debiased: 1 / sqrt(snr) for eps (Yu et al. 2023, eq. 11), 1 / (snr + 1) for others. For
    flow: sigma_sqrt 1 / sigma², cosmap 2 / (pi·(1 - 2·sigma + 2·sigma²)) (Esser et al. 2024,
    section 3.1, as weights).
    """
    if weighting == "none":
        return torch.ones_like(sigma)
    if weighting == "sigma_sqrt":
        return sigma.clamp(min=1e-3) ** -2
    if weighting == "cosmap":
        return 2 / (math.pi * (1 - 2 * sigma + 2 * sigma.square()))
    snr = sigma.clamp(min=1e-4) ** -2
    over = {"eps": snr, "x0": torch.ones_like(snr)}.get(prediction, snr + 1)
    if weighting == "min_snr":
        return snr.clamp(max=gamma) / over
    if weighting == "soft_min_snr":
        return snr * gamma / (snr + gamma) / over
    return 1 / snr.clamp(max=1000).sqrt() if prediction == "eps" else 1 / (snr + 1)


def huber_delta(schedule: HuberSchedule, delta: float, time: Tensor, sigma: Tensor) -> Tensor:
    """Huber's delta for each sample `[B]` (Khrapov et al. 2024, section 3): `delta` at pure noise.

    exponential: delta^time. snr: (1 - delta) / (1 + sigma)² + delta.
    """
    if schedule == "exponential":
        return delta**time
    if schedule == "snr":
        return (1 - delta) / (1 + sigma).square() + delta
    return torch.full_like(sigma, delta)


def loss_per_sample(
    predicted: Tensor,
    wanted: Tensor,
    loss: Loss = "mse",
    delta: Tensor | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The mean error of each sample, in fp32: `[B, …]` to `[B]`.

    huber: 2·delta·(sqrt(error² + delta²) - delta), which is the square for small errors, with
    `delta` `[B]`. `mask`, which broadcasts to `[B, …]`, says how much each place counts; the mean
    is over what counts.
    """
    error = predicted.float() - wanted.float()
    if loss == "l1":
        error = error.abs()
    elif loss == "huber":
        assert delta is not None
        size = each(delta, error)
        error = 2 * size * ((error.square() + size.square()).sqrt() - size)
    else:
        error = error.square()
    if mask is None:
        return error.flatten(1).mean(1)
    counts = mask.expand_as(error)
    return (error * counts).flatten(1).sum(1) / counts.flatten(1).sum(1).clamp(min=1e-6)


def refuse(settings: ObjectiveSettings, prediction: Prediction) -> None:
    """`ValueError` for settings that have no meaning for what this model predicts."""
    flow = prediction == "flow"
    wrong = {
        "weighting": settings.weighting
        in (("min_snr", "soft_min_snr", "debiased") if flow else ("sigma_sqrt", "cosmap")),
        "timestep_shift": not flow and settings.timestep_shift != "model",
        "noise_offset": flow and settings.noise_offset > 0,
        "multires_noise": flow and settings.multires_noise > 0,
    }
    for name, bad in wrong.items():
        if bad:
            kind = "a flow model" if flow else f"a model that predicts {prediction}"
            raise ValueError(
                f"{name} = {getattr(settings, name)!r} is not for {kind} such as the one that is "
                f"wired. Set {name} back to {type(settings).model_fields[name].default!r}."
            )
