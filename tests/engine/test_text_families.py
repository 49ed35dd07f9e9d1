"""Adapters on text encoders of every kind learn, and ComfyUI loads their files."""

from types import SimpleNamespace

import comfy.sd
import pytest
import torch
from comfy import sdxl_clip
from comfy.text_encoders import flux, z_image

from atelier.training.adapters.adapter import Adapter
from atelier.training.config import make_config
from atelier.training.host.mode import own_randomness, training_mode
from atelier.training.host.text import (
    encode_with_gradient,
    load_text,
    private_text,
    text_naming,
    text_sizes,
)

from ..tiny import random_weights

CLIP = {"num_hidden_layers": 3, "intermediate_size": 128, "num_attention_heads": 2}
T5 = {"d_model": 64, "d_ff": 96, "d_kv": 16, "num_heads": 4, "num_layers": 2}
QWEN = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3}
SIZES = {
    "clip_l_model_config": CLIP | {"hidden_size": 64},
    "clip_g_model_config": CLIP | {"hidden_size": 96},
    "t5xxl_model_config": T5,
    "qwen3_4b_model_config": QWEN | {"num_attention_heads": 2, "num_key_value_heads": 1},
}
FORMS = {
    "sdxl": (sdxl_clip.SDXLClipModel, sdxl_clip.SDXLTokenizer, "clip", {"clip_l", "clip_g"}),
    "flux": (
        flux.flux_clip(dtype_t5=torch.float32),
        flux.FluxTokenizer,
        "all",
        {"clip_l", "t5xxl"},
    ),
    "z-image": (z_image.te(), z_image.ZImageTokenizer, "all", {"qwen3_4b"}),
}


def small(model, tokenizer):
    with torch.inference_mode():
        clip = comfy.sd.CLIP(
            SimpleNamespace(params={}, clip=model, tokenizer=tokenizer),
            model_options=SIZES | {"dtype": torch.float32},
        )
        clip.cond_stage_model.load_state_dict(random_weights(clip.cond_stage_model, 0))
    return clip


def told(encoded):
    (cond, more), *_ = encoded
    pooled = more.get("pooled_output")
    return torch.cat([part.flatten() for part in (cond, pooled) if part is not None])


@pytest.mark.parametrize("form", FORMS)
def test_every_encoder_learns_and_its_file_is_read_by_comfyui(form):
    model, tokenizer, which, encoders = FORMS[form]
    clip = small(model, tokenizer)
    config = make_config(text_encoders=which, text_rank=2)
    with training_mode(), own_randomness(0), private_text(clip) as private:
        names = text_naming(private, own_words=False)
        sizes = text_sizes(private, config)
        assert {name.partition(".")[0] for name in sizes} == encoders
        adapter = Adapter(private.cond_stage_model, config, sizes=sizes)
        load_text(private)
        with torch.no_grad():
            plain = told(encode_with_gradient(private, "a red hat"))
            for parameter in adapter.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape))
        live = told(encode_with_gradient(private, "a red hat"))
        (live * torch.randn(live.shape)).sum().backward()
        grads = [parameter.grad for parameter in adapter.parameters()]
        alive = [g for g in grads if g is not None and g.isfinite().all() and g.any()]
        assert len(alive) >= 0.6 * len(grads)  # of some the last layer is not used
        file = adapter.file_state(names)
    _, patched = comfy.sd.load_lora_for_models(None, clip, file, 0.0, 1.0)
    assert patched
    with torch.inference_mode():
        loaded = told(patched.encode_from_tokens_scheduled(patched.tokenize("a red hat")))
    moved = (live - plain).norm()
    assert moved > 1e-3 * plain.norm()
    assert (loaded - live).norm() < 1e-3 * moved
