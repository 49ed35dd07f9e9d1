"""The targets against ComfyUI's own way back from a raw output to x0: an independent derivation."""

import comfy.model_sampling as sampling
import pytest
import torch

from atelier.training.objective import loss_per_sample, target, timesteps

CASES = {
    "eps": (sampling.EPS, sampling.ModelSamplingDiscrete),
    "v": (sampling.V_PREDICTION, sampling.ModelSamplingDiscrete),
    "edm": (sampling.EDM, sampling.ModelSamplingContinuousEDM),
    "flow": (sampling.CONST, sampling.ModelSamplingDiscreteFlow),
}


@pytest.mark.parametrize("prediction", CASES)
def test_a_perfect_prediction_is_denoised_to_the_clean_latent(prediction):
    kind, schedule = CASES[prediction]
    model_sampling = type("Sampling", (schedule, kind), {})()
    x0, noise = torch.randn(2, 6, 4, 8, 8, dtype=torch.float64).unbind()
    sigma = torch.linspace(0.05, 0.95, 6, dtype=torch.float64)
    x_t = model_sampling.noise_scaling(sigma, noise.clone(), x0)
    perfect = target(prediction, x0, noise, sigma)
    assert torch.allclose(model_sampling.calculate_denoised(sigma, perfect, x_t), x0, atol=1e-9)


def test_x0_is_its_own_target():
    x0 = torch.randn(2, 4, 8, 8)
    assert target("x0", x0, torch.randn_like(x0), torch.ones(2)) is x0


def test_the_loss_is_a_mean_over_each_sample_alone():
    wanted = torch.zeros(3, 2, 4, 4)
    predicted = torch.stack([torch.full((2, 4, 4), value) for value in (0.0, 1.0, 2.0)])
    assert loss_per_sample(predicted, wanted).tolist() == [0.0, 1.0, 4.0]


@pytest.mark.parametrize(("sampling", "middle_half"), [("uniform", 0.5), ("logit_normal", 0.728)])
def test_times_have_the_asked_distribution(sampling, middle_half):
    times = timesteps(sampling, 40_000, torch.Generator().manual_seed(0))
    assert times.min() > 0 and times.max() < 1
    share = ((times > 0.25) & (times < 0.75)).float().mean().item()
    assert share == pytest.approx(middle_half, abs=0.01)
