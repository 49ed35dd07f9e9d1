"""The forward and the objective on ComfyUI's own models."""

from pathlib import Path

import pytest
import torch
from comfy.model_sampling import V_PREDICTION, ModelSamplingDiscrete
from comfy_extras.nodes_model_advanced import ModelSamplingSD3

from atelier.tests import tiny
from atelier.tests.tiny.families import FAMILIES
from atelier.training.adapters.adapter import Adapter
from atelier.training.config import make_config
from atelier.training.examples import Example
from atelier.training.host.forward import Denoiser
from atelier.training.host.mode import own_randomness, training_mode
from atelier.training.host.private import load, private_copy
from atelier.training.task import Task

MODELS = {"sd3": tiny.sd3, "sd15": tiny.unet}


@pytest.fixture(scope="module", params=MODELS)
def wired(request):
    return MODELS[request.param]()


def examples(wired, denoiser, count, tokens=lambda number: 77):
    channels = wired.model.latent_format.latent_channels
    dice = torch.Generator().manual_seed(3)
    latents = torch.randn(count, 1, channels, 8, 8, generator=dice).to(denoiser.device)
    return [
        Example(
            Path(f"{number}.png"),
            (64, 64),
            latent,
            denoiser.conditioning(tiny.caption(wired, number, tokens(number)), latent),
        )
        for number, latent in enumerate(latents)
    ]


def gradients(task, adapter, batch, noise, sigma, split):
    """Gradients of the mean loss, and how many network samples they took."""
    network = task.denoiser.model.diffusion_model
    seen = []
    hook = network.register_forward_pre_hook(lambda module, args: seen.append(len(args[0])))
    for parameter in adapter.parameters():
        parameter.grad = None
    parts = range(0, len(batch), split)
    for start in parts:
        part = slice(start, start + split)
        (task.loss(batch[part], noise[part], sigma[part]).sum() / len(batch)).backward()
    hook.remove()
    return [p.grad.clone() for p in adapter.parameters()], sum(seen)


def unsettle(adapter):
    """B starts at zero, and then A has no gradient: give B values so that all of it is tested."""
    dice = torch.Generator().manual_seed(5)
    for parameter in adapter.parameters():
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=dice).to(parameter)


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("tokens", ["same", "different"])
def test_a_batch_of_captions_has_the_gradient_of_its_samples_one_by_one(wired, count, tokens):
    lengths = (lambda n: 77) if tokens == "same" else (lambda n: 77 * (1 + n % 2))
    with training_mode(), private_copy(wired) as private:
        with own_randomness(0):
            adapter = Adapter(private.model.diffusion_model, make_config(rank=4, alpha=4))
        unsettle(adapter)
        denoiser = Denoiser(private, load(private))
        task = Task(denoiser, None, seed=0)
        batch = examples(wired, denoiser, count, lengths)
        noise = torch.randn(count, *batch[0].latent.shape[1:]).to(denoiser.device)
        sigma = denoiser.sigma(torch.linspace(0.2, 0.8, count, device=denoiser.device))
        whole, samples = gradients(task, adapter, batch, noise, sigma, split=count)
        single, _ = gradients(task, adapter, batch, noise, sigma, split=1)
    assert samples == count, "N captions must cost N network samples"
    for one, other in zip(whole, single, strict=True):
        assert one.abs().max() > 0
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)


def test_each_caption_goes_with_its_own_picture(wired):
    """Swapping two captions must change the loss of these two samples and of no other."""
    with training_mode(), private_copy(wired) as private, torch.no_grad():
        denoiser = Denoiser(private, load(private))
        task = Task(denoiser, None, seed=0)
        batch = examples(wired, denoiser, 3)
        noise = torch.randn(3, *batch[0].latent.shape[1:]).to(denoiser.device)
        sigma = denoiser.sigma(noise.new_tensor([0.3, 0.5, 0.7]))
        before = task.loss(batch, noise, sigma)
        swapped = [
            Example(batch[i].path, batch[i].size, batch[i].latent, batch[j].conditioning)
            for i, j in ((0, 1), (1, 0), (2, 2))
        ]
        after = task.loss(swapped, noise, sigma)
    assert not torch.isclose(before[:2], after[:2], rtol=1e-4).any()
    torch.testing.assert_close(before[2], after[2])


def test_the_raw_output_is_what_comfyui_denoises_with(wired):
    """`apply_model` on the wired model gives x0; ours gives the raw output it came from."""
    from comfy.sampler_helpers import convert_cond
    from comfy.samplers import process_conds

    with training_mode(), private_copy(wired) as private, torch.no_grad():
        denoiser = Denoiser(private, load(private))
        (example,) = examples(wired, denoiser, 1)
        sigma = denoiser.sigma(example.latent.new_tensor([0.6]))
        x_t = denoiser.noised(example.latent, torch.randn_like(example.latent), sigma)
        raw = denoiser.predict(x_t, sigma, [example.conditioning]).cpu()
        x_t, sigma = x_t.cpu(), sigma.cpu()
        native = wired.model
        conds = process_conds(
            native,
            x_t,
            {"positive": convert_cond(tiny.caption(wired, 0))},
            x_t.device,
            latent_image=x_t,
        )["positive"][0]["model_conds"]
        kwargs = {name: value.cond for name, value in conds.items()}
        denoised = native.apply_model(
            x_t, sigma, transformer_options={"cond_or_uncond": [0]}, **kwargs
        )
    torch.testing.assert_close(x_t - raw * sigma, denoised, rtol=1e-4, atol=1e-5)


def test_a_patched_shift_and_prediction_are_trained_with():
    shifted = ModelSamplingSD3().patch(tiny.sd3(), 7.0)[0]
    with training_mode(), private_copy(shifted) as private:
        denoiser = Denoiser(private, load(private))
        assert denoiser.sigma(torch.tensor([0.5])).item() == pytest.approx(7 * 0.5 / (1 + 6 * 0.5))

    velocity = tiny.unet().clone()
    sampling = type("Sampling", (ModelSamplingDiscrete, V_PREDICTION), {})(
        velocity.model.model_config
    )
    velocity.add_object_patch("model_sampling", sampling)
    with training_mode(), private_copy(velocity) as private:
        assert Denoiser(private, load(private)).prediction == "v"


def test_noise_levels_cover_the_whole_schedule(wired):
    with training_mode(), private_copy(wired) as private:
        denoiser = Denoiser(private, load(private))
        low, high = denoiser.sigma(torch.tensor([0.0, 1.0]))
        sampling = denoiser.sampling
    assert high == pytest.approx(sampling.sigma_max.item())
    assert low <= sampling.sigma_min.item() * 1.001


TOKENS = {  # of 64 x 64
    "sd15": 1024,
    "flux-dev": 1024,
    "flux2": 4096,
    "hunyuan-image": 4096,
    "chroma-radiance": 16,
    "ernie-image": 4096,
    "ideogram4": 4096,
    "hidream-o1": 4,
}


@pytest.mark.parametrize("name", [name for name in TOKENS if name in FAMILIES])
def test_patches_are_counted_as_the_network_makes_them(name):
    wired = FAMILIES[name].make()
    channels = wired.model.latent_format.latent_channels
    with training_mode(), private_copy(wired) as private:
        denoiser = Denoiser(private, load(private))
    assert denoiser.tokens(torch.zeros(1, channels, 64, 64)) == TOKENS[name]


def test_louder_noise_is_what_has_to_be_found():
    """As HiDream-O1's, in the ComfyUI that knows it; the target is x_t's own noise in any."""
    with training_mode(), private_copy(tiny.sd3()) as private:
        denoiser = Denoiser(private, load(private))
        denoiser.sampling.noise_scale = 8.0
        x0, noise = torch.randn(2, 1, 16, 8, 8)
        wanted = denoiser.target(x0, noise, torch.tensor([0.5]))
    torch.testing.assert_close(wanted, 8 * noise - x0)
