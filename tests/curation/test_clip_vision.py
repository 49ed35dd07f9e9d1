"""CLIP_VISION into Curate: tiny models of each kind, with random weights, as ComfyUI loads them."""

import json

import numpy as np
import pytest
import torch
from comfy import model_management
from comfy.clip_vision import IMAGE_ENCODERS, ClipVisionModel
from comfy.utils import load_torch_file
from safetensors.torch import save_file

from atelier.nodes.curate import Curate, SplitHeldOut
from atelier.tests.tiny.files import name_weights
from atelier.training.curation.settings import CurationSettings
from atelier.training.host.clip_vision import Vision

from .conftest import scene

_PLAIN = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_attention_heads": 2,
    "num_channels": 3,
    "num_hidden_layers": 2,
    "hidden_act": "quick_gelu",
    "image_size": 64,
    "patch_size": 16,
}
_DINO3 = {
    "num_register_tokens": 4,
    "layer_norm_eps": 1e-5,
    "rope_theta": 100.0,
    "use_gated_mlp": False,
    "query_bias": True,
    "key_bias": False,
    "value_bias": True,
    "proj_bias": True,
    "mlp_bias": True,
}
KINDS = {
    "CLIP": _PLAIN | {"model_type": "clip_vision_model", "projection_dim": 24},
    "SigLIP": _PLAIN | {"model_type": "siglip_vision_model"},
    "SigLIP 2": _PLAIN
    | {"model_type": "siglip2_vision_model", "image_size": -1, "num_patches": 256},
    "DINOv2": _PLAIN
    | {"model_type": "dinov2", "image_size": 518, "layer_norm_eps": 1e-6, "use_swiglu_ffn": False},
    "DINOv3": _PLAIN | {"model_type": "dinov3"} | _DINO3,
}
# Those that the ComfyUI at hand can load.
KNOWN = [name for name, config in KINDS.items() if config["model_type"] in IMAGE_ENCODERS]
SETTINGS = CurationSettings(resolution=256).model_dump()


@pytest.fixture
def make(tmp_path):
    """A model of a kind, its weights from a file."""

    def made(name, seed=0):
        (tmp_path / "config.json").write_text(json.dumps(KINDS[name]), encoding="utf-8")
        model = ClipVisionModel(f"{tmp_path / 'config.json'}")
        name_weights(model.model)
        dice = torch.Generator().manual_seed(seed)
        state = {
            key: 0.2 * torch.randn(tensor.shape, generator=dice)
            for key, tensor in model.get_sd().items()
        }
        save_file(state, tmp_path / f"{seed}.safetensors")
        missing, _ = model.load_sd(load_torch_file(f"{tmp_path / f'{seed}.safetensors'}"))
        assert not missing
        return model

    return made


@pytest.fixture
def encoded(monkeypatch):
    """How many pictures went through a model."""
    counts = []
    encode = Vision.encode

    def counting(self, prepared):
        counts.append(len(prepared))
        return encode(self, prepared)

    monkeypatch.setattr(Vision, "encode", counting)
    return counts


def reported(dataset, model):
    result = Curate.execute(dataset, clip_vision=model, **SETTINGS).result
    assert result
    return result[2]


@pytest.mark.parametrize("name", KNOWN)
def test_each_kind_gives_vectors_of_length_one_that_differ_and_says_its_name(name, make):
    vision = Vision(make(name))
    prepared = [vision.prepare(scene(seed)) for seed in range(3)]
    vectors = vision.encode(prepared)
    assert vectors.shape == (3, 24 if name == "CLIP" else 32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3
    alone = vision.encode(prepared[:1])
    assert np.allclose(alone[0], vectors[0], atol=1e-3)
    assert vision.name.startswith(f"{name} {vision.key[:8]}, ")


def test_curate_names_the_encoder_and_encodes_each_picture_once(make, write, encoded):
    dataset = write(**{f"p{seed}": scene(seed) for seed in range(6)})
    model = make("CLIP")
    text = reported(dataset, model)
    name = Vision(model).name
    assert f"Clusters, by {name}:" in text and name.startswith("CLIP ")
    assert sum(encoded) == 6
    again = reported(dataset, make("CLIP"))
    assert sum(encoded) == 6 and again == text
    dataset = write(p0=scene(10))
    Curate.execute(dataset, clip_vision=model, **SETTINGS)
    assert sum(encoded) == 7
    other = reported(dataset, make("CLIP", seed=1))
    assert sum(encoded) == 13 and name not in other


def test_cancelled_half_way_it_stops_and_goes_on_there(make, write, encoded):
    dataset = write(**{f"p{seed:02d}": scene(seed, 96, 64) for seed in range(20)})
    model = make("CLIP", seed=3)
    encode = model.encode_image

    def cancelled(pixels, crop):
        found = encode(pixels, crop=crop)
        model_management.interrupt_current_processing()
        return found

    model.encode_image = cancelled
    with pytest.raises(model_management.InterruptProcessingException):
        Curate.execute(dataset, clip_vision=model, **SETTINGS)
    model_management.interrupt_current_processing(False)
    model.encode_image = encode
    assert sum(encoded) < 20
    Curate.execute(dataset, clip_vision=model, **SETTINGS)
    assert sum(encoded) == 20


def test_the_split_takes_it_too(make, write, encoded):
    dataset = write(**{f"p{seed}": scene(seed) for seed in range(6)})
    model = make("CLIP", seed=4)
    result = SplitHeldOut.execute(dataset, 0.3, 0, 0.88, clip_vision=model).result
    assert result
    trained, out = result
    assert len(trained) + len(out) == 6 and sum(encoded) == 6
