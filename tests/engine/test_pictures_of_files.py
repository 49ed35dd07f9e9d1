"""Every form of every kind of file, for every family: in ComfyUI's own loader it draws the picture
that the live adapter drew while it was trained.
"""

import re
from dataclasses import dataclass
from itertools import product
from types import SimpleNamespace
from typing import Any

import comfy.sample
import comfy.utils
import nodes
import numpy as np
import pytest
import torch
from comfy.sd import load_lora_for_models
from safetensors.torch import save_file

from atelier.tests import tiny
from atelier.tests.tiny.families import FAMILIES
from atelier.training.adapters.adapter import Adapter
from atelier.training.config import make_config
from atelier.training.host.family import naming
from atelier.training.host.forward import Denoiser
from atelier.training.host.mode import own_randomness, training_mode
from atelier.training.host.private import load, private_copy
from atelier.training.host.sample import paint
from atelier.training.save import Form

ALIKE = {"fp32": 2, "fp16": 2, "bf16": 6}  # of 255, as Save LoRA's help says
STEPS, GUIDANCE = 2, 3.0
STRONG = {  # what an adapter is moved by, if not by a fifth
    "aura-flow": 0.5,
    "ernie-image": 0.3,
    "lens": 0.4,
    "hidream": 0.1,
    "krea2": 0.1,
    "z-image-pixel": 0.1,
}
# Whose layers are named as another's here.
ALIKE_NAMED = re.compile("sd2$|inpainting|sdxl-|medium|schnell|fill|dit1|vega|koala-1b|unclip")
NAMES = [name for name in FAMILIES if not ALIKE_NAMED.search(name)]
KINDS = {
    "lora": {"adapter": "lora", "alpha": 2.6},
    "dora": {"adapter": "dora"},
    "loha": {"adapter": "loha"},
    "lokr": {"adapter": "lokr"},
    "everything": {"adapter": "lora", "targets": "all", "ranks": "attn = 2 / 1\nmlp|ff = 8"},
}
IN_DIFFUSERS = ("sd15", "sd2-v", "sdxl", "sd3", "flux-dev")  # and kinds that are LoRAs
PART = r"\.(alpha|dora_scale|(lora|hada|lokr)_\w+(\.weight)?)$"
UNETS = ("sd15", "sd2-v", "sdxl")  # where both forms are one file


@dataclass
class Eye:
    """Stands for a VAE, which tiny models have none of: three mixtures of the latent's channels.

    The first latent that it sees decides how bright pictures are, so that none is all black.
    """

    scale: float = 0.0

    def spacial_compression_encode(self) -> int:
        return 8

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        flat = latent.float().flatten(2)
        dice = torch.Generator().manual_seed(9)
        mix = torch.randn(3, flat.shape[1], generator=dice) / flat.shape[1] ** 0.5
        seen = (mix @ flat).unflatten(2, latent.shape[-2:]).movedim(1, -1)
        self.scale = self.scale or seen.std().item()
        return (0.5 + seen / (6 * self.scale)).clamp(0, 1)


@pytest.fixture(scope="module")
def wired(family):
    return FAMILIES[family].make()


def cases():
    """The four families that other programs know best in full, of the others LoRAs; all if long."""
    for family, (kind, settings) in product(NAMES, KINDS.items()):
        short = family in ("sd15", "sdxl", "sd3", "flux-dev") or kind == "lora"
        marks = [] if short else [pytest.mark.long]
        yield pytest.param(family, settings, id=f"{family}-{kind}", marks=marks)


def live(wired, settings, eye, strength, side):
    """The picture that a run would have drawn, and its adapter's file."""
    dice = torch.Generator().manual_seed(5)
    how: Any = SimpleNamespace(
        sample_steps=STEPS,
        sample_guidance=GUIDANCE,
        sample_sampler="euler",
        sample_scheduler="simple",
        sample_seed=1,
    )
    with training_mode(), private_copy(wired) as private, own_randomness(0):
        adapter = Adapter(private.model.diffusion_model, make_config(**{"rank": 4} | settings))
        for parameter in adapter.parameters():
            parameter.data += strength * torch.randn(parameter.shape, generator=dice).to(parameter)
        denoiser = Denoiser(private, load(private))
        prompts = [tiny.caption(wired, 1)], tiny.caption(wired, 2)
        (picture,) = paint(private, denoiser, eye, *prompts, side, how)
        return np.asarray(picture, np.float32), adapter.file_state(naming(private.model))


def native(wired, file, eye, side):
    """What Load LoRA, KSampler and VAE Decode give."""
    network = wired.model.diffusion_model
    with torch.inference_mode():
        if hasattr(network, "clear_kv_cache"):  # HiDream-O1 goes on with keys of another LoRA
            network.clear_kv_cache()
        patched, _ = load_lora_for_models(wired, None, file, 1.0, 0.0)
        assert patched
        latent = torch.zeros(1, 4, side // 8, side // 8)
        empty = comfy.sample.fix_empty_latent_channels(patched, latent)
        how = (1, STEPS, GUIDANCE, "euler", "simple")
        texts = tiny.caption(wired, 1), tiny.caption(wired, 2)
        (drawn,) = nodes.common_ksampler(patched, *how, *texts, {"samples": empty})
        return (255 * eye.decode(drawn["samples"])[0].numpy()).astype(np.uint8).astype(np.float32)


@pytest.mark.parametrize(("family", "settings"), list(cases()), scope="module")
def test_every_form_of_a_file_draws_what_the_live_adapter_drew(
    wired, family, settings, tmp_path, caplog
):
    eye: Any = Eye()
    side = 8 * FAMILIES[family].side
    drawn, state = live(wired, settings, eye, STRONG.get(family, 0.2), side)
    layers = {re.sub(PART, "", key) for key in state}
    assert layers and all(f"{layer}.alpha" in state for layer in layers)
    readers = ["comfyui"]
    if family in IN_DIFFUSERS and settings["adapter"] == "lora":
        readers.append("diffusers")
    for form in (Form(*how) for how in product(readers, ALIKE)):
        path = tmp_path / f"{form.reader}-{form.precision}.safetensors"
        save_file(form.of(state, type(wired.model).__name__), path)
        file: Any = comfy.utils.load_torch_file(str(path), safe_load=True)
        other_names = form.reader == "diffusers" and family not in UNETS
        assert other_names or file.keys() == state.keys()
        off = np.abs(native(wired, file, eye, side) - drawn)
        print(form, f"is off by {off.max():.0f} of 255")
        assert off.max() <= ALIKE[form.precision], form
    assert "not loaded" not in caplog.text
    moved = np.abs(native(wired, {}, eye, side) - drawn)
    print(family, settings, f"moved by {moved.max():.0f} of 255, {moved.mean():.1f} on average")
    assert moved.max() > 10
