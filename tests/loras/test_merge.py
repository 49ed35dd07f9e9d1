"""Merging files of all kinds, ranks and names, against a dense reference in float64."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from atelier.training.adapters.diffusers_names import transformer_state
from atelier.training.loras.layer import delta, dense
from atelier.training.loras.merge import Item, Merge
from atelier.training.loras.methods import METHODS, SUMS, Recipe, merged
from atelier.training.loras.names import parse
from atelier.training.loras.result import add
from atelier.training.loras.sink import writing
from atelier.training.loras.source import Lora, TensorFile

from .made import LINEAR, named, near, parts, random, reference, wired

# The same layer of an SDXL, as each program names it.
STEMS = {
    "kohya": "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q",
    "kohya-diffusers": "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q",
    "comfyui": "diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_q",
    "diffusers": "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q",
    "lycoris": "lycoris_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q",
    "old": "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_q",
}
PAIRS = list(itertools.combinations_with_replacement(LINEAR, 2))


def items(*loras, weights=(0.7, 0.5, -0.3)):
    return [Item(lora, by, by) for lora, by in zip(loras, weights, strict=False)]


def only(merge):
    assert len(merge.layers) == 1, merge.layers
    result = merge.result(merge.layers[0])
    assert result
    return result


@how(max_examples=150)
@given(
    st.sampled_from(METHODS),
    st.sampled_from(PAIRS),
    st.tuples(st.sampled_from(sorted(STEMS)), st.sampled_from(sorted(STEMS))),
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    st.integers(1, 16),
    st.integers(0, 999),
)
def test_every_method_kind_pair_name_and_rank_agrees_with_float64(
    method, kinds, stems, ranks, rank, seed
):
    made = [
        parts(kind, 16, 12, own, random(seed + n), 1.5 + n)
        for n, (kind, own) in enumerate(zip(kinds, ranks, strict=True))
    ]
    files = [wired(named(STEMS[by], one)) for by, one in zip(stems, made, strict=True)]
    recipe = Recipe(method, rank, 0.6, 0.2, seed)
    merge = Merge(items(*files), recipe)
    result = only(merge)
    # In float32 where chance or an order decides, which rounding could turn.
    exact = [reference(k, one, r) for k, one, r in zip(kinds, made, ranks, strict=True)]
    if method not in SUMS:
        exact = [dense(delta(f.layer(f.stems[0]))) for f in files]
    want = dense(merged(exact, [0.7, 0.5], recipe, recipe.dice(merge.layers[0]))).double()
    values = torch.linalg.svdvals(want)
    least = float(values[rank:].square().sum().sqrt() / values.square().sum().sqrt())
    off = near(result.factors.dense(), want)
    assert result.factors.rank <= rank
    assert off <= least * 1.01 + 1e-5
    assert result.error == pytest.approx(off, abs=2e-3)


@given(
    st.lists(st.sampled_from(LINEAR), min_size=1, max_size=3),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_a_linear_merge_of_no_rank_is_exact(kinds, rank, seed):
    made = [parts(kind, 16, 12, rank, random(seed + n), 3) for n, kind in enumerate(kinds)]
    files = [wired(named("lora_unet_x", one)) for one in made]
    result = only(Merge(items(*files), Recipe("linear")))
    exact = [reference(kind, one, rank) for kind, one in zip(kinds, made, strict=True)]
    want = sum(by * one for by, one in zip((0.7, 0.5, -0.3), exact, strict=False))
    assert near(result.factors.dense(), want) < 1e-5
    assert result.factors.rank <= 12


@pytest.mark.parametrize("kind", ["conv", "mid"])
def test_convolutions_keep_their_kernel(kind):
    made = [parts(kind, 8, 6, 2, random(n)) for n in range(2)]
    files = [wired(named("lora_unet_x", one)) for one in made]
    result = only(Merge(items(*files), Recipe("svd", 3)))
    tensors = dict(result.tensors(torch.float16))
    assert tensors["lora_unet_x.lora_down.weight"].shape == (3, 6, 3, 3)
    assert tensors["lora_unet_x.lora_up.weight"].shape == (8, 3, 1, 1)
    assert tensors["lora_unet_x.alpha"] == 3
    want = 0.7 * reference(kind, made[0], 2) + 0.5 * reference(kind, made[1], 2)
    assert near(result.factors.dense(), want) <= result.error + 1e-4


def flux_pair():
    """A Flux LoRA as ComfyUI has it, and as diffusers has it."""
    layers = {
        "double_blocks.0.img_attn.qkv": (24, 8),
        "single_blocks.1.linear1": (56, 8),
        "final_layer.adaLN_modulation.1": (16, 8),
        "img_in": (8, 4),
    }
    made = {
        layer: parts("lora", out, width, 2, random(n), 2)
        for n, (layer, (out, width)) in enumerate(layers.items())
    }
    native: dict = {}
    for layer, one in made.items():
        native |= named(f"diffusion_model.{layer}", one)
    lora = {layer: (one["down"], one["up"], 2.0) for layer, one in made.items()}
    return native, transformer_state(lora, "flux")


def whole(results):
    """Deltas by stem."""
    return {result.stem: result.factors.dense() for result in results}


@pytest.mark.parametrize("swap", [False, True])
def test_diffusers_parts_of_a_layer_meet_the_whole_one(swap):
    native, theirs = (wired(state) for state in flux_pair())
    files = (theirs, native) if swap else (native, theirs)
    merge = Merge(items(*files, weights=(2, 1)), Recipe("svd", 2))
    mixed = whole(merge.result(layer) for layer in merge.layers)
    alone = Merge([Item(theirs, 3, 3)], Recipe("linear"))
    want = whole(alone.result(layer) for layer in alone.layers)
    own = Merge([Item(native, 3, 3)], Recipe("linear"))
    want |= whole(own.result(layer) for layer in own.layers)
    assert mixed and all(near(one, want[stem]) < 1e-4 for stem, one in mixed.items())
    halves = "diffusion_model.final_layer.adaLN_modulation.1", "transformer.norm_out.linear"
    assert halves[swap] in mixed
    assert "transformer.transformer_blocks.0.attn.to_v" in mixed
    assert "transformer.single_transformer_blocks.1.proj_mlp" in mixed


def test_text_encoders_have_their_own_strength_and_names():
    one, other = (parts("lora", 8, 6, 2, random(n)) for n in range(2))
    kohya = wired(named("lora_te1_text_model_encoder_layers_0_self_attn_q_proj", one))
    peft = wired(named("text_encoder.text_model.encoder.layers.0.self_attn.q_proj", other))
    result = only(Merge([Item(kohya, 9, 0.5), Item(peft, 9, 2)], Recipe("linear")))
    want = 0.5 * reference("lora", one, 2) + 2 * reference("lora", other, 2)
    assert near(result.factors.dense(), want) < 1e-5


def test_a_layer_that_only_one_file_has_is_kept():
    made = [parts("lora", 8, 6, 2, random(n)) for n in range(2)]
    files = [wired(named(f"lora_unet_x{n}", one)) for n, one in enumerate(made)]
    for method, weights in (("ties", (1, 1)), ("linear", (1, 1)), ("slerp", (0.5, 0.5))):
        merge = Merge(items(*files, weights=weights), Recipe(method, 6, 1.0))
        for n, layer in enumerate(merge.layers):
            result = merge.result(layer)
            assert (
                result
                and near(result.factors.dense(), weights[n] * reference("lora", made[n], 2)) < 1e-4
            )
    merge = Merge([Item(files[0], 0, 1), Item(files[1], 1, 1)], Recipe("linear"))
    assert [bool(merge.result(layer)) for layer in merge.layers] == [False, True]


def test_a_dora_is_merged_by_its_true_effect():
    made = parts("lora", 8, 6, 2, random(0)) | {"dora_scale": torch.rand(8, 1) + 0.5}
    lora = wired(named("lora_unet_x", made))
    base = torch.randn(8, 6, generator=random(5))
    with pytest.raises(ValueError, match="lora_unet_x is a DoRA"):
        only(Merge([Item(lora, 1, 1)], Recipe("svd", 6)))
    with pytest.raises(ValueError, match="choose a rank above 0"):
        only(Merge([Item(lora, 1, 1)], Recipe("linear"), lambda stem: base))
    result = only(Merge([Item(lora, 1, 1)], Recipe("svd", 6), lambda stem: base))
    scale = made["dora_scale"] / base.norm(dim=1, keepdim=True)
    want = (base + made["up"] @ made["down"]) * scale - base
    assert near(result.factors.dense(), want) < 1e-4


def test_bad_input_is_refused_by_name():
    small, large = (
        wired(named("lora_unet_x", parts("lora", n, 6, 2, random(n))), f"f{n}") for n in (8, 10)
    )
    with pytest.raises(ValueError, match=r"different models.*f8 \[8, 6\], f10 \[10, 6\]"):
        only(Merge(items(small, large), Recipe("linear")))
    with pytest.raises(ValueError, match="nothing to merge"):
        Merge([Item(small, 0, 0)], Recipe("linear"))
    with pytest.raises(ValueError, match="slerp goes between two"):
        Merge(items(small, large, small), Recipe("slerp"))
    with pytest.raises(ValueError, match="slerp goes between two"):
        Merge(items(small, large, weights=(1, -1)), Recipe("slerp"))
    odd = wired({"lora_unet_x.oft_blocks": torch.ones(1), "lora_unet_y.diff": torch.ones(2, 2)})
    with pytest.raises(ValueError, match="oft_blocks"):
        Merge([Item(odd, 1, 1)], Recipe("linear"))
    twice = named("lora_unet_x", parts("lora", 8, 6, 2, random(0)))
    twice |= named("diffusion_model.x", parts("lora", 8, 6, 2, random(1)))
    with pytest.raises(ValueError, match=r"the file has .* twice"):
        Merge([Item(wired(twice), 1, 1)], Recipe("linear"))


def test_what_fp16_cannot_hold_is_refused_and_nothing_is_left(tmp_path):
    lora = wired(named("lora_unet_x", parts("lora", 8, 6, 2, random(0))))
    result = only(Merge([Item(lora, 1e6, 1)], Recipe("linear")))
    path = tmp_path / "a.safetensors"
    with pytest.raises(ValueError, match=r"lora_unet_x.*float16 cannot"), writing(path) as sink:
        add(sink, result, torch.float16)
    assert not list(tmp_path.iterdir())
    with writing(path) as sink:
        add(sink, result, torch.float32)
    again = Lora(TensorFile(path))
    assert near(dense(delta(again.layer("lora_unet_x"))), result.factors.dense()) < 1e-6


def test_each_layer_is_read_when_its_turn_comes():
    """Never more than a layer of each file is asked for at a time."""
    asked = []

    class Counted(Lora):
        def tensors(self, stem):
            asked.append(stem)
            return super().tensors(stem)

    state = {}
    for n in range(5):
        state |= named(f"lora_unet_x{n}", parts("lora", 8, 6, 2, random(n)))
    files = [Counted(wired(state).source) for _ in range(3)]
    merge = Merge(items(*files), Recipe("ties", 2))
    assert not asked
    for count, layer in enumerate(merge.layers, start=1):
        merge.result(layer)
        assert len(asked) == 3 * count
    assert parse(asked[0]).layer == "x0"
