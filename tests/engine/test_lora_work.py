"""The nodes that work on LoRA files, on ComfyUI's own models and through its own loader."""

import json
from pathlib import Path

import pytest
import torch
from comfy.sd import load_lora_for_models
from safetensors.torch import load_file, save_file

from atelier.nodes.convert import ConvertLora, ExtractLora, InspectLora, ResizeLora
from atelier.nodes.interference import LoraInterference
from atelier.nodes.merge import MergeLoras
from atelier.tests import tiny
from atelier.training.adapters.adapter import Adapter
from atelier.training.config import make_config
from atelier.training.host import folders, lora_work
from atelier.training.host.family import naming
from atelier.training.host.lora_interference import SHOWS
from atelier.training.host.mode import own_randomness, training_mode
from atelier.training.host.private import private_copy
from atelier.training.host.text import text_naming

KINDS = {
    "a": {"adapter": "lora", "rank": 4},
    "b": {"adapter": "lora", "rank": 2, "alpha": 1},
    "loha": {"adapter": "loha", "rank": 2},
    "lokr": {"adapter": "lokr", "rank": 4},
    "dora": {"adapter": "dora", "rank": 2},
}


@pytest.fixture(scope="module")
def model():
    return tiny.sd3()


@pytest.fixture(scope="module", autouse=True)
def files(model):
    """A LoRA of each kind in models/loras."""
    for number, (name, settings) in enumerate(KINDS.items()):
        with training_mode(), private_copy(model) as private, own_randomness(number):
            adapter = Adapter(private.model.diffusion_model, make_config(**settings))
            dice = torch.Generator().manual_seed(number)
            for parameter in adapter.parameters():
                parameter.data += 0.05 * torch.randn(parameter.shape, generator=dice)
            state = adapter.file_state(naming(private.model))
        save_file(state, folders.loras() / f"work-{name}.safetensors")


def lora(name):
    return load_file(folders.loras() / name)


def changes(model, *loras):
    """What ComfyUI's loader makes of LoRAs and strengths, one after the other: weights' changes."""
    patched = model
    for state, strength in loras:
        patched, _ = load_lora_for_models(patched, None, state, strength, 0)
        assert patched
    read, before = lora_work.weights_of(patched), lora_work.weights_of(model)
    found = {key: (read(key).float() - before(key).float()) for key in patched.patches}
    assert found
    return found


def alike(one, other, within):
    assert one.keys() == other.keys()
    off = sum((one[key] - other[key]).norm() ** 2 for key in one) ** 0.5
    assert off <= within * sum(other[key].norm() ** 2 for key in other) ** 0.5


def merge(*names, strengths=(0.5, 0.5), **settings):
    how = {"method": "linear", "rank": 0, "density": 0.5, "window": 0.2, "seed": 0}
    how |= {"filename_prefix": "work/merged", "precision": "fp32"} | settings
    rows = {}
    for number, (name, by) in enumerate(zip(names, strengths, strict=True), start=1):
        rows |= {f"lora_{number}": f"work-{name}.safetensors", f"strength_{number}": by}
    return MergeLoras.execute(**how, **rows).args


@pytest.mark.parametrize("names", [("a", "b"), ("a", "loha"), ("lokr", "b")])
def test_a_linear_merge_is_the_stack(model, names):
    name, text = merge(*names)
    stack = [(lora(f"work-{one}.safetensors"), 0.5) for one in names]
    alike(changes(model, (lora(name), 1)), changes(model, *stack), 1e-4)
    assert "exact up to rounding" in text
    recipe = json.loads(lora_work.open_lora(name).metadata["atelier.merge"])
    assert recipe["method"] == "linear"
    assert [row["name"] for row in recipe["loras"]] == [f"work-{one}.safetensors" for one in names]


def test_a_dora_needs_its_model_and_then_is_merged_by_its_true_effect(model):
    with pytest.raises(ValueError, match="is a DoRA"):
        merge("dora", "a", method="svd", rank=64)
    name, _ = merge("dora", "a", method="svd", rank=64, model=model)
    both = [(lora(f"work-{one}.safetensors"), 0.5) for one in ("dora", "a")]
    apart = [changes(model, one) for one in both]
    want = {key: apart[0].get(key, 0) + apart[1].get(key, 0) for key in apart[0] | apart[1]}
    alike(changes(model, (lora(name), 1)), want, 1e-3)


def test_a_stack_of_another_pack_is_taken():
    stack = [
        ("work-a.safetensors", 0.5, 0.5, "a word"),
        ("None", 1, 1),
        ("work-b.safetensors", 1, 1),
    ]
    name, _ = merge(lora_stack=stack, strengths=())
    assert [row["name"] for row in recipe(name)] == ["work-a.safetensors", "work-b.safetensors"]
    for wrong in ("work-a.safetensors", [1], [("work-a.safetensors", "x", 1)]):
        with pytest.raises(ValueError, match="lora_stack"):
            merge(lora_stack=wrong, strengths=())
    with pytest.raises(ValueError, match="There is no LoRA 'gone"):
        merge(lora_stack=[("gone.safetensors", 1, 1)], strengths=())


def recipe(name):
    return json.loads(lora_work.open_lora(name).metadata["atelier.merge"])["loras"]


def test_resized_as_large_as_it_was_it_is_the_same(model):
    how = {"energy": 1.0, "error": 0.0, "filename_prefix": "work/resized", "precision": "fp32"}
    same, _ = ResizeLora.execute("work-a.safetensors", 8, **how).args
    small, text = ResizeLora.execute("work-a.safetensors", 1, **how).args
    before = changes(model, (lora("work-a.safetensors"), 1))
    alike(changes(model, (lora(same), 1)), before, 1e-5)
    alike(changes(model, (lora(small), 1)), before, 0.95)
    assert "rank 1" in text and "error" in text


def test_what_a_lora_changed_is_extracted(model):
    state = lora("work-a.safetensors")
    patched, _ = load_lora_for_models(model, None, state, 1, 0)
    how = {"energy": 1.0, "error": 0.0, "filename_prefix": "work/extracted", "precision": "fp32"}
    name, _ = ExtractLora.execute(patched, model, 4, **how).args
    alike(changes(model, (lora(name), 1)), changes(model, (state, 1)), 1e-3)
    with pytest.raises(ValueError, match="not of one family"):
        ExtractLora.execute(tiny.flux(), model, 4, **how)


def text_lora(clip, rank=2):
    """A LoRA for some layers of the text encoders, and for a layer's name its key in a file."""
    names = text_naming(clip, own_words=False)
    dice = torch.Generator().manual_seed(5)
    state = {}
    for layer in [name for name in names.stems if name.endswith(("q_proj", "fc1"))][:4]:
        out, width = clip.cond_stage_model.get_submodule(layer).weight.shape
        state[names.key(layer, "lora_B.weight")] = torch.randn(out, rank, generator=dice) / 10
        state[names.key(layer, "lora_A.weight")] = torch.randn(rank, width, generator=dice) / 10
    return state


def test_text_encoders_are_extracted_where_both_are_wired(base):
    bare, clip, _ = base
    state = text_lora(clip)
    assert len(state) == 8
    _, tuned = load_lora_for_models(bare, clip, state, 0, 1)
    how = {"energy": 1.0, "error": 0.0, "filename_prefix": "work/text", "precision": "fp32"}
    name, _ = ExtractLora.execute(bare, bare, 4, tuned_clip=tuned, base_clip=clip, **how).args
    found = lora(name)
    assert {key.rpartition(".lora_")[0] for key in found if ".lora_" in key} == {
        key.rpartition(".lora_")[0] for key in state
    }
    _, again = load_lora_for_models(bare, clip, found, 0, 1)
    assert tuned and again
    before = lora_work.weights_of(clip.patcher)
    own, want = (lora_work.weights_of(one.patcher) for one in (again, tuned))
    assert tuned.patcher.patches.keys() == again.patcher.patches.keys()
    for key in tuned.patcher.patches:
        change = want(key).float() - before(key).float()
        assert (own(key).float() - want(key).float()).norm() < 1e-3 * change.norm()
    with pytest.raises(ValueError, match="Wire both clips"):
        ExtractLora.execute(bare, bare, 4, tuned_clip=tuned, **how)


@pytest.mark.parametrize("form", ["kohya", "diffusers"])
def test_a_converted_file_does_the_same_in_comfyui(model, form):
    name, _ = ConvertLora.execute("work-b.safetensors", form, "work/converted").args
    alike(changes(model, (lora(name), 1)), changes(model, (lora("work-b.safetensors"), 1)), 1e-5)
    back, _ = ConvertLora.execute(name, "comfyui", "work/converted").args
    one, other = lora(back), lora("work-b.safetensors")
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_inspect_tells_what_is_in_a_file():
    text, summary = InspectLora.execute("work-loha.safetensors").args
    found = json.loads(summary)
    assert found["healthy"] and "loha, rank 2" in text
    assert {row["kind"] for row in found["layers"]} == {"loha"}


def test_interference_is_a_picture_a_text_and_figures(model):
    rows = {"lora_1": "work-a.safetensors", "strength_1": 1.0, "lora_2": "work-a.safetensors"}
    stack = [("work-b.safetensors", 0.5, 0.5), ("work-lokr.safetensors", -1.0, 1.0)]
    image, text, figures = LoraInterference.execute("overlap", lora_stack=stack, **rows).args
    found = json.loads(figures)
    assert [one["letter"] for one in found["loras"]] == ["A", "B", "C", "D"]
    twice = next(one for one in found["pairs"] if (one["first"], one["second"]) == (0, 1))
    assert twice["cosine"] == pytest.approx(1, abs=1e-3) and twice["verdict"] == "doubles"
    assert "A work-a and B work-a: they do much the same" in text.splitlines()[0]
    assert "0.50 and 0.50" in text.splitlines()[0]
    layers = len(lora_work.open_lora("work-a.safetensors").stems)
    assert sum((one["first"], one["second"]) == (0, 1) for one in found["layers"]) == layers
    assert image.shape[0] == 1 and image.shape[3] == 3 and 0 <= image.min() < image.max() <= 1
    others = [
        LoraInterference.execute(show, lora_stack=stack, **rows).args[0] for show in SHOWS[1:]
    ]
    assert all(other.shape[1] == image.shape[1] for other in others)
    assert not any(torch.equal(other, image) for other in others if other.shape == image.shape)
    with pytest.raises(ValueError, match=r"1 LoRAs.*between 2"):
        LoraInterference.execute("overlap", lora_1="work-a.safetensors")
    dora = {"lora_1": "work-a.safetensors", "lora_2": "work-dora.safetensors"}
    with pytest.raises(ValueError, match="is a DoRA"):
        LoraInterference.execute("overlap", **dora)
    (pair,) = json.loads(LoraInterference.execute("size", model=model, **dora).args[2])["pairs"]
    assert pair["layers"] == layers


def test_a_cancel_leaves_nothing_behind(monkeypatch):
    class Cancelled(BaseException):
        pass

    class Bar(lora_work.Progress):
        def update(self, done, text="", picture=None):
            if done == 2:
                raise Cancelled

    monkeypatch.setattr(lora_work, "Progress", Bar)
    before = everything()
    with pytest.raises(Cancelled):
        merge("a", "b", filename_prefix="work/cancelled")
    assert everything() == before


def everything():
    return {path for path in Path(folders.loras()).rglob("*") if path.is_file()}
