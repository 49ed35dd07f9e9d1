"""Every kind of adapter, live and as a file, on ComfyUI's own models and through its own loader."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from comfy.sd import load_lora_for_models

from atelier.tests import tiny
from atelier.training.adapters.adapter import Adapter
from atelier.training.config import make_config
from atelier.training.examples import Example
from atelier.training.host.family import naming
from atelier.training.host.forward import Denoiser
from atelier.training.host.lora_file import start_from
from atelier.training.host.mode import own_randomness, training_mode
from atelier.training.host.private import load, private_copy
from atelier.training.host.recompute import recompute_blocks
from atelier.training.task import Task

MODELS = {"sd3": tiny.sd3, "sd15": tiny.unet}
KINDS = {
    "lora": {"adapter": "lora"},
    "alpha": {"adapter": "lora", "alpha": 1.5},
    "rslora": {"adapter": "lora", "rank_stabilized": True},
    "dora": {"adapter": "dora"},
    "loha": {"adapter": "loha", "alpha": 2},
    "lokr": {"adapter": "lokr", "alpha": 2},
    "lokr_whole": {"adapter": "lokr", "rank": 512, "alpha": 256},
    "lokr_factor": {"adapter": "lokr", "lokr_factor": 4},
    "ranks": {"adapter": "lora", "ranks": "attn = 2 / 1\nmlp|ff = 8"},
}
EVERYWHERE = {"lora", "dora", "loha", "lokr", "lokr_whole"}  # also on convolutions


@pytest.fixture(scope="module", params=MODELS)
def wired(request):
    return MODELS[request.param]()


def predict(private):
    """The raw output for a fixed input."""
    denoiser = Denoiser(private, load(private))
    channels = private.model.latent_format.latent_channels
    dice = torch.Generator().manual_seed(3)
    x_t = torch.randn(2, channels, 8, 8, generator=dice).to(denoiser.device)
    conds = [denoiser.conditioning(tiny.caption(private, n), x_t[:1]) for n in range(2)]
    with torch.no_grad():
        return denoiser.predict(x_t, denoiser.sigma(x_t.new_tensor([0.3, 0.8])), conds)


def unsettle(adapter):
    """An adapter starts by doing nothing: give it values as training would."""
    dice = torch.Generator().manual_seed(5)
    for parameter in adapter.parameters():
        parameter.data += 0.03 * torch.randn(parameter.shape, generator=dice).to(parameter)


def live(wired, settings, start=None, moved=True):
    """What the network gives with the adapter in it, and the adapter's file."""
    with training_mode(), private_copy(wired) as private, own_randomness(0):
        config = make_config(**{"rank": 4} | settings)
        begin = start_from(start, private.model) if start else None
        adapter = Adapter(private.model.diffusion_model, config, "", begin)
        if moved:
            unsettle(adapter)
        return predict(private), adapter.file_state(naming(private.model)), adapter


def loaded(wired, file):
    """What the network gives when ComfyUI has loaded `file` by its own means."""
    patched, _ = load_lora_for_models(wired, None, file, 1.0, 0.0)
    assert patched
    with training_mode(), private_copy(patched) as private:
        return predict(private)


def near(one, other):
    return (one - other).norm() / other.norm()


def cases():
    for kind, settings in KINDS.items():
        yield pytest.param(settings, id=kind)
        if kind in EVERYWHERE:
            yield pytest.param(settings | {"targets": "all"}, id=f"{kind}-all")


@pytest.mark.parametrize("settings", list(cases()))
def test_the_file_in_comfyui_is_the_live_adapter_and_can_be_continued(wired, settings):
    plain = loaded(wired, {})
    untouched, _, _ = live(wired, settings, moved=False)
    assert near(untouched, plain) < 1e-5  # a new adapter does nothing
    now, file, adapter = live(wired, settings)
    assert near(now, plain) > 1e-3
    assert near(now - plain, loaded(wired, file) - plain) < 1e-3
    again, second, _ = live(wired, {"rank": 99, "seed": 7}, start=file, moved=False)
    assert near(again - plain, now - plain) < 1e-3
    assert second.keys() == file.keys()
    assert all(key.endswith(".alpha") or near(second[key], file[key]) < 1e-3 for key in file)
    assert all(parameter.dtype == torch.float32 for parameter in adapter.parameters())


def test_ranks_by_group(wired):
    _, file, adapter = live(wired, KINDS["ranks"])
    ranks = {size.rank for size in adapter.sizes.values()}
    assert ranks == {2, 8}
    alphas = Counter(float(v) for k, v in file.items() if k.endswith("alpha"))
    ranks = Counter(size.rank for size in adapter.sizes.values())
    if naming(wired.model).one_alpha:  # kohya's form has one for all
        assert alphas == {1.0: sum(ranks.values())}
    else:
        assert alphas == {1.0: ranks[2], 8.0: ranks[8]}


def test_a_lora_for_another_model_is_refused(wired):
    stranger = {"diffusion_model.nowhere.lora_A.weight": torch.ones(2, 4)}
    stranger |= {"diffusion_model.nowhere.lora_B.weight": torch.ones(4, 2)}
    with pytest.raises(ValueError, match=r"not made for the model.*nowhere.* and 1 more"):
        live(wired, {}, start=stranger)


def test_what_trains_text_encoders_is_carried_along(wired):
    _, file, _ = live(wired, {})
    file["lora_te_text_model_x.lora_down.weight"] = torch.ones(2, 4)
    _, again, _ = live(wired, {}, start=file, moved=False)
    assert again.keys() == file.keys()


def test_a_dora_on_rows_of_zeros_is_refused_with_the_way_out():
    """Its formula divides by their length."""
    with training_mode(), private_copy(tiny.unet()) as private:
        network = private.model.diffusion_model
        layer = network.middle_block[1].transformer_blocks[0].attn1.to_q
        layer.weight.data = layer.weight.clone().index_fill_(0, torch.tensor([3]), 0)
        with pytest.raises(ValueError, match=r"attn1.to_q has rows of zeros.*exclude"):
            Adapter(network, make_config(rank=2, adapter="dora"))


@pytest.mark.parametrize("kind", ["lora", "dora", "loha", "lokr"])
def test_every_part_gets_a_gradient(wired, kind):
    with training_mode(), private_copy(wired) as private, own_randomness(0):
        config = make_config(rank=4, adapter=kind)
        adapter = Adapter(private.model.diffusion_model, config)
        unsettle(adapter)
        denoiser = Denoiser(private, load(private))
        channels = private.model.latent_format.latent_channels
        latent = torch.randn(1, channels, 8, 8).to(denoiser.device)
        conditioning = denoiser.conditioning(tiny.caption(private, 0), latent)
        example = Example(Path("a.png"), (64, 64), latent, conditioning)
        Task(denoiser, None, 0).training_loss([example], "dataset", 0).sum().backward()
        gradients = [parameter.grad for parameter in adapter.parameters()]
        assert all(g is not None and torch.isfinite(g).all() for g in gradients)
        assert sum(bool(g.any()) for g in gradients if g is not None) >= 0.9 * len(gradients)


def stepped(wired, recomputed):
    """Gradients of one step, and the bytes that autograd kept for it."""
    kept = {}

    def keep(tensor):
        if not isinstance(tensor, torch.nn.Parameter):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with training_mode(), private_copy(wired) as private, own_randomness(0):
        network = private.model.diffusion_model
        adapter = Adapter(network, make_config(rank=4))
        unsettle(adapter)
        denoiser = Denoiser(private, load(private))
        if recomputed:
            assert recompute_blocks(network) > 0
        channels = private.model.latent_format.latent_channels
        latent = torch.randn(1, channels, 16, 16).to(denoiser.device)
        conditioning = denoiser.conditioning(tiny.caption(private, 0), latent)
        example = Example(Path("a.png"), (128, 128), latent, conditioning)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = Task(denoiser, None, 0).training_loss([example], "dataset", 0).sum()
            held = sum(kept.values())
        loss.backward()
        return [parameter.grad for parameter in adapter.parameters()], held


def test_recomputed_blocks_give_the_same_gradients_and_keep_less(wired):
    plain, before = stepped(wired, False)
    again, after = stepped(wired, True)
    assert max(near(one, other).item() for one, other in zip(again, plain, strict=True)) < 1e-5
    assert after < before / 2


def test_switched_off_it_is_the_base(wired):
    plain = loaded(wired, {})
    with training_mode(), private_copy(wired) as private, own_randomness(0):
        adapter = Adapter(private.model.diffusion_model, make_config(rank=4))
        unsettle(adapter)
        adapter.enabled(False)
        assert torch.equal(predict(private), plain)
        adapter.enabled(True)
        assert near(predict(private), plain) > 1e-3
        assert all(parameter.requires_grad for parameter in adapter.parameters())
