"""ComfyUI's own text encoders: those that can write, and those that cannot."""

import importlib
from types import SimpleNamespace
from typing import Any

import comfy.sd
import pytest
import torch
from comfy import sdxl_clip
from PIL import Image

from atelier.training.captioning.captioner import CannotCaption
from atelier.training.captioning.settings import SentenceSettings
from atelier.training.host.speaking import clip_captioner

from ..tiny import random_weights

NOISE = [Image.effect_noise((90, 60), sigma).convert("RGB") for sigma in (10, 80, 200)]
WRITES = hasattr(comfy.sd.CLIP, "generate")
needs_writing = pytest.mark.skipif(not WRITES, reason="this ComfyUI's text encoders cannot write")
QWEN = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "lm_head": False,
}
CLIP_SIZE = {
    "num_hidden_layers": 3,
    "intermediate_size": 64,
    "num_attention_heads": 2,
    "hidden_size": 32,
}


def small(model, tokenizer, **sizes):
    with torch.inference_mode():
        clip = comfy.sd.CLIP(
            SimpleNamespace(params={}, clip=model, tokenizer=tokenizer),
            model_options=sizes | {"dtype": torch.float32},
        )
        clip.cond_stage_model.load_state_dict(random_weights(clip.cond_stage_model, 0))
    return clip


def seeing(monkeypatch):
    """Qwen3-VL as ComfyUI has it, of a tenth of a percent of its size."""
    qwen3vl: Any = importlib.import_module("comfy.text_encoders.qwen3vl")
    tiny = {"hidden_size": 32, "intermediate_size": 48, "depth": 2, "deepstack_visual_indexes": [1]}
    monkeypatch.setitem(qwen3vl.QWEN3VL_VISION, "qwen3vl_4b", tiny)
    monkeypatch.setitem(qwen3vl.QWEN3VL_VISION_COMMON, "num_heads", 2)
    return small(
        qwen3vl.te(model_type="qwen3vl_4b"),
        qwen3vl.tokenizer(model_type="qwen3vl_4b"),
        qwen3vl_4b_model_config=QWEN,
    )


def say(clip, pictures=NOISE, **settings):
    with torch.inference_mode(), clip_captioner(clip, SentenceSettings(**settings)).open() as asked:
        return [asked(picture) for picture in pictures]


def test_a_text_encoder_that_only_reads_is_refused():
    clip = small(
        sdxl_clip.SDXLClipModel,
        sdxl_clip.SDXLTokenizer,
        clip_l_model_config=CLIP_SIZE,
        clip_g_model_config=CLIP_SIZE,
    )
    wanted = "can read and not write" if WRITES else "Update ComfyUI"
    with pytest.raises(ValueError, match=wanted):
        clip_captioner(clip, SentenceSettings())


@needs_writing
def test_one_that_writes_tells_what_it_sees(monkeypatch):
    clip = seeing(monkeypatch)
    said = say(clip, max_tokens=8)
    assert len({one.text for one in said}) == 3
    assert all(one.cut for one in said)
    assert say(clip, max_tokens=8) == said
    drawn = say(clip, NOISE[:1], max_tokens=8, temperature=2, seed=1)
    assert drawn == say(clip, NOISE[:1], max_tokens=8, temperature=2, seed=1)
    assert drawn != say(clip, NOISE[:1], max_tokens=8, temperature=2, seed=2)
    keys = [clip_captioner(clip, SentenceSettings(seed=seed)).key for seed in (1, 1, 2)]
    assert keys[0] == keys[1] != keys[2]


@needs_writing
def test_one_that_writes_and_does_not_see_is_refused():
    from comfy.text_encoders import z_image

    sizes = {name: value for name, value in QWEN.items() if name != "lm_head"}
    clip = small(z_image.te(), z_image.ZImageTokenizer, qwen3_4b_model_config=sizes)
    with pytest.raises(CannotCaption, match="does not look at pictures"):
        say(clip, NOISE[:1], max_tokens=4)
