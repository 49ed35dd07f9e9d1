"""Bake Checkpoint: what it writes does what the LoRAs do, and says what it was made of."""

import json

import comfy.sd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from atelier.nodes.bake import BakeCheckpoint
from atelier.nodes.merge import MergeLoras
from atelier.tests import tiny
from atelier.tests.engine.test_loads_in_diffusers import adapter_file
from atelier.training.host import bake, folders
from atelier.training.host.lora_work import weights_of

NAMES = ("bake-a.safetensors", "bake-b.safetensors")


@pytest.fixture(autouse=True)
def _as_nodes_are_run():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def loras(base):
    for name, settings in zip(
        NAMES, ({"targets": "attention_mlp"}, {"targets": "all"}), strict=True
    ):
        save_file(adapter_file(base[0], settings), folders.loras() / name)
    return NAMES


def path_of(name):
    return bake._parent() / name


def header(name):
    with safe_open(path_of(name), framework="pt") as file:
        return file.metadata()


def test_a_baked_checkpoint_is_the_base_with_its_loras(base, loras):
    model, clip, vae = base
    stack = [(loras[1], 0.5, 0.5)]
    rows = {"lora_1": loras[0], "strength_1": 0.8, "lora_stack": stack}
    (name,) = BakeCheckpoint.execute(model, "bake/it", True, clip=clip, vae=vae, **rows).args
    assert name == "bake/it_00001.safetensors"
    want = model
    for lora, strength in ((loras[0], 0.8), (loras[1], 0.5)):
        state = load_file(folders.loras() / lora)
        want, _ = comfy.sd.load_lora_for_models(want, None, state, strength, 0)
    again, text, decoder, _ = comfy.sd.load_checkpoint_guess_config(str(path_of(name)))
    assert again and want and text and decoder
    mine, theirs, before = weights_of(again), weights_of(want), weights_of(model)
    keys = [key for key in model.model.state_dict() if key.startswith("diffusion_model.")]
    moved = 0.0
    for key in keys:
        assert torch.allclose(mine(key).float(), theirs(key).float(), atol=2e-3), key
        moved += float((theirs(key).float() - before(key).float()).norm())
    assert moved > 1
    assert sorted(path.name for path in path_of("bake").iterdir()) == ["it_00001.safetensors"]
    assert not list(bake._parent().glob(".*"))


def test_the_header_holds_the_recipe_and_that_of_a_merged_lora(base, loras):
    how = {"method": "linear", "rank": 0, "density": 0.5, "window": 0.2, "seed": 0}
    rows = {"lora_1": loras[0], "strength_1": 0.3, "lora_2": loras[1], "strength_2": 0.7}
    merged, _ = MergeLoras.execute(**how, filename_prefix="bake/merged", **rows).args
    (name,) = BakeCheckpoint.execute(base[0], "bake/told", True, lora_1=merged).args
    found = header(name)
    (one,) = json.loads(found[bake.RECIPE])["loras"]
    assert (one["name"], one["strength_model"]) == (merged, 1.0) and len(one["hash"]) == 64
    assert [row["strength_model"] for row in one["merge"]["loras"]] == [0.3, 0.7]
    assert "workflow" not in found
    listed, _ = bake.bake(base[0], None, None, [(loras[0], 1, 1)], "bake/told", {"nodes": []})
    assert listed == "bake/told_00002.safetensors"
    assert json.loads(header(listed)["workflow"]) == {"nodes": []}


def test_what_makes_no_sense_is_refused_and_leaves_nothing(base, loras, monkeypatch):
    with pytest.raises(ValueError, match="No LoRA is chosen"):
        BakeCheckpoint.execute(base[0], "bad/x", True)
    with pytest.raises(ValueError, match="changes nothing"):
        BakeCheckpoint.execute(tiny.flux(), "bad/x", True, lora_1=loras[0])
    with pytest.raises(ValueError, match="cannot be a file name"):
        BakeCheckpoint.execute(base[0], "../x", True, lora_1=loras[0])

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bake, "save_checkpoint", full)
    with pytest.raises(ValueError, match="cannot be written"):
        BakeCheckpoint.execute(base[0], "bad/x", True, lora_1=loras[0])
    assert not path_of("bad").exists() and not list(bake._parent().glob(".*"))
