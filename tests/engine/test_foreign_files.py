"""LoRAs as other programs name them, gone on from: the network gives what it gave."""

import pytest
import torch

from atelier.tests import tiny
from atelier.training.adapters.diffusers_names import for_diffusers, unet_layer

from .test_adapters import live, loaded, near

WHOLE = {"adapter": "lora", "alpha": 2.6}


def native(file):
    """Our layers with down, up and alpha, whatever the family's own file calls them."""
    parts = {}
    for key, value in file.items():
        stem, _, part = key.removesuffix(".weight").rpartition(".")
        name = {"lora_A": "down", "lora_down": "down", "lora_B": "up", "lora_up": "up"}
        parts.setdefault(stem, {})[name.get(part, part)] = value
    return parts


def kohya_of_a_transformer(wired):
    """`lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight`, as sd-scripts writes it."""
    now, file, _ = live(wired, WHOLE)
    out = {}
    for stem, parts in native(file).items():
        name = "lora_unet_" + stem.removeprefix("diffusion_model.").replace(".", "_")
        out |= {f"{name}.lora_{side}.weight": parts[side] for side in ("down", "up")}
        out[f"{name}.alpha"] = parts["alpha"]
    return now, out


def diffusers_of_a_transformer(wired):
    """`transformer.….to_q.lora_A.weight`: three adapters where ComfyUI has one layer; the last
    norm's rows are the other way round there."""
    now, file, _ = live(wired, WHOLE | {"targets": "all"})
    assert any("final_layer.adaLN_modulation" in key for key in file)
    return now, for_diffusers(file, type(wired.model).__name__)


def peft_of_a_unet(wired):
    """`unet.down_blocks.….to_q.lora_A.weight` without an alpha, as diffusers' scripts write it."""
    now, _, adapter = live(wired, {"adapter": "lora", "rank": 4})
    blocks = wired.model.model_config.unet_config["num_res_blocks"][0]
    out = {}
    for name, value in adapter.state().items():
        layer, part = name.rsplit(".lora_", 1)
        out[f"unet.{unet_layer(layer, blocks)}.lora_{part}"] = value.clone()
    assert any(".to_out.0." in key for key in out)
    return now, out


def kohya_without_alpha(wired):
    """Old files have none: it then is the rank."""
    now, file, _ = live(wired, {"adapter": "lora"})
    return now, {key: value for key, value in file.items() if not key.endswith(".alpha")}


FILES = {
    "kohya-flux": (tiny.flux, kohya_of_a_transformer),
    "kohya-sd3": (lambda: tiny.sd3(depth=2), kohya_of_a_transformer),
    "diffusers-flux": (tiny.flux, diffusers_of_a_transformer),
    "diffusers-sd3": (lambda: tiny.sd3(depth=2), diffusers_of_a_transformer),
    "peft-sd15": (tiny.unet, peft_of_a_unet),
    "peft-sdxl": (tiny.sdxl, peft_of_a_unet),
    "kohya-sd15": (tiny.unet, kohya_without_alpha),
    "kohya-sdxl": (tiny.sdxl, kohya_without_alpha),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_of_another_program_is_gone_on_from(kind):
    make, written = FILES[kind]
    wired = make()
    theirs, file = written(wired)
    plain = loaded(wired, {})
    assert near(theirs, plain) > 1e-3
    again, ours, _ = live(wired, {"rank": 99}, start=file, moved=False)
    assert near(again - plain, theirs - plain) < 1e-3
    assert near(loaded(wired, ours) - plain, theirs - plain) < 1e-3
    assert all(torch.isfinite(value).all() for value in ours.values())
