"""Our files, read by diffusers' `load_lora_weights`, move the output as they do in ComfyUI."""

import inspect
import re

import comfy.sd
import comfy.utils
import pytest
import torch
from diffusers.pipelines.flux.pipeline_flux import FluxPipeline
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3 import (
    StableDiffusion3Pipeline,
)
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import (
    StableDiffusionXLPipeline,
)
from safetensors.torch import save_file

from atelier.tests import peers, tiny
from atelier.training.adapters.adapter import Adapter
from atelier.training.adapters.diffusers_names import (
    for_diffusers,
    transformer_layers,
    unet_layer,
)
from atelier.training.config import make_config
from atelier.training.host.family import naming
from atelier.training.host.mode import own_randomness, training_mode
from atelier.training.host.private import private_copy

TOLERANCE = 1e-3  # |a - b| / |b|
NAME = "lora.safetensors"
FAMILIES = {
    "sd15": (tiny.unet, StableDiffusionPipeline),
    "sdxl": (tiny.sdxl, StableDiffusionXLPipeline),
    "sd3": (lambda: tiny.sd3(depth=2, self_attention=True), StableDiffusion3Pipeline),
    "flux": (tiny.flux, FluxPipeline),
}
SETTINGS = {
    "usual": {"targets": "attention_mlp"},
    "everything": {"targets": "all"},
    "many ranks": {"targets": "attention_mlp", "ranks": "attn1|img_attn|x_block = 2 / 1\nff = 8"},
}


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def wired(family):
    return FAMILIES[family][0]()


def adapter_file(wired, settings):
    """A LoRA with random contents as the trainer writes it; alpha is not the rank."""
    dice = torch.Generator().manual_seed(7)
    with training_mode(), private_copy(wired) as private:
        with own_randomness(0):
            config = make_config(rank=4, alpha=2.6, **settings)
            adapter = Adapter(private.model.diffusion_model, config)
        for parameter in adapter.parameters():
            parameter.data = 0.1 * torch.randn(parameter.shape, generator=dice)
        return adapter.file_state(naming(private.model))


def pipeline(family, network, **more):
    """A diffusers pipeline with nothing in it but the network and `more`."""
    kind = FAMILIES[family][1]
    parameters = inspect.signature(kind.__init__).parameters.values()
    parts = {p.name: None for p in parameters if p.default is p.empty and p.name != "self"}
    name = "transformer" if "transformer" in parts else "unet"
    return kind(**parts | {name: network} | more)


def inputs(wired, family):
    dice = torch.Generator().manual_seed(2)
    channels = wired.model.latent_format.latent_channels
    x = torch.randn(2, channels, 8, 8, generator=dice)
    time = torch.tensor([0.3, 0.8])
    return x, time if family in ("sd3", "flux") else (time * 1000).long(), peers.texts(wired, 2)


def moved_in_diffusers(wired, family, folder, given):
    """The output of the same network in diffusers, and what the file in `folder` adds to it."""
    peer = peers.build(wired)
    pipe = pipeline(family, peer.network)
    with torch.no_grad():
        before = peer(*given)
        pipe.load_lora_weights(str(folder), weight_name=NAME)
        return before, peer(*given) - before


def moved_in_comfyui(wired, file, given):
    """The same in ComfyUI."""
    patched, _ = comfy.sd.load_lora_for_models(wired, None, file, 1.0, 0.0)
    assert patched
    before = peers.native(wired, *given)
    return before, peers.native(patched, *given) - before


def apart(one, other):
    return ((one - other).norm() / other.norm()).item()


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_file_moves_the_output_the_same_way_in_both(wired, family, settings, tmp_path, caplog):
    native = adapter_file(wired, settings)
    save_file(for_diffusers(native, type(wired.model).__name__), tmp_path / NAME)
    given = inputs(wired, family)
    their_start, theirs = moved_in_diffusers(wired, family, tmp_path, given)
    start, ours = moved_in_comfyui(wired, comfy.utils.load_torch_file(str(tmp_path / NAME)), given)
    _, meant = moved_in_comfyui(wired, native, given)
    print(family, settings, f"moved by {meant.norm() / start.norm():.2f}, ", end="")
    print(f"diffusers is off by {apart(theirs, meant):.1e}, ComfyUI by {apart(ours, meant):.1e}")
    assert "not loaded" not in caplog.text
    assert apart(their_start, start) < TOLERANCE
    assert apart(theirs, meant) < TOLERANCE
    assert apart(ours, meant) < TOLERANCE
    assert meant.norm() > 0.01 * start.norm()


@pytest.mark.parametrize("kind", ["dora", "loha", "lokr"])
def test_what_diffusers_would_make_something_else_of_is_refused(wired, kind):
    native = adapter_file(wired, {"adapter": kind})
    assert any(key.endswith(("dora_scale", "hada_w1_a", "lokr_w1")) for key in native)
    with pytest.raises(ValueError, match=r"'diffusers' is for adapter = 'lora' alone on .*'comfy"):
        for_diffusers(native, type(wired.model).__name__)


def test_text_encoders_are_left_to_the_families_where_diffusers_reads_them(wired, family):
    native = adapter_file(wired, {})
    text = {f"lora_te1_x.{part}": torch.ones(1) for part in ("lora_down.weight", "lora_up.weight")}
    name = type(wired.model).__name__
    if family in ("sd15", "sdxl"):
        assert for_diffusers(native | text, name).keys() == (native | text).keys()
    else:
        with pytest.raises(ValueError, match=rf"no names for the text encoders' part .*{name}"):
            for_diffusers(native | text, name)


UNETS = {
    "sd15": {"transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0], "channel_mult": [1, 2, 4, 4]},
    "sdxl": {"transformer_depth": [0, 0, 2, 2, 10, 10], "channel_mult": [1, 2, 4]},
}


@pytest.mark.parametrize("name", UNETS)
def test_unet_layers_are_called_as_comfyui_says_that_diffusers_calls_them(name):
    levels = len(UNETS[name]["channel_mult"])
    config = {
        **UNETS[name],
        "num_res_blocks": [2] * levels,
        "transformer_depth_output": [
            d for d in UNETS[name]["transformer_depth"][::2] for _ in "123"
        ],
        "transformer_depth_middle": 1,
    }
    # ComfyUI's table has samplers for the last level too, where there are none.
    other = re.compile(rf"norm|class_embedding|_blocks\.{levels - 1}\.(down|up)samplers")
    table = comfy.utils.unet_to_diffusers(config)
    names = {k: v for k, v in table.items() if k.endswith(".weight") and not other.search(k)}
    assert len(names) > 200
    for theirs, ours in names.items():
        assert f"{unet_layer(ours.removesuffix('.weight'))}.weight" == theirs


TRANSFORMERS = {
    "sd3": (comfy.utils.mmdit_to_diffusers, {"depth": 24}, 24 * 64),
    "flux": (
        comfy.utils.flux_to_diffusers,
        {"depth": 19, "depth_single_blocks": 38, "hidden_size": 3072},
        3072,
    ),
}


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformer_layers_are_parted_as_comfyui_says_that_diffusers_parts_them(name):
    table, config, width = TRANSFORMERS[name]
    parts: dict[str, dict[int, str]] = {}
    for theirs, place in table(config).items():
        if theirs.endswith(".weight") and not re.search(r"norm_(added_)?[qk]|controlnet", theirs):
            ours, offset, *_ = (place, None) if isinstance(place, str) else place
            rows = parts.setdefault(ours.removesuffix(".weight"), {})
            # the first: newer tables go on with LyCORIS's names for the same layers
            rows.setdefault(offset[1] if offset else 0, theirs.removesuffix(".weight"))
    assert len(parts) > 200
    for ours, rows in parts.items():
        assert transformer_layers(ours, name) == tuple(rows[start] for start in sorted(rows))
        assert sorted(rows) == [i * width for i in range(len(rows))]


def test_a_layer_without_a_name_in_diffusers_is_told():
    with pytest.raises(ValueError, match="distilled_guidance_layer"):
        transformer_layers("distilled_guidance_layer.in_proj", "flux")
    with pytest.raises(ValueError, match=r"middle_block\.0\.sideways"):
        unet_layer("middle_block.0.sideways")
