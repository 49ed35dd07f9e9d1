"""What Save LoRA writes: form, precision, hash and picture."""

import base64
import hashlib
import io

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from atelier.training.host import folders
from atelier.training.metadata import THUMBNAIL
from atelier.training.save import Form, save_lora

from .trained import train


@pytest.fixture
def run(wires):
    more = {"sample_every": 6, "sample_prompts": "a person", "sample_steps": 2}
    return train(wires, learning_rate=0.01, **more)


def written(name):
    path = folders.loras() / name
    with safe_open(path, "pt") as file:
        return path, load_file(path), file.metadata()


def test_the_header_names_the_weights_and_shows_a_picture(run):
    path, _, metadata = written(save_lora(run.lora(), "a/lora", run, None, private=False))
    data = path.read_bytes()
    digest = hashlib.sha256(data[8 + int.from_bytes(data[:8], "little") :]).hexdigest()
    assert metadata["modelspec.hash_sha256"] == f"0x{digest}"
    assert metadata["sshs_model_hash"] == digest
    assert metadata["modelspec.architecture"] == "stable-diffusion-3/lora"
    kind, _, picture = metadata[THUMBNAIL].partition(",")
    assert kind == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(picture))).size == (128, 128)


def test_shared_safely_there_is_no_picture(run):
    _, _, metadata = written(save_lora(run.lora(), "b/lora", run, None, private=True))
    assert THUMBNAIL not in metadata and "modelspec.hash_sha256" in metadata


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_smaller_file_holds_the_same_lora(run, precision):
    full = written(save_lora(run.lora(), "c/lora", run, None, False))[1]
    half = written(save_lora(run.lora(), "c/half", run, None, False, Form(precision=precision)))[1]
    assert half.keys() == full.keys()
    assert {t.dtype for t in half.values()} == {
        getattr(torch, {"fp16": "float16"}.get(precision, "bfloat16"))
    }
    assert all(torch.allclose(half[k].float(), full[k], rtol=1e-2, atol=1e-6) for k in full)


def test_for_diffusers_the_names_are_its_own(run):
    _, lora, _ = written(save_lora(run.lora(), "d/lora", run, None, False, Form("diffusers")))
    assert all(key.startswith("transformer.transformer_blocks.") for key in lora)
    with pytest.raises(ValueError, match="needs the run"):
        save_lora(run.lora(), "d/other", None, None, False, Form("diffusers"))


def test_what_diffusers_has_no_form_for_is_named(wires):
    run = train(wires, name="loha", adapter="loha", steps=1)
    with pytest.raises(ValueError, match=r"adapter = 'lora' alone on SD3.*hada"):
        save_lora(run.lora(), "e/lora", run, None, False, Form("diffusers"))
