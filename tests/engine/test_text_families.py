"""Adapters on text encoders of every kind learn, and ComfyUI loads their files."""

import io
from functools import cache
from types import SimpleNamespace
from unittest import mock

import comfy.sd
import pytest
import torch
from comfy import sdxl_clip
from comfy.text_encoders import (
    aura_t5,
    flux,
    hidream,
    hydit,
    lumina2,
    omnigen2,
    qwen_image,
    qwen_vl,
    z_image,
)
from sentencepiece import SentencePieceTrainer

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
LLM = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3}
LLM |= {"num_attention_heads": 2, "num_key_value_heads": 1}
SIZES = {
    "clip_l_model_config": CLIP | {"hidden_size": 64},
    "clip_g_model_config": CLIP | {"hidden_size": 96},
    "hydit_clip_model_config": CLIP | {"hidden_size": 64},
    **{f"{name}_model_config": T5 for name in ("t5xxl", "mt5xl", "pile_t5xl")},
    **{
        f"{name}_model_config": LLM
        for name in ("qwen3_4b", "qwen25_3b", "qwen25_7b", "gemma2_2b", "llama")
    },
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
    "omnigen2": (omnigen2.te(), omnigen2.Omnigen2Tokenizer, "all", {"qwen25_3b"}),
    "qwen-image": (qwen_image.te(), qwen_image.QwenImageTokenizer, "all", {"qwen25_7b"}),
    "lumina2": (lumina2.te(), lumina2.LuminaTokenizer, "all", {"gemma2_2b"}),
    "aura-flow": (aura_t5.AuraT5Model, aura_t5.AuraT5Tokenizer, "all", {"pile_t5xl"}),
    "hunyuan-dit": (hydit.HyditModel, hydit.HyditTokenizer, "all", {"hydit_clip", "mt5xl"}),
    "hidream": (
        hidream.hidream_clip(dtype_t5=torch.float32, dtype_llama=torch.float32),
        hidream.HiDreamTokenizer,
        "all",
        {"clip_l", "clip_g", "t5xxl", "llama"},
    ),
}


@cache
def words():
    """A small sentencepiece model, as a text encoder's file has one."""
    written = io.BytesIO()
    texts = iter(["a red hat on a cat", "a blue house by the sea", "the cat has a house"])
    SentencePieceTrainer.train(sentence_iterator=texts, model_writer=written, vocab_size=20)
    return torch.frombuffer(bytearray(written.getvalue()), dtype=torch.uint8)


def eye(*_args, **named):
    """Qwen2.5-VL's, which no caption is seen with, in small."""
    return EYE(32, named["output_hidden_size"], 48, 2, 1, **{k: named[k] for k in LOADED})


EYE, LOADED = qwen_vl.Qwen2VLVisionTransformer, ("device", "dtype", "ops")


def small(model, tokenizer):
    looks = mock.patch.object(qwen_vl, "Qwen2VLVisionTransformer", eye)
    with torch.inference_mode(), looks:
        clip = comfy.sd.CLIP(
            SimpleNamespace(params={}, clip=model, tokenizer=tokenizer),
            tokenizer_data={"spiece_model": words(), "mt5xl.spiece_model": words()},
            model_options=SIZES | {"dtype": torch.float32},
        )
        clip.cond_stage_model.load_state_dict(random_weights(clip.cond_stage_model, 0))
    return clip


def told(encoded):
    """All that the network is given of a caption, one after the other."""
    (cond, more), *_ = encoded
    beside = [more[name] for name in sorted(more) if name.startswith(("pooled", "conditioning"))]
    return torch.cat([part.flatten() for part in (cond, *beside) if part is not None])


@pytest.mark.parametrize("form", FORMS)
def test_every_encoder_learns_and_its_file_is_read_by_comfyui(form):
    model, tokenizer, which, encoders = FORMS[form]
    clip = small(model, tokenizer)
    config = make_config(text_encoders=which, text_rank=2)
    with training_mode(), own_randomness(0), private_text(clip) as private:
        names = text_naming(private, own_words=False)
        sizes = text_sizes(private, config)
        assert {name.partition(".")[0] for name in sizes} == encoders
        assert not any("visual" in name for name in sizes)
        adapter = Adapter(private.cond_stage_model, config, sizes=sizes)
        load_text(private)
        with torch.no_grad():
            plain = told(encode_with_gradient(private, "a red hat"))
            for parameter in adapter.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape))
        live = told(encode_with_gradient(private, "a red hat"))
        (live * torch.randn(live.shape)).sum().backward()
        learned = private.cond_stage_model.named_parameters()
        dead = [
            name
            for name, p in learned
            if p.requires_grad
            and not (p.grad is not None and p.grad.isfinite().all() and p.grad.any())
        ]
        assert all("layers.2." in name for name in dead)  # the last: some stop before it
        file = adapter.file_state(names)
    _, patched = comfy.sd.load_lora_for_models(None, clip, file, 0.0, 1.0)
    assert patched
    with torch.inference_mode():
        loaded = told(patched.encode_from_tokens_scheduled(patched.tokenize("a red hat")))
    moved = (live - plain).norm()
    assert moved > 1e-3 * plain.norm()
    assert (loaded - live).norm() < 1e-3 * moved
