"""The quick drawing of measure/judging.py gives what KSampler and VAE Decode give."""

import pytest
import torch

TEXT = "a quazimba person with long pink hair, sunglasses, yellow background"


@pytest.fixture(scope="module")
def studio():
    from atelier.measure.judging_draw import Studio

    return Studio()


def test_text_is_encoded_as_clip_text_encode_does(studio):
    ((wanted, more),) = studio.base.conditioning(TEXT)
    ((found, others),) = studio.conditioning(TEXT)
    assert found.shape == wanted.shape
    torch.testing.assert_close(found, wanted, atol=5e-3, rtol=0)
    torch.testing.assert_close(others["pooled_output"], more["pooled_output"], atol=5e-3, rtol=0)


@torch.inference_mode()
def test_pictures_are_those_of_ksampler_and_vae_decode(studio):
    import comfy.sample
    from nodes import VAEDecode

    from atelier.measure.judging_draw import GUIDANCE, STEPS, noise_of

    noise = torch.stack([noise_of(7)])
    how = (STEPS, GUIDANCE, "euler", "simple")
    wanted = studio.base.conditioning(TEXT), studio.base.conditioning("")
    latents = comfy.sample.sample(
        studio.base.model, noise, *how, *wanted, torch.zeros_like(noise), disable_pbar=True
    )
    (native,) = VAEDecode().decode(studio.base.vae, {"samples": latents})
    apart = (studio.paint(None, [TEXT], [7]) / 255 - native[:, 4::8, 4::8]).abs()
    other = (studio.paint(None, [TEXT], [8]) / 255 - native[:, 4::8, 4::8]).abs()
    assert apart.mean() < 0.005  # bf16 and rounding
    assert other.mean() > 10 * apart.mean()
