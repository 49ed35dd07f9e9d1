"""The MODEL on the wire is never changed, and what is trained on takes no second copy of it."""

import gc
import weakref
from pathlib import Path

import comfy.model_management as management
import folder_paths
import pytest
import torch

from atelier.tests import tiny
from atelier.training.adapters.adapter import Adapter
from atelier.training.config import make_config
from atelier.training.host.fingerprint import fingerprint, text_fingerprint
from atelier.training.host.mode import own_randomness, training_mode
from atelier.training.host.private import fill, load, private_copy


def snapshot(patcher):
    return {name: tensor.clone() for name, tensor in patcher.model.state_dict().items()}


def unchanged(patcher, before):
    after = patcher.model.state_dict()
    return before.keys() == after.keys() and all(torch.equal(before[k], after[k]) for k in before)


@pytest.fixture(scope="module", params=["sd3", "sd15"])
def wired(request):
    return {"sd3": tiny.sd3, "sd15": tiny.unet}[request.param]()


def test_the_private_tree_shares_every_byte_and_can_be_trained(wired):
    before = snapshot(wired)
    with torch.inference_mode(), training_mode(), private_copy(wired) as private:
        theirs = {p.data_ptr() for p in wired.model.parameters()}
        assert {p.data_ptr() for p in private.model.parameters()} == theirs
        assert not any(p.is_inference() or p.requires_grad for p in private.model.parameters())
        with own_randomness(0):
            Adapter(private.model.diffusion_model, make_config(rank=2))
        load(private)
    assert unchanged(wired, before)
    assert not any("lora" in name for name, _ in wired.model.named_modules())


def test_off_its_device_it_takes_no_second_copy_either(wired):
    """Run on the card by tests/card too: on a CPU nothing moves."""
    before = snapshot(wired)

    def shared():
        theirs = {p.data_ptr() for p in wired.model.parameters()}
        frozen = [p for p in private.model.parameters() if not p.requires_grad]
        return sum(p.data_ptr() in theirs for p in frozen) / len(frozen)

    with torch.inference_mode(), training_mode(), private_copy(wired) as private:
        with own_randomness(0):
            Adapter(private.model.diffusion_model, make_config(rank=2))
        on_card = load(private).type != "cpu"
        learns = {p.data_ptr() for p in private.model.parameters() if p.requires_grad}
        for _ in range(2):
            fill(private, private.loaded_size() / 2)
            assert not on_card or 0.2 < shared() < 1
            management.unload_all_models()
            assert shared() == 1
            assert {p.data_ptr() for p in private.model.parameters() if p.requires_grad} == learns
            load(private, float("inf"))
            assert shared() == (not on_card)
    assert unchanged(wired, before)


def test_a_wired_lora_is_part_of_the_base(wired):
    key = next(k for k in wired.model.state_dict() if k.endswith("attn.qkv.weight") or "to_q" in k)
    weight = wired.model.state_dict()[key]
    patched = wired.clone()
    patched.add_patches({key: ("diff", (torch.ones_like(weight),))}, 0.5)
    assert fingerprint(patched) != fingerprint(wired)
    management.load_models_gpu([patched])  # in use at this moment: the patch is in the weights
    before = snapshot(wired)
    pristine = fingerprint(wired)
    with torch.inference_mode(), training_mode():
        with private_copy(patched) as private:
            own = private.model.state_dict()[key]
            torch.testing.assert_close(own, weight + 0.5)
        with private_copy(wired) as private:
            assert torch.equal(private.model.state_dict()[key], weight)
    management.load_models_gpu([patched])
    assert unchanged(patched, before)
    assert fingerprint(wired) == pristine


def test_nothing_of_a_training_is_left(wired):
    loaded = len(management.current_loaded_models)
    trees = []
    with (
        pytest.raises(RuntimeError, match="in the middle"),
        training_mode(),
        private_copy(wired) as private,
    ):
        trees.append(weakref.ref(private.model))
        load(private)
        raise RuntimeError("in the middle")
    private = None  # our own hold on it
    gc.collect()
    assert [tree() for tree in trees] == [None]
    assert len(management.current_loaded_models) <= loaded
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    assert getattr(management, "in_training", False) is False


def test_global_randomness_is_untouched():
    state = torch.get_rng_state()
    with own_randomness(1):
        torch.randn(5)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_fingerprint_is_of_the_weights():
    assert fingerprint(tiny.sd3(1)) == fingerprint(tiny.sd3(1))
    assert fingerprint(tiny.sd3(1)) != fingerprint(tiny.sd3(2))


def test_a_text_encoder_that_stops_at_another_layer_is_another(base):
    _, clip, _ = base
    assert text_fingerprint(clip) == text_fingerprint(clip.clone()) == fingerprint(clip.patcher)
    earlier, padded = clip.clone(), clip.clone()
    earlier.clip_layer(-2)
    padded.set_tokenizer_option("min_length", 8)
    assert len({text_fingerprint(one) for one in (clip, earlier, padded)}) == 3


def test_a_text_encoder_is_another_when_an_embedding_that_is_named_changes(base):
    clip, asked = base[1], ["a person with embedding:atelier-test, smiling"]
    plain = text_fingerprint(clip)
    assert text_fingerprint(clip, asked) == plain == text_fingerprint(clip, ["embedding:../x"])
    file = Path(folder_paths.get_folder_paths("embeddings")[0]) / "atelier-test.safetensors"
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        file.write_bytes(b"one")
        first = text_fingerprint(clip, asked)
        file.write_bytes(b"two")
        assert len({plain, first, text_fingerprint(clip, asked)}) == 3
        assert text_fingerprint(clip, ["a person"]) == plain
    finally:
        file.unlink()
