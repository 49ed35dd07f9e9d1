"""LoHa and LoKr as LyCORIS names and cuts them: gone on from, or refused with the reason."""

import re

import pytest
import torch
from torch import nn

from atelier.tests import tiny
from atelier.tests.loras.made import near, parts, random, reference
from atelier.training.adapters.adapter import Adapter
from atelier.training.config import make_config
from atelier.training.host.family import naming
from atelier.training.host.lora_file import start_from
from atelier.training.host.mode import own_randomness, training_mode
from atelier.training.host.private import private_copy

from .test_adapters import live, loaded
from .test_adapters import near as apart

RANK = 3


def lycoris(wired, kind, wanted, stem=""):
    """Random LoHas or LoKrs on the layers that `wanted` finds: 3x3 convolutions with Tucker cores.

    By layer, and as a file; `stem` begins its names, if they are not those of the model's family.
    """
    own, file = {}, {}
    for name, module in wired.model.diffusion_model.named_modules():
        if not (isinstance(module, (nn.Linear, nn.Conv2d)) and re.search(wanted, name)):
            continue
        out, width, *kernel = module.weight.shape
        if kernel not in ([], [3, 3]):
            continue
        cut = f"{kind}_core" if kernel else kind
        made = parts(cut, out, width, RANK, random(len(own)))
        own[name] = cut, {part: 0.3 * value for part, value in made.items()}
        for part, value in (own[name][1] | {"alpha": torch.tensor(2.0)}).items():
            whole = f"{stem}{name.replace('.', '_')}.{part}"
            file[whole if stem else naming(wired.model).key(name, part)] = value.clone()
    return own, file


CASES = {
    "unet": (tiny.unet, "input_blocks|middle_block", ""),
    "sdxl": (tiny.sdxl, r"output_blocks\.1\.", ""),
    "flux": (tiny.flux, "double_blocks|single_blocks", "lora_unet_"),
    "sd3": (lambda: tiny.sd3(depth=2), "joint_blocks", "lora_unet_"),
}


@pytest.mark.parametrize(
    ("family", "kind"),
    [("unet", "loha"), ("sdxl", "loha"), ("flux", "loha"), ("flux", "lokr"), ("sd3", "lokr")],
)
def test_a_file_of_lycoris_is_gone_on_from(family, kind):
    make, wanted, stem = CASES[family]
    wired = make()
    own, file = lycoris(wired, kind, wanted, stem)
    assert all(key.startswith("lora_unet_") for key in file)
    cores = [key for key in file if key.endswith("hada_t1")]
    assert bool(cores) is (family in ("unet", "sdxl"))
    plain, theirs = loaded(wired, {}), loaded(wired, file)
    assert apart(theirs, plain) > 1e-2
    again, ours, adapter = live(wired, {"rank": 99}, start=file, moved=False)
    assert adapter.kind == kind and adapter.sizes.keys() == own.keys()
    assert apart(again - plain, theirs - plain) < 1e-3
    assert apart(loaded(wired, ours) - plain, theirs - plain) < 1e-3
    assert {key.rpartition(".")[2] for key in ours} == {key.rpartition(".")[2] for key in file}


def test_a_tucker_core_gets_the_gradient_of_the_formula():
    """With peft's own backward (0.21) two of its six matrices get another."""
    wired = tiny.unet()
    own, file = lycoris(wired, "loha", r"input_blocks\.1\.0\.(in|out)_layers|input_blocks\.1\.1\.")
    assert {cut for cut, _ in own.values()} == {"loha", "loha_core"}
    with training_mode(), private_copy(wired) as private:
        network = private.model.diffusion_model
        Adapter(network, make_config(), "", start_from(file, private.model))
        for name, (cut, tensors) in own.items():
            module = network.get_submodule(name)
            delta = module.get_delta_weight("default")
            ahead = torch.randn(delta.shape, generator=random(1))
            (delta * ahead).sum().backward()
            wanted = {part: value.double().requires_grad_() for part, value in tensors.items()}
            effect = reference(cut, wanted | {"alpha": torch.tensor(2.0)}, RANK)
            (effect * ahead.flatten(1)).sum().backward()
            for part, value in wanted.items():
                assert near(getattr(module, part)["default"].grad, value.grad) < 1e-4, (name, part)


def test_a_tucker_core_drops_whole_rows_as_peft_does():
    wired = tiny.unet()
    own, file = lycoris(wired, "loha", r"input_blocks\.1\.0\.in_layers")
    ((name, (cut, tensors)),) = own.items()
    whole = reference(cut, tensors | {"alpha": torch.tensor(2.0)}, RANK)
    with training_mode(), private_copy(wired) as private, own_randomness(0):
        network = private.model.diffusion_model
        Adapter(network, make_config(dropout=0.5), "", start_from(file, private.model))
        module = network.get_submodule(name)
        delta = module.get_delta_weight("default", apply_rank_dropout=True).flatten(1)
    kept = delta.any(1)
    assert 0.2 < kept.float().mean() < 0.8
    assert near(delta[kept], whole[kept] / kept.double().mean()) < 1e-5


def test_a_lokr_with_a_tucker_core_is_refused():
    """ComfyUI 0.3.75 cannot apply one either: it logs an error and leaves the layer as it was."""
    wired = tiny.unet()
    name = "input_blocks.1.0.in_layers.2"
    out, width, *_ = wired.model.diffusion_model.get_parameter(f"{name}.weight").shape
    made = parts("lokr_core", out, width, RANK, random(0), alpha=2)
    file = {naming(wired.model).key(name, part): value for part, value in made.items()}
    with pytest.raises(ValueError, match=r"Tucker core \(lokr_t2\) for input_blocks.*use_tucker"):
        live(wired, {}, start=file)


PARTED = {
    "flux": (tiny.flux, ("transformer_blocks_0_attn_to_q", "norm_out_linear")),
    "sd3": (lambda: tiny.sd3(depth=2), ("transformer_blocks_0_attn_to_v", "norm_out_linear")),
}


@pytest.mark.parametrize(("family", "kind"), [("flux", "lokr"), ("sd3", "loha")])
def test_what_lycoris_has_on_parts_of_a_layer_is_refused(family, kind):
    """As SimpleTuner writes it, which trains diffusers' network: `lycoris_transformer_blocks_…`."""
    make, names = PARTED[family]
    wired = make()
    width = wired.model.diffusion_model.final_layer.linear.in_features
    for name in names:
        out = width * (2 if "norm" in name else 1)
        made = parts(kind, out, width, RANK, random(0), alpha=2)
        file = {f"lycoris_{name}.{part}": value for part, value in made.items()}
        assert apart(loaded(wired, file), loaded(wired, {})) > 1e-4  # ComfyUI reads it
        layer = "qkv" if "attn" in name else "final_layer"
        with pytest.raises(ValueError, match=rf"has a {kind} for .*{layer}.* Only a plain LoRA"):
            live(wired, {}, start=file)


def test_what_lycoris_has_on_whole_layers_goes_on_under_diffusers_names():
    wired = tiny.flux()
    network = wired.model.diffusion_model
    layers = {
        "transformer_blocks_0_attn_to_out_0": network.double_blocks[0].img_attn.proj,
        "transformer_blocks_0_ff_net_0_proj": network.double_blocks[0].img_mlp[0],
        "single_transformer_blocks_0_proj_out": network.single_blocks[0].linear2,
    }
    file = {}
    for name, layer in layers.items():
        out, into = layer.weight.shape
        made = parts("lokr", out, into, RANK, random(len(file)), alpha=2)
        file |= {f"lycoris_{name}.{part}": value for part, value in made.items()}
    plain, theirs = loaded(wired, {}), loaded(wired, file)
    again, _, adapter = live(wired, {}, start=file, moved=False)
    assert len(adapter.sizes) == len(layers) and apart(theirs, plain) > 1e-2
    assert apart(again - plain, theirs - plain) < 1e-3
