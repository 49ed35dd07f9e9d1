"""Adapters on text encoders of every kind learn, and ComfyUI loads their files."""

import re
from dataclasses import replace
from types import SimpleNamespace

import comfy.sd
import pytest
import torch

from atelier.training.adapters.adapter import Adapter
from atelier.training.config import make_config
from atelier.training.data.folder import load_folder
from atelier.training.host import folders
from atelier.training.host.lora_file import start_text
from atelier.training.host.mode import own_randomness, training_mode
from atelier.training.host.text import (
    encode_with_gradient,
    load_text,
    private_text,
    text_naming,
    text_sizes,
)

from ..tiny.text_forms import FORMS, small, told
from .trained import train, wired

CAPTION = 'a red hat, "hi"'  # Hunyuan Image's ByT5 reads what is quoted

IN_BLOCK = r"^(?!.*\.(visual|vision)).*\.\d+\."  # and not in an eye's, which sees no caption


def native(clip):
    with torch.inference_mode():
        return told(clip.encode_from_tokens_scheduled(clip.tokenize(CAPTION))).clone()


@pytest.mark.parametrize("form", FORMS)
def test_every_encoder_learns_and_its_file_is_read_by_comfyui(form):
    form = FORMS[form]
    clip = small(form)
    plain = native(clip)  # before: some keep what they have once computed
    config = make_config(text_encoders=form.which, text_rank=2)
    with training_mode(), own_randomness(0), private_text(clip) as private:
        names = text_naming(private, own_words=False)
        sizes = text_sizes(private, config)
        assert sizes == text_sizes(clip, config)  # as Inspect Base asks, and before a run
        assert {name.partition(".")[0] for name in sizes} == form.encoders
        layers = private.cond_stage_model.named_modules()
        layers = {name for name, layer in layers if isinstance(layer, torch.nn.Linear)}
        assert sizes.keys() == {name for name in layers if re.search(IN_BLOCK, name)}
        adapter = Adapter(private.cond_stage_model, config, sizes=sizes)
        load_text(private)
        with torch.no_grad():
            started = told(encode_with_gradient(private, CAPTION)).cpu()
            assert torch.allclose(started, plain, atol=1e-5)
            for parameter in adapter.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape).to(parameter))
        live = told(encode_with_gradient(private, CAPTION)).cpu()
        (live * torch.randn(live.shape)).sum().backward()
        learning = dict(private.cond_stage_model.named_parameters())
        learning = {name: p for name, p in learning.items() if p.requires_grad}
        assert all(p.grad is None or p.grad.isfinite().all() for p in learning.values())
        dead = {name for name, p in learning.items() if p.grad is None or not p.grad.any()}
        assert dead == {name for name in learning if re.search(form.idle, name)}
        file, trained = adapter.file_state(names), adapter.state()
    assert torch.equal(native(clip), plain)
    onward = start_text(file, clip)
    assert onward.sizes == sizes
    parts = {f"{name}.{part}": t for name, of in onward.parts.items() for part, t in of.items()}
    assert parts.keys() == trained.keys()
    assert all(torch.allclose(tensor, trained[name].cpu()) for name, tensor in parts.items())
    _, patched = comfy.sd.load_lora_for_models(None, clip, file, 0.0, 1.0)
    assert patched
    moved = (live - plain).norm()
    assert moved > 1e-3 * plain.norm()
    assert (native(patched) - live).norm() < 1e-3 * moved


def test_encoders_that_are_not_there_are_refused_before_anything_is_encoded(base, pictures):
    wires = replace(wired(base, load_folder(pictures)), clip=small(FORMS["lumina2"]))
    with pytest.raises(
        ValueError, match=r"'clip': the CLIP that is wired \(LuminaTEModel_\) has no"
    ):
        train(wires, text_encoders="clip")
    assert not folders.runs().exists()


def test_a_model_that_reads_by_itself_has_no_text_encoder_that_could_learn():
    hidream_o1 = pytest.importorskip("comfy.text_encoders.hidream_o1")
    target = SimpleNamespace(params={}, clip=hidream_o1.HiDreamO1TE)
    target.tokenizer = hidream_o1.HiDreamO1Tokenizer
    with pytest.raises(ValueError, match="HiDreamO1TE.*The MODEL itself reads: choose 'none'"):
        text_sizes(comfy.sd.CLIP(target), make_config(text_encoders="all"))
