"""There and back is the same file, and its effect is the same in every form."""

import itertools
import json

import pytest
import torch

from atelier.training.loras.convert import RECORD, Convert
from atelier.training.loras.layer import delta, dense
from atelier.training.loras.merge import Item, Merge
from atelier.training.loras.methods import Recipe
from atelier.training.loras.names import dotted

from .made import named, near, parts, random, wired

UNET = {  # by ComfyUI's names: the shape, and the kind
    "input_blocks.4.1.transformer_blocks.0.attn1.to_out.0": ((8, 8), "lora"),
    "input_blocks.4.1.transformer_blocks.0.attn2.to_k": ((8, 2048), "lora"),
    "input_blocks.4.1.transformer_blocks.1.ff.net.0.proj": ((16, 8), "lora"),
    "input_blocks.3.0.op": ((8, 6), "conv"),
    "input_blocks.4.0.in_layers.2": ((8, 6), "conv"),
    "input_blocks.4.0.skip_connection": ((8, 6), "lora"),
    "output_blocks.2.2.conv": ((8, 6), "conv"),
    "output_blocks.5.2.conv": ((8, 6), "conv"),
    "output_blocks.8.0.emb_layers.1": ((8, 6), "lora"),
    "middle_block.1.proj_in": ((8, 6), "lora"),
    "middle_block.2.out_layers.3": ((8, 6), "conv"),
    "time_embed.0": ((8, 6), "lora"),
    "label_emb.0.2": ((8, 6), "lora"),
    "input_blocks.0.0": ((8, 4), "conv"),
    "out.2": ((4, 8), "conv"),
}
FLUX = {
    "double_blocks.0.img_attn.qkv": ((24, 8), "lora"),
    "double_blocks.0.txt_attn.proj": ((8, 8), "lora"),
    "double_blocks.3.img_mlp.0": ((32, 8), "lora"),
    "single_blocks.12.linear1": ((56, 8), "lora"),
    "single_blocks.12.linear2": ((8, 40), "lora"),
    "final_layer.adaLN_modulation.1": ((16, 8), "lora"),
    "final_layer.linear": ((4, 8), "lora"),
    "img_in": ((8, 4), "lora"),
    "vector_in.in_layer": ((8, 6), "lora"),
}
SD3 = {
    "joint_blocks.0.x_block.attn.qkv": ((24, 8), "lora"),
    "joint_blocks.0.context_block.adaLN_modulation.1": ((16, 8), "lora"),
    "joint_blocks.1.x_block.attn2.proj": ((8, 8), "lora"),
    "context_embedder": ((8, 6), "lora"),
    "x_embedder.proj": ((8, 4), "conv"),
}
SD1 = {k: v for k, v in UNET.items() if "output_blocks.2" not in k and "_blocks.1.ff" not in k}
SD1 = {k: v for k, v in SD1.items() if "label_emb" not in k}
SD1["input_blocks.4.1.transformer_blocks.0.attn2.to_k"] = ((8, 768), "lora")
SD1["output_blocks.2.1.conv"] = ((8, 6), "conv")
NETWORKS = {"sdxl": UNET, "sd1": SD1, "flux": FLUX, "sd3": SD3}
TEXT = "text_model.encoder.layers.3.self_attn.out_proj"


def native(network, dtype=torch.float32, alpha=1.0, text=True):
    state: dict = {}
    for n, (layer, ((out, width), kind)) in enumerate(NETWORKS[network].items()):
        one = parts(kind, out, width, 2, random(n), alpha)
        state |= named(f"diffusion_model.{layer}", one)
    if text:
        numbers = "12" if network == "sdxl" else ("" if network == "sd1" else "1")
        for number in numbers or [""]:
            stem = f"lora_te{number}_{TEXT.replace('.', '_')}"
            state |= named(stem, parts("lora", 8, 8, 2, random(99), alpha))
    return {k: v if k.endswith("alpha") else v.to(dtype) for k, v in state.items()}


def converted(lora, form):
    work = Convert(lora, form)
    state = {key: tensor for step in work.steps for key, tensor in work.tensors(step)}
    out = wired(state)
    out.source.metadata = {RECORD: json.dumps(work.record)} if work.record else {}
    return out, state


def same(one, other):
    assert one.keys() == other.keys()
    for key, tensor in one.items():
        assert tensor.dtype == other[key].dtype, key
        assert torch.equal(tensor, other[key]), key


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("alpha", [2.0, 1.0, 3.0])
@pytest.mark.parametrize("way", list(itertools.permutations(["kohya", "comfyui", "diffusers"])))
@pytest.mark.parametrize("network", NETWORKS)
def test_there_and_back_is_the_same(network, way, alpha, dtype):
    if dtype == torch.float32 and alpha == 3.0:
        alpha = 4.0  # 3 / 2 rounds in fp32, as the module says
    lora, start = converted(wired(native(network, dtype, alpha)), way[0])
    if way[0] == "diffusers":
        lora = wired(start)  # a stranger's, without our record
    there, _ = converted(lora, way[1])
    on, _ = converted(there, way[2])
    _, back = converted(on, way[0])
    same(start, back)


@pytest.mark.parametrize("form", ["kohya", "diffusers"])
@pytest.mark.parametrize("network", NETWORKS)
def test_every_form_has_the_same_effect(network, form):
    """`Merge` knows all names: what the forms have between them is nothing."""
    lora = wired(native(network))
    other, _ = converted(lora, form)
    merge = Merge([Item(lora, 1, 1), Item(other, -1, -1)], Recipe("linear"))
    for layer in merge.layers:
        assert len(merge._slots[layer]) == 2, layer
        result = merge.result(layer)
        assert result
        factors = result.factors
        assert factors.dense().norm() < 1e-5 * factors.up.norm() * factors.down.norm()


def test_kohyas_names_are_those_that_programs_read():
    _, sd1 = converted(wired(native("sd1")), "kohya")
    assert "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.alpha" in sd1
    assert "lora_unet_up_blocks_0_upsamplers_0_conv.lora_down.weight" in sd1
    assert "lora_te_text_model_encoder_layers_3_self_attn_out_proj.lora_up.weight" in sd1
    _, sdxl = converted(wired(native("sdxl")), "kohya")
    assert "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_up.weight" in sdxl
    assert "lora_te2_text_model_encoder_layers_3_self_attn_out_proj.lora_up.weight" in sdxl
    _, flux = converted(wired(native("flux")), "kohya")
    assert "lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight" in flux


def test_diffusers_names_have_no_alpha():
    _, flux = converted(wired(native("flux", alpha=1.0)), "diffusers")
    assert not [key for key in flux if "alpha" in key]
    assert "transformer.transformer_blocks.0.attn.to_q.lora_A.weight" in flux
    assert "text_encoder.text_model.encoder.layers.3.self_attn.out_proj.lora_B.weight" in flux


@pytest.mark.parametrize("missing", [(), ("to_k",), ("to_q", "to_v")])
def test_strangers_parts_of_a_layer_become_one_and_come_back(missing):
    state: dict = {}
    for n, part in enumerate(("to_q", "to_k", "to_v")):
        if part not in missing:
            stem = f"transformer.transformer_blocks.0.attn.{part}"
            state |= named(stem, parts("lora", 8, 8, n + 1, random(n)))
    state |= named(
        "transformer.single_transformer_blocks.0.proj_out", parts("lora", 8, 40, 2, random(9))
    )
    lora = wired(state)
    there, _ = converted(lora, "comfyui")
    stem = "diffusion_model.double_blocks.0.img_attn.qkv"
    whole = dense(delta(there.layer(stem)))
    for n, part in enumerate(("to_q", "to_k", "to_v")):
        rows = whole[8 * n : 8 * (n + 1)]
        if part in missing:
            assert not rows.any()
        else:
            own = lora.layer(f"transformer.transformer_blocks.0.attn.{part}")
            assert near(rows, dense(delta(own))) < 1e-6
    by_kohya, _ = converted(there, "kohya")
    for one in (there, by_kohya):
        same(state, converted(one, "diffusers")[1])


def test_what_a_form_cannot_hold_is_refused_by_name():
    loha = named("diffusion_model.img_in", parts("loha", 8, 4, 2, random(0)))
    flux = native("flux") | loha
    flux = {k: v for k, v in flux.items() if not k.startswith("diffusion_model.img_in.lora")}
    with pytest.raises(ValueError, match=r"img_in is a loha"):
        converted(wired(flux), "diffusers")
    other = named("diffusion_model.blocks.0.self_attn.q", parts("lora", 8, 4, 2, random(0)))
    with pytest.raises(ValueError, match="is for another network"):
        converted(wired(other), "diffusers")
    with pytest.raises(ValueError, match="no form 'x'"):
        Convert(wired(other), "x")
    lora = wired(other)
    lora.source.metadata = {RECORD: '{"alphas": {"x": [1]}}'}
    with pytest.raises(ValueError, match="damaged"):
        Convert(lora, "kohya")


@pytest.mark.parametrize("kind", ["loha", "lokr", "mid", "conv"])
def test_other_kinds_are_renamed(kind):
    state = named("lora_unet_input_blocks_4_0_in_layers_2", parts(kind, 8, 6, 2, random(0), 1))
    there, _ = converted(wired(state), "comfyui")
    assert there.stems == ["diffusion_model.input_blocks.4.0.in_layers.2"]
    _, back = converted(there, "kohya")
    wanted = "lora_unet_down_blocks_1_resnets_0_conv1"
    same(
        {k.replace("lora_unet_input_blocks_4_0_in_layers_2", wanted): v for k, v in state.items()},
        back,
    )


def test_every_layer_of_every_family_is_found_behind_kohyas_underscores():
    from atelier.tests import tiny

    for make in (tiny.sd3, tiny.unet, tiny.sdxl, tiny.flux, tiny.lumina2, tiny.z_image):
        network = make().model.diffusion_model
        names = [
            n
            for n, m in network.named_modules()
            if isinstance(m, torch.nn.Linear | torch.nn.Conv2d)
        ]
        assert names
        for name in names:
            assert dotted(name.replace(".", "_")) == name
