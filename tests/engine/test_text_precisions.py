"""Text encoders stored in fp8: the gradient of what they mean, and the CLIP works after it."""

import json
import re

import comfy.model_management
import comfy.utils
import pytest
import torch

from atelier.training.adapters.adapter import Adapter
from atelier.training.config import make_config
from atelier.training.host.encode import encode_caption
from atelier.training.host.mode import own_randomness, training_mode
from atelier.training.host.text import encode_with_gradient, load_text, private_text, text_sizes

from ..tiny.text_forms import FORMS, small, told
from .test_families import same
from .test_text_families import CAPTION, native

if not hasattr(comfy.utils, "detect_layer_quantization"):
    pytest.skip("this ComfyUI has files of another kind", allow_module_level=True)

TRIED = [name for name in ("flux", "z-image", "krea2", "lens") if name in FORMS]
OF = ("quantization_metadata", "t5xxl_quantization_metadata")  # as loaders tell of such a file
MIXED = {key: {"mixed_ops": True} for key in OF}


def in_fp8(state):
    """Linear layers of blocks, and gpt-oss's experts, of which one weight holds all."""
    file = dict(state)
    for name in filter(in_block, state):
        weight, layer = state[name], name.removesuffix("weight")
        if weight.ndim in (2, 3):
            scale = weight.abs().max() / 448
            told = {"format": "float8_e4m3fn", "num_experts": len(weight)}
            mark = torch.frombuffer(bytearray(json.dumps(told).encode()), dtype=torch.uint8)
            file[name] = (weight / scale).to(torch.float8_e4m3fn)
            file |= {layer + "weight_scale": scale, layer + "comfy_quant": mark}
    return file


def in_block(name):
    return re.search(r"\.\d+\..*(_proj|fc\d|qkv|proj|\.[qkvo]|w[io](_\d)?)\.weight$", name)


def meant(state):
    file = in_fp8(state)
    scales = {name: file.get(name.removesuffix("weight") + "weight_scale") for name in state}
    return {
        name: file[name] if scale is None else file[name].float() * scale
        for name, scale in scales.items()
    }


def learned(clip, config):
    """What is told of the caption, all gradients, and the shapes that were kept for them."""
    with training_mode(), own_randomness(0), private_text(clip) as private:
        adapter = Adapter(private.cond_stage_model, config, sizes=text_sizes(private, config))
        load_text(private)
        with torch.no_grad():
            for parameter in adapter.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape))
        kept = []
        hooks = torch.autograd.graph.saved_tensors_hooks
        with hooks(lambda tensor: kept.append(tensor.shape) or tensor, lambda tensor: tensor):
            live = told(encode_with_gradient(private, CAPTION))
        (live * torch.randn(live.shape)).sum().backward()
        parameters = private.cond_stage_model.named_parameters()
        gradients = {name: p.grad for name, p in parameters if p.grad is not None}
    return live.detach(), gradients, set(kept)


@pytest.mark.parametrize("name", TRIED)
def test_a_text_encoder_of_mixed_precision_has_the_gradient_of_the_weights_it_means(name):
    config = make_config(text_encoders="all", text_rank=2)
    clip = small(FORMS[name], in_fp8, **MIXED)
    plain = native(clip)
    live, gradients, kept = learned(clip, config)
    in_full, full_gradients, _ = learned(small(FORMS[name], meant), config)
    assert torch.allclose(live, in_full, atol=1e-4, rtol=1e-4)
    assert gradients.keys() == full_gradients.keys()
    for layer, gradient in full_gradients.items():
        same(gradients[layer], gradient, 1e-3)
    weights = {w.shape[-2:] for n, w in clip.cond_stage_model.named_parameters() if in_block(n)}
    assert weights and not kept & weights
    assert torch.equal(native(clip), plain)


def test_a_clip_of_mixed_precision_works_before_and_after_its_captions_were_encoded():
    clip = small(FORMS["z-image"], in_fp8, **MIXED)
    plain = native(clip)
    for _ in range(2):
        with torch.inference_mode():
            comfy.model_management.unload_all_models()
        with torch.inference_mode(False):  # as in a run
            assert torch.equal(told(encode_caption(clip, CAPTION)), plain)
        assert torch.equal(native(clip), plain)
