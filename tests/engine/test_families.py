"""One forward trains every image model that ComfyUI loads, in every precision it loads them in."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import comfy.ldm.modules.attention as attention
import comfy.model_management
import comfy.ops
import comfy.quant_ops
import comfy.samplers
import comfy.utils
import numpy as np
import pytest
import torch
from comfy.model_patcher import ModelPatcher
from comfy.sampler_helpers import convert_cond

from atelier.tests import tiny
from atelier.tests.tiny.families import FAMILIES
from atelier.tests.tiny.others import hunyuan_image, small_sdxl, stable_cascade_b
from atelier.training.adapters.adapter import Adapter
from atelier.training.adapters.targets import choose
from atelier.training.config import make_config
from atelier.training.host.family import caption_defaults
from atelier.training.host.forward import Denoiser
from atelier.training.host.inspect import inspect_adapter
from atelier.training.host.mode import own_randomness, training_mode
from atelier.training.host.precision import Precision, compute_in
from atelier.training.host.private import load, private_copy
from atelier.training.host.sample import paint


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    return FAMILIES[request.param]


@pytest.fixture(scope="module")
def wired(family):
    wired = family.make()
    assert type(wired.model.model_config).__name__ == family.config
    return wired


def latents(wired: ModelPatcher, side: int, count: int = 2) -> list[torch.Tensor]:
    shape = wired.model.latent_format
    frame = (1,) * (shape.latent_dimensions - 2)
    dice = torch.Generator().manual_seed(3)
    return [
        torch.randn(1, shape.latent_channels, *frame, side, side, generator=dice)
        for _ in range(count)
    ]


@dataclass(frozen=True)
class Training:
    denoiser: Denoiser
    adapter: Adapter
    learned: dict[str, torch.nn.Parameter]
    precision: Precision

    def unsettle(self) -> None:
        """B starts at zero, and then A has no gradient: give all of it values of the same seed."""
        dice = torch.Generator().manual_seed(5)
        for name, parameter in self.learned.items():
            scale = 0.05 if ".lora_B." in name else parameter.shape[1] ** -0.5
            parameter.data = scale * torch.randn(parameter.shape, generator=dice).to(parameter)

    def gradients(self, side: int, tokens: tuple[int, ...] = (77, 77), split: int = 2) -> Any:
        """By parameter, of the mean loss over pictures that each have a caption of so many tokens;
        `split` of them at a time."""
        wired = self.denoiser
        patcher: Any = wired.model.current_patcher
        x0 = [latent.to(wired.device) for latent in latents(patcher, side, len(tokens))]
        conds = [
            wired.conditioning(tiny.caption(patcher, number, count), x0[number])
            for number, count in enumerate(tokens)
        ]
        dice = torch.Generator().manual_seed(4)
        noise = [torch.randn(x.shape, generator=dice).to(x) for x in x0]
        sigma = wired.sigma(torch.linspace(0.3, 0.7, len(tokens), device=wired.device))
        for parameter in self.learned.values():
            parameter.grad = None
        for start in range(0, len(tokens), split):
            part = slice(start, start + split)
            clean, dirt = torch.cat(x0[part]), torch.cat(noise[part])
            noised = wired.noised(clean, dirt, sigma[part])
            with self.precision.autocast(wired.device):
                raw = wired.predict(noised, sigma[part], conds[part])
            error = raw.float() - wired.target(clean, dirt, sigma[part])
            (error.square().mean() * len(clean) / len(tokens)).backward()
        return {name: parameter.grad for name, parameter in self.learned.items()}


@contextmanager
def training(
    wired: ModelPatcher, compute: str = "auto", targets: str = "attention_mlp"
) -> Iterator[Training]:
    with training_mode(), private_copy(wired) as private:
        network = private.model.diffusion_model
        with own_randomness(0):
            adapter = Adapter(network, make_config(rank=2, targets=targets))
        denoiser = Denoiser(private, load(private))  # on some devices, in new parameters
        learned = {name: p for name, p in network.named_parameters() if p.requires_grad}
        assert learned and all("lora_" in name for name in learned)
        yield Training(denoiser, adapter, learned, compute_in(compute, denoiser, adapter))


def dead(gradients: dict[str, Any], part: str) -> list[str]:
    """Names of the `part`s of the adapter that have no gradient, or not a finite one."""
    return [
        name
        for name, gradient in gradients.items()
        if part in name
        and (gradient is None or not gradient.isfinite().all() or not gradient.abs().max() > 0)
    ]


def same(one: torch.Tensor, other: torch.Tensor, tolerance: float) -> None:
    """Equal up to a share of the largest value."""
    torch.testing.assert_close(one, other, rtol=0, atol=tolerance * other.abs().max().item())


def test_every_layer_learns_and_the_model_on_the_wire_does_not_change(wired, family):
    before = {name: tensor.clone() for name, tensor in wired.model.state_dict().items()}
    with training(wired) as run:
        at_first = run.gradients(family.side)
        run.unsettle()
        later = run.gradients(family.side)
        unreached = run.adapter.unreached()
    idle = re.compile(family.idle)
    assert [name for name in unreached if not idle.search(name)] == []
    assert family.idle == "^$" or unreached
    assert [name for name in dead(at_first, ".lora_B.") if not idle.search(name)] == []
    assert [name for name in dead(later, ".lora_") if not idle.search(name)] == []
    after = wired.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_under_autocast_every_layer_learns_about_the_same(wired, family):
    with training(wired) as run:
        run.unsettle()
        exact = run.gradients(family.side)
    with training(wired, "bf16") as run:
        run.unsettle()
        rough = run.gradients(family.side)
    one, other = (
        torch.cat([g.flatten() for name, g in found.items() if not re.search(family.idle, name)])
        for found in (exact, rough)
    )
    assert torch.cosine_similarity(one, other, dim=0) > 0.98
    assert not torch.equal(one, other)


@pytest.mark.parametrize("make", [tiny.unet, tiny.sd3, tiny.flux])
def test_weights_cast_once_are_those_that_autocast_makes_in_every_step(make, monkeypatch):
    wired = make()
    with training(wired, "bf16") as run:
        run.unsettle()
        once = run.gradients(8)
    monkeypatch.setattr("atelier.training.host.precision.cast_once", lambda *_: None)
    with training(wired, "bf16") as run:
        run.unsettle()
        always = run.gradients(8)
    assert all(torch.equal(once[name], gradient) for name, gradient in always.items())


@pytest.mark.parametrize("tokens", [(77, 77), (77, 40)], ids=["same", "different"])
def test_a_batch_has_the_gradient_of_its_samples_one_by_one(wired, family, tokens):
    if family.one_length and len(set(tokens)) > 1:
        pytest.skip("This family's captions all have 77 tokens.")
    with training(wired) as run:
        run.unsettle()
        whole = run.gradients(family.side, tokens)
        single = run.gradients(family.side, tokens, split=1)
    for name, gradient in single.items():
        if not re.search(family.idle, name):
            same(whole[name], gradient, 1e-3)


def test_the_raw_output_is_what_comfyui_denoises_with(wired, family):
    """The wired model's own x0, and the one that its sampling object makes of our raw output; of
    the output that we ask for it makes the clean latent."""
    native = wired.model
    with training_mode(), private_copy(wired) as private, torch.no_grad():
        denoiser = Denoiser(private, load(private))
        assert denoiser.prediction == family.prediction
        x0 = latents(wired, family.side, 1)[0].to(denoiser.device)
        caption = tiny.caption(wired, 0)
        sigma = denoiser.sigma(x0.new_tensor([0.6]))
        noise = torch.randn_like(x0)
        x_t = denoiser.noised(x0, noise, sigma)
        raw = denoiser.predict(x_t, sigma, [denoiser.conditioning(caption, x0)]).cpu()
        wanted = denoiser.target(x0, noise, sigma).cpu()
        x_t, level = x_t.cpu(), denoiser.level(sigma).cpu()
        denoised = apply(native, caption, x_t, level)
        ours = native.model_sampling.calculate_denoised(level, raw, x_t)
        perfect = native.model_sampling.calculate_denoised(level, wanted, x_t)
    same(ours, denoised, 1e-5)
    same(perfect, x0.cpu(), 1e-4)
    assert not torch.allclose(ours, x_t)


def test_noise_levels_cover_the_whole_schedule(wired):
    with training_mode(), private_copy(wired) as private:
        denoiser = Denoiser(private, load(private))
        times = torch.tensor([0.0, 1.0], device=denoiser.device)
        low, high = denoiser.level(denoiser.sigma(times))
        ends = wired.model.model_sampling
    assert high.item() == pytest.approx(ends.sigma_max.item())
    assert 0 <= low.item() <= ends.sigma_min.item() * 1.001


def apply(native: Any, caption: list, x_t: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """x0 as ComfyUI's samplers get it, at the guidance that training uses, and with no mask."""
    told = [[text, caption_defaults(native) | more] for text, more in caption]
    conds = comfy.samplers.process_conds(
        native,
        x_t,
        {"positive": convert_cond(told)},
        x_t.device,
        latent_image=torch.zeros_like(x_t),
    )["positive"][0]["model_conds"]
    tensors = {name: value.cond for name, value in conds.items()}
    return native.apply_model(x_t, sigma, transformer_options={"cond_or_uncond": [0]}, **tensors)


def test_a_distilled_model_is_trained_at_guidance_one_unless_the_caption_says_otherwise():
    wired = tiny.flux()
    with training_mode(), private_copy(wired) as private:
        denoiser = Denoiser(private, load(private))
        (x0,) = latents(wired, 8, 1)
        (text, more), *_ = tiny.caption(wired, 0)
        plain = denoiser.conditioning([[text, more]], x0)
        told = denoiser.conditioning([[text, more | {"guidance": 3.0}]], x0)
        asked = denoiser.conditioning([[text, more]], x0, guidance=2.5)
    assert plain["guidance"].cond.item() == 1
    assert told["guidance"].cond.item() == 3
    assert asked["guidance"].cond.item() == 2.5
    with pytest.raises(ValueError, match=r"guidance = 2\.5 is for models .* not for the SD3"):
        caption_defaults(tiny.sd3().model, 2.5)


# ---------------------------------------------------------------- layers that learn

# Not what stands before and behind them, nor PixArt's modulation of all blocks.
BLOCKS = re.compile(r"^(?!t_block)(language_model\.)?\w*(blocks?|layers|refiner)\.")
MODULATION = re.compile(
    r"(?i:adaln_modulation)|\.(\w+_)?mod(ulation|[CX]+)?\.|emb_layers|proj_(in|out)$"
    r"|norm\d\.linear$|skip_linear$|\.experts\."  # OmniGen2, Hunyuan-DiT, HiDream
    r"|\.mapper(_\w+)?$|param_generator$"  # Stable Cascade, Chroma Radiance
)


def test_attention_and_mlp_are_all_of_a_block_but_its_modulation(wired):
    linear = [
        name
        for name, module in wired.model.diffusion_model.named_modules()
        if isinstance(module, torch.nn.Linear) and BLOCKS.search(name)
    ]
    chosen = {what: set(choose(linear, what)) for what in ("attention", "attention_mlp")}
    left = set(linear) - chosen["attention_mlp"]
    assert [name for name in left if not MODULATION.search(name)] == []
    assert not any(MODULATION.search(name) for name in chosen["attention_mlp"])
    assert chosen["attention"] < chosen["attention_mlp"]


@pytest.mark.parametrize(
    ("targets", "theirs"),
    [
        ("subject_blocks", "up_blocks.0.attentions.0."),
        ("style_blocks", "up_blocks.0.attentions.1."),
    ],
)
def test_blocks_of_style_and_subject_are_those_of_the_paper(targets, theirs):
    """B-LoRA names them as diffusers does; ComfyUI says which of its own these are."""
    wired = tiny.sdxl()
    told = inspect_adapter(wired, make_config(rank=2, targets=targets))
    names = comfy.utils.unet_to_diffusers(wired.model.model_config.unet_config)
    wanted = {
        ours.removesuffix(".weight")
        for name, ours in names.items()
        if name.startswith(theirs) and name.endswith(".weight")
    }
    assert told.sizes and told.sizes.keys() <= wanted
    assert all(name in told.sizes for name in wanted if ".attn" in name)


def test_blocks_of_sdxl_are_not_looked_for_in_its_small_relatives():
    with pytest.raises(ValueError, match="is known for SDXL, not for SSD1B"):
        inspect_adapter(small_sdxl("SSD1B"), make_config(rank=2, targets="style_blocks"))


# ---------------------------------------------------------------- pictures beside the text

PICTURE_MODELS = {
    "sd15-edit": (lambda: tiny.unet(in_channels=8), "instruct-pix2pix"),
    "sdxl-edit": (lambda: tiny.sdxl(in_channels=8), "instruct-pix2pix"),
    "flux-control": (lambda: tiny.flux(channels=32), "Canny, Depth"),
    "cascade-b": (stable_cascade_b, "Stable Cascade stage B"),
}


@pytest.mark.parametrize("kind", PICTURE_MODELS)
def test_models_that_make_pictures_from_pictures_are_refused(kind):
    make, what = PICTURE_MODELS[kind]
    message = f"{what}.*wire the text-to-image"
    with pytest.raises(ValueError, match=message), training_mode(), private_copy(make()):
        pass


INPAINTING = ["sd15-inpainting", "sd2-inpainting", "sdxl-inpainting", "flux-fill"]


@pytest.mark.parametrize("kind", INPAINTING)
def test_an_inpainting_model_sees_what_it_sees_when_sampling_without_a_mask(kind):
    wired = FAMILIES[kind].make()
    with training_mode(), private_copy(wired) as private:
        denoiser = Denoiser(private, load(private))
        x0 = latents(wired, 8, 1)[0].to(denoiser.device)
        trained = denoiser.conditioning(tiny.caption(wired, 0), x0)["c_concat"].cond
    nothing = torch.zeros_like(x0)
    sampled = wired.model.concat_cond(noise=nothing, latent_image=nothing, device=x0.device)
    assert torch.equal(trained, sampled)


def test_an_upscaling_model_is_refused():
    """SD x4 upscaler: three more channels, for the picture that it makes larger."""
    wired = tiny.sd_x4()
    assert type(wired.model.model_config).__name__ == "SD_X4Upscaler"
    message = "upscaler.*wire the text-to-image"
    with pytest.raises(ValueError, match=message), training_mode(), private_copy(wired):
        pass


def test_a_model_that_is_told_where_the_next_step_ends_is_refused():
    """Hunyuan Image 2.1, distilled by mean flow."""
    wired = hunyuan_image(meanflow=True)
    message = "HunyuanImage21 distilled.*Wire the model that it was distilled from"
    with pytest.raises(ValueError, match=message), training_mode(), private_copy(wired):
        pass


# ---------------------------------------------------------------- sample pictures


# Of each kind of latent and of conditioning; the others in the long tier.
DRAWN = ("sd2-v", "sdxl-inpainting", "flux-dev", "flux2", "qwen-image", "pixart-alpha")


@pytest.mark.parametrize(
    "kind",
    [pytest.param(name, marks=() if name in DRAWN else pytest.mark.long) for name in FAMILIES],
)
def test_sample_pictures_are_drawn_in_every_family(kind):
    """And the network is back in training: the same gradients as before."""
    family = FAMILIES[kind]
    wired = family.make()
    vae: Any = SimpleNamespace(
        spacial_compression_encode=lambda: 8,
        decode=lambda latent: latent.flatten(0, -3)[:1].movedim(0, -1).expand(-1, -1, 3)[None],
    )
    side = 8 * family.side
    how = make_config(sample_steps=2, sample_guidance=2.0)
    with training(wired) as run:
        run.unsettle()
        before = run.gradients(family.side)
        prompts = [tiny.caption(wired, number) for number in (0, 1)]
        private = run.denoiser.model.current_patcher
        drawn = paint(private, run.denoiser, vae, prompts, tiny.caption(wired, 2), side, how)
        after = run.gradients(family.side)
    one, other = (np.asarray(picture) for picture in drawn)
    assert one.any() and not np.array_equal(one, other)
    for name, gradient in before.items():
        if not re.search(family.idle, name):
            same(after[name], gradient, 1e-6)


# ---------------------------------------------------------------- attention


def no_backward(q: Any, k: Any, v: Any, heads: int, *how: Any, **named: Any) -> torch.Tensor:
    """As sage attention: a result, and no gradient."""
    return attention.attention_pytorch(q, k, v, heads, *how, **named).detach()


@pytest.mark.parametrize("kind", ["sd15", "sd3", "flux-dev", "pixart-sigma"])
def test_attention_without_a_backward_is_replaced(kind, monkeypatch):
    family = FAMILIES[kind]
    wired = family.make()
    with training(wired) as run:
        run.unsettle()
        with_torch = run.gradients(family.side)
    for module in [m for name, m in sys.modules.items() if name.startswith("comfy.ldm.")]:
        for name in ("optimized_attention", "optimized_attention_masked"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, no_backward)
    patched = wired.clone()
    override = lambda original, *how, **named: no_backward(*how, **named)  # noqa: E731
    patched.model_options["transformer_options"]["optimized_attention_override"] = override
    with training(patched) as run:
        run.unsettle()
        with_other = run.gradients(family.side)
    assert attention.optimized_attention is no_backward
    for name, gradient in with_torch.items():
        assert torch.equal(with_other[name], gradient), name
