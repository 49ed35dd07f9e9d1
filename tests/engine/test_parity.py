"""Loss and gradients agree with the papers' formulas on diffusers' own modules, in fp32."""

import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from atelier.tests import peers, tiny
from atelier.training.adapters.adapter import Adapter
from atelier.training.config import make_config
from atelier.training.examples import Example
from atelier.training.host.forward import Denoiser
from atelier.training.host.mode import own_randomness, training_mode
from atelier.training.host.private import load, private_copy
from atelier.training.objective import target
from atelier.training.task import Task

TOLERANCE = 1e-4  # |a - b| / |b|
ALPHA, RANK = 6.0, 4  # unequal, so that the scale is tested too
TIMESTEPS = ((0, 420, 998), (1, 700, 999))  # a batch each: both ends and the middle
SIGMAS = ((0.002, 0.4, 0.999), (0.03, 0.7, 0.97))
MODELS = {
    "eps-sd15": tiny.unet,
    "eps-sdxl": tiny.sdxl,
    "v-sd2": lambda: tiny.sd2(velocity=True),
    "flow-sd3": lambda: tiny.sd3(depth=2),
    "flow-sd35": lambda: tiny.sd3(depth=2, self_attention=True),
    "flow-flux": tiny.flux,
}


# The papers, on the peer ------------------------------------------------------------------------


def alpha_bar(timesteps):
    """Product of 1 - beta up to each timestep (Ho et al. 2020, eq. 4), betas of Rombach et al."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    return (1 - betas).cumprod(0)[timesteps].float()


def diffusion(x0, noise, timesteps, prediction):
    """x_t and target: Ho et al. 2020, eq. 4 and 14; Salimans & Ho 2022, section 4."""
    bar = alpha_bar(timesteps).view(-1, 1, 1, 1)
    signal, spread = bar.sqrt(), (1 - bar).sqrt()
    x_t = signal * x0 + spread * noise
    return x_t, noise if prediction == "eps" else signal * noise - spread * x0


def flow(x0, noise, sigmas):
    """x_t and target: Lipman et al. 2023, eq. 22 and 23; Esser et al. 2024, section 2."""
    s = sigmas.view(-1, 1, 1, 1)
    return (1 - s) * x0 + s * noise, noise - x0


def reference(peer, lora, text, x0, noise, times, prediction):
    """Losses `[B]` and the gradients of their sum."""
    x_t, wanted = (
        flow(x0, noise, times) if prediction == "flow" else diffusion(x0, noise, times, prediction)
    )
    error = peer(x_t, times, text) - wanted
    losses = (error * error).sum((1, 2, 3)) / error[0].numel()
    peer.network.zero_grad()
    losses.sum().backward()
    return losses.detach(), peer.gradients(lora)


# Atelier ----------------------------------------------------------------------------------------


def adapter_parts(network):
    """{layer: [A, B]}, the parameters themselves."""
    parts: dict[str, list[Any]] = {}
    for name, parameter in network.named_parameters():
        if found := re.fullmatch(r"(.+)\.lora_([AB])\.default\.weight", name):
            parts.setdefault(found[1], [None, None])["AB".index(found[2])] = parameter
    return parts


def atelier(parts, denoiser, text, x0, noise, sigmas):
    """Losses `[B]` and the gradients of their sum, by layer."""
    x0, noise, sigmas = (tensor.to(denoiser.device) for tensor in (x0, noise, sigmas))
    task = Task(denoiser, None, seed=0)
    batch = [
        Example(Path(f"{i}.png"), (64, 64), one[None], denoiser.conditioning(said, one[None]))
        for i, (one, said) in enumerate(zip(x0, text.conditioning(), strict=True))
    ]
    for parameter in (parameter for pair in parts.values() for parameter in pair):
        parameter.grad = None
    losses = task.loss(batch, noise, sigmas)
    losses.sum().backward()
    found = {k: (a.grad.cpu().clone(), b.grad.cpu().clone()) for k, (a, b) in parts.items()}
    return losses.detach().cpu(), found


def relative(one, other):
    """The length of the difference beside that of `other`."""
    return ((one - other).norm() / other.norm()).item()


def farthest(ours, theirs):
    """The largest relative difference among losses, and among gradients of A and of B."""
    (losses, gradients), (their_losses, their_gradients) = ours, theirs
    assert gradients.keys() == their_gradients.keys()
    by_part = {"loss": [relative(*pair) for pair in zip(losses, their_losses, strict=True)]}
    for layer, wanted in their_gradients.items():
        for part, one, other in zip("AB", gradients[layer], wanted, strict=True):
            assert other.norm() > 0, f"{layer}.{part} has no gradient"
            by_part.setdefault(part, []).append(relative(one, other))
    return {part: max(values) for part, values in by_part.items()}


def adapted(network, dice):
    """An adapter on every layer of `network`, with random contents: its parameters."""
    with own_randomness(0):
        Adapter(network, make_config(rank=RANK, alpha=ALPHA, targets="all"))
    parts = adapter_parts(network)
    for parameter in (parameter for pair in parts.values() for parameter in pair):
        parameter.data = 0.05 * torch.randn(parameter.shape, generator=dice).to(parameter)
    return parts


def moments(prediction):
    """Batches of (the papers' time, ComfyUI's sigma): of a diffusion, noise over signal."""
    if prediction == "flow":
        return [(torch.tensor(values), torch.tensor(values)) for values in SIGMAS]
    times = [torch.tensor(values) for values in TIMESTEPS]
    return [(t, ((1 - alpha_bar(t)) / alpha_bar(t)).sqrt()) for t in times]


@pytest.mark.parametrize("case", MODELS)
def test_loss_and_gradients_agree_with_the_papers_on_diffusers_modules(case):
    wired, prediction = MODELS[case](), case.split("-")[0]
    peer, text = peers.build(wired), peers.texts(wired, 3)
    dice = torch.Generator().manual_seed(2)
    channels = wired.model.latent_format.latent_channels
    with training_mode(), private_copy(wired) as private:
        parts = adapted(private.model.diffusion_model, dice)
        lora = {layer: (a.data, b.data) for layer, (a, b) in parts.items()}
        peer.add_lora(lora, ALPHA)
        denoiser = Denoiser(private, load(private))
        parts = adapter_parts(private.model.diffusion_model)  # on some devices other ones now
        assert denoiser.prediction == prediction
        for times, sigmas in moments(prediction):
            x0, noise = torch.randn(2, 3, channels, 8, 12, generator=dice)
            theirs = reference(peer, lora, text, x0, noise, times, prediction)
            ours = atelier(parts, denoiser, text, x0, noise, sigmas)
            apart = farthest(ours, theirs)
            print(case, len(parts), "layers", {k: f"{v:.1e}" for k, v in apart.items()})
            assert max(apart.values()) < TOLERANCE


@pytest.mark.parametrize(
    ("prediction", "first", "second"),
    [
        # sigma 3/4: alpha is 4/5 and sigma_vp 3/5; sigma 4/3: the other way round.
        ("eps", (0.5**2 + 1.0**2) / 2, (2.0**2 + 0.0**2) / 2),
        ("v", (0.2**2 + 2.0**2) / 2, (2.0**2 + 0.8**2) / 2),
        ("flow", (0.5**2 + 3.0**2) / 2, (3.0**2 + 1.0**2) / 2),
    ],
)
def test_the_loss_of_each_sample_is_what_one_finds_by_hand(prediction, first, second):
    """x0 (1, 2) with noise (1/2, -1), x0 (-1, 1) with noise (2, 0); a network that says 0."""
    x0 = torch.tensor([[1.0, 2.0], [-1.0, 1.0]]).view(2, 1, 1, 2)
    noise = torch.tensor([[0.5, -1.0], [2.0, 0.0]]).view(2, 1, 1, 2)
    denoiser: Any = SimpleNamespace(
        device=torch.device("cpu"),
        prediction=prediction,
        target=partial(target, prediction),
        relative=lambda sigma: sigma,
        noised=lambda x0, noise, sigma: x0,
        predict=lambda x_t, sigma, conds: torch.zeros_like(x_t),
    )
    batch = [Example(Path(), (8, 8), one[None], {}) for one in x0]
    losses = Task(denoiser, None, seed=0).loss(batch, noise, torch.tensor([3 / 4, 4 / 3]))
    assert losses.tolist() == pytest.approx([first, second], rel=1e-6)
