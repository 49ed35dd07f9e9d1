"""What the settings of the objective do to the loss of a batch, found by hand, and nothing else."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from atelier.training.examples import Example
from atelier.training.objective import Prediction, target
from atelier.training.settings.objective import ObjectiveSettings
from atelier.training.task import Task

SIGMA, TIME = torch.tensor([0.5, 4.0]), torch.tensor([0.25, 0.75])
SEEN: list[torch.Tensor] = []


def task(prediction: Prediction = "eps", **settings):
    """A network that says a tenth of what it sees."""
    denoiser: Any = SimpleNamespace(
        device=torch.device("cpu"),
        prediction=prediction,
        sigma=lambda time: 4 * time,
        target=partial(target, prediction),
        relative=lambda sigma: sigma,
        noised=lambda x0, noise, sigma: x0 + sigma.view(-1, 1, 1, 1) * noise,
        predict=lambda x_t, sigma, conds: SEEN.append(x_t) or 0.1 * x_t,
    )
    return Task(denoiser, ObjectiveSettings(**settings), seed=3)


def batch(mask=None):
    x0 = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    return [Example(Path(), (64, 64), one[None], {}, mask) for one in x0]


def found(prediction: Prediction = "eps", disturbance=None, mask=None, **settings):
    noise = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    return task(prediction, **settings).loss(batch(mask), noise, SIGMA, TIME, disturbance)


SNR = SIGMA**-2
WEIGHTS = {
    "min_snr": SNR.clamp(max=2) / SNR,
    "soft_min_snr": 2 / (SNR + 2),
    "debiased": SIGMA,
}


@pytest.mark.parametrize("weighting", WEIGHTS)
def test_weights_multiply_the_loss_of_each_sample(weighting):
    weighed = found(weighting=weighting, min_snr_gamma=2)
    assert torch.allclose(weighed, WEIGHTS[weighting] * found())
    assert not torch.allclose(weighed, found())


def test_hubers_delta_follows_time_or_sigma():
    noise = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    x0 = torch.cat([one.latent for one in batch()])
    error = 0.1 * (x0 + SIGMA.view(-1, 1, 1, 1) * noise) - noise
    deltas = {
        "constant": torch.tensor([0.2, 0.2]),
        "exponential": 0.2**TIME,
        "snr": 0.8 / (1 + SIGMA) ** 2 + 0.2,
    }
    for schedule, delta in deltas.items():
        d = delta.view(-1, 1, 1, 1)
        wanted = (2 * d * ((error**2 + d**2).sqrt() - d)).mean((1, 2, 3))
        got = found(loss="huber", huber_delta=0.2, huber_schedule=schedule)
        assert torch.allclose(got, wanted), schedule


def test_a_disturbance_is_seen_and_not_asked_for():
    noise = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    x0 = torch.cat([one.latent for one in batch()])
    more = torch.full_like(noise, 0.3)
    seen = x0 + SIGMA.view(-1, 1, 1, 1) * (noise + more)
    wanted = (0.1 * seen - noise).square().mean((1, 2, 3))
    assert torch.allclose(found(disturbance=more), wanted)


def test_a_mask_counts_its_half_alone():
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :4, :] = 1
    noise = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    x0 = torch.cat([one.latent for one in batch()])
    error = (0.1 * (x0 + SIGMA.view(-1, 1, 1, 1) * noise) - noise).square()
    assert torch.allclose(found(mask=mask), error[:, :, :4].mean((1, 2, 3)))


def seen(step=0, **settings):
    """What the network is shown in a step of training."""
    SEEN.clear()
    task(**settings).training_loss(batch(), "dataset", step)
    return SEEN[0]


OTHER_NOISE = {
    "noise_offset": {"noise_offset": 0.1},
    "multires_noise": {"multires_noise": 3},
    "input_perturbation": {"input_perturbation": 0.1},
    "timestep_sampling": {"timestep_sampling": "mode"},
    "timestep_min": {"timestep_min": 0.5},
    "timestep_spread": {"timestep_spread": True},
}
SAME_NOISE = {
    "loss": {"loss": "huber"},
    "weighting": {"weighting": "min_snr"},
    "discount of none": {"multires_discount": 0.9},
}


@pytest.mark.parametrize("settings", OTHER_NOISE.values(), ids=OTHER_NOISE)
def test_what_is_about_noise_changes_what_is_shown(settings):
    assert not torch.equal(seen(**settings), seen())


@pytest.mark.parametrize("settings", SAME_NOISE.values(), ids=SAME_NOISE)
def test_what_is_about_errors_leaves_what_is_shown(settings):
    assert torch.equal(seen(**settings), seen())
    assert not torch.equal(seen(step=1), seen())
