"""The targets against ComfyUI's own way back from a raw output to x0: an independent derivation."""

from itertools import pairwise

import comfy.model_sampling as sampling
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from atelier.training.objective import (
    huber_delta,
    loss_per_sample,
    refuse,
    resolution_shift,
    shifted,
    spread,
    target,
    timesteps,
    training_noise,
    weights,
)
from atelier.training.settings.objective import ObjectiveSettings

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


def dice():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize(
    ("settings", "flow", "middle_half"),
    [
        ({"timestep_sampling": "uniform"}, True, 0.5),
        ({"timestep_sampling": "auto"}, False, 0.5),
        ({"timestep_sampling": "auto"}, True, 0.728),
        ({"timestep_sampling": "logit_normal"}, False, 0.728),
        ({"timestep_sampling": "logit_normal", "logit_mean": 1.0}, False, 0.522),
        ({"timestep_sampling": "logit_normal", "logit_std": 0.5}, False, 0.972),
        ({"timestep_sampling": "mode", "mode_scale": 0.0}, True, 0.5),
        ({"timestep_sampling": "mode", "mode_scale": 1.29}, True, 0.7327),
        ({"timestep_sampling": "uniform", "timestep_min": 0.25, "timestep_max": 0.75}, True, 1.0),
    ],
)
def test_times_have_the_asked_distribution(settings, flow, middle_half):
    for even, off in ((None, 0.01), (spread(40_000, 3, 0.3), 0.001)):
        times = timesteps(ObjectiveSettings(**settings), flow, 40_000, dice(), even)
        assert times.min() >= 0 and times.max() <= 1
        share = ((times >= 0.25) & (times <= 0.75)).float().mean().item()
        assert share == pytest.approx(middle_half, abs=off)


@given(count=st.integers(1, 64), step=st.integers(0, 10**6), start=st.floats(0, 1))
def test_numbers_of_a_batch_are_evenly_apart(count, step, start):
    numbers = spread(count, step, start)
    assert [number * count - place for place, number in enumerate(numbers)] == pytest.approx(
        [0.5] * count, abs=0.5001
    )
    gaps = [after - before for before, after in pairwise(numbers)]
    assert gaps == pytest.approx([1 / count] * (count - 1), abs=3e-6)


@given(first=st.integers(0, 10**6), start=st.floats(0, 1))
def test_steps_of_one_picture_each_fill_the_range_evenly(first, start):
    """Whatever 21 steps are taken, no gap is wider than one and a half even ones."""
    numbers = sorted(number for step in range(21) for number in spread(1, first + step, start))
    around = [*numbers, numbers[0] + 1]
    assert max(after - before for before, after in pairwise(around)) < 1.5 / 21


def test_more_pixels_mean_more_noise():
    half = torch.tensor([0.5])
    assert shifted(half, resolution_shift(4096)).item() == pytest.approx(0.7595, abs=1e-3)
    assert shifted(half, resolution_shift(256)).item() == pytest.approx(0.6225, abs=1e-3)
    assert shifted(half, 1.0).item() == 0.5


@pytest.mark.parametrize("shape", [(3, 4, 32, 24), (2, 4, 1, 16, 16)])
def test_noise_has_the_asked_structure(shape):
    plain = training_noise(ObjectiveSettings(), shape, dice())
    assert torch.equal(plain, torch.randn(shape, generator=dice()))
    offset = training_noise(ObjectiveSettings(noise_offset=0.5), shape, dice()) - plain
    assert torch.allclose(offset.flatten(2).std(2), torch.zeros(shape[:2]), atol=1e-5)
    assert offset.flatten(2).mean(2).std() > 0.1
    coarse = training_noise(
        ObjectiveSettings(multires_noise=6, multires_discount=0.8), shape, dice()
    )
    assert torch.allclose(coarse.flatten(1).std(1), torch.ones(shape[0]), atol=1e-4)
    smooth = [
        (x[..., 1:] * x[..., :-1]).mean().item() / x.square().mean().item() for x in (plain, coarse)
    ]
    assert smooth[1] > smooth[0] + 0.1  # neighbours are alike


SIGMA = torch.tensor([0.1, 0.4, 1.0, 3.0, 10.0])


@pytest.mark.parametrize("prediction", ["eps", "v", "edm", "x0"])
def test_weights_are_the_papers(prediction):
    """The papers weigh errors in x0: snr times less than in eps, snr + 1 times less than in v."""
    snr = 1 / SIGMA**2
    of_x0 = {"eps": snr, "x0": 1}.get(prediction, snr + 1)
    found = {
        name: weights(name, 5.0, prediction, SIGMA) for name in ("min_snr", "soft_min_snr", "none")
    }
    assert torch.allclose(found["min_snr"] * of_x0, torch.minimum(snr, torch.tensor(5.0)))
    assert torch.allclose(found["soft_min_snr"] * of_x0, 1 / (1 / snr + 1 / 5))
    assert torch.equal(found["none"], torch.ones(5))
    debiased = weights("debiased", 5.0, prediction, SIGMA)
    assert torch.allclose(debiased, SIGMA if prediction == "eps" else 1 / (snr + 1))


def test_weights_of_flow_models():
    sigma = torch.tensor([0.1, 0.5, 0.9])
    assert torch.allclose(weights("sigma_sqrt", 5, "flow", sigma), 1 / sigma**2)
    assert weights("cosmap", 5, "flow", sigma)[1].item() == pytest.approx(4 / torch.pi)


@pytest.mark.parametrize(
    ("settings", "prediction"),
    [
        ({"weighting": "min_snr"}, "flow"),
        ({"weighting": "cosmap"}, "eps"),
        ({"timestep_shift": "resolution"}, "v"),
        ({"noise_offset": 0.1}, "flow"),
        ({"multires_noise": 3}, "flow"),
    ],
)
def test_what_has_no_meaning_for_a_model_is_refused(settings, prediction):
    (name,) = settings
    with pytest.raises(ValueError, match=f"{name} = .*is not for"):
        refuse(ObjectiveSettings(**settings), prediction)


def test_huber_is_square_for_small_errors_and_straight_for_large_ones():
    small, large = torch.full((1, 4), 1e-3), torch.full((1, 4), 100.0)
    zero, delta = torch.zeros(1, 4), torch.tensor([0.1])
    assert loss_per_sample(small, zero, "huber", delta).item() == pytest.approx(1e-6, rel=1e-2)
    assert loss_per_sample(large, zero, "huber", delta).item() == pytest.approx(20, rel=1e-2)
    assert loss_per_sample(large, zero, "l1").item() == 100


def test_hubers_delta_falls_with_noise():
    time, sigma = torch.tensor([0.0, 0.5, 1.0]), torch.tensor([0.0, 1.0, 1e6])
    assert huber_delta("constant", 0.1, time, sigma).tolist() == pytest.approx([0.1] * 3)
    assert huber_delta("exponential", 0.1, time, sigma).tolist() == pytest.approx(
        [1, 0.1**0.5, 0.1]
    )
    assert huber_delta("snr", 0.1, time, sigma).tolist() == pytest.approx([1, 0.325, 0.1], rel=1e-3)


def test_a_mask_counts_only_what_it_shows():
    predicted = torch.zeros(2, 3, 4, 4)
    predicted[:, :, :2] = 2.0
    mask = torch.zeros(2, 1, 4, 4)
    mask[0, :, :2], mask[1, :, :3] = 1.0, 1.0
    found = loss_per_sample(predicted, torch.zeros_like(predicted), mask=mask)
    assert found.tolist() == pytest.approx([4.0, 4 * 2 / 3])
