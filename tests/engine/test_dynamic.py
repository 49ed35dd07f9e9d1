"""Models as ComfyUI's DynamicVRAM leaves them, by hand: what it does needs a card of Nvidia's.

With ComfyUI 0.33 it runs on the card that counts: `python dev.py test --card=dynamic tests/engine`.
"""

import comfy.model_management as management
import pytest
import torch

from atelier.tests import tiny
from atelier.tests.tiny.stored import PRECISIONS
from atelier.training.host.fingerprint import fingerprint
from atelier.training.host.mode import training_mode
from atelier.training.host.private import private_copy

from .test_precisions import same_gradients


class Pages:
    """As comfy-aimdo's objects: memory behind a number, freed by each that has the number."""

    def __deepcopy__(self, _memo):
        raise AssertionError("a copy would free the same memory once more")


@pytest.fixture
def loaded():
    """A model of bf16 whose file is fp32, loaded at once; and the same by DynamicVRAM, used."""
    stored = PRECISIONS["bf16"]
    at_once, wired = stored.load(tiny.unet), stored.load(tiny.unet)
    file = dict(tiny.unet().model.named_parameters())
    model, pages = wired.model, Pages()
    model.dynamic_vbars = {wired.load_device: pages}
    model.dynamic_pins = {wired.load_device: {"weights": (pages, [], [-1]), "failed": False}}
    model.dynamic_patchers = {1}
    for place, module in model.named_modules():
        for name in module._parameters:
            if module._parameters[name] is not None:
                setattr(module, f"{name}_comfy_model_dtype", torch.bfloat16)
                setattr(module, name, file[f"{place}.{name}"])
        if hasattr(module, "comfy_cast_weights"):
            module._v, module._v_signature, module.pin_failed = (pages, 0, 4), None, False
            module._v_weight = torch.zeros(4)
            module._pin_state = model.dynamic_pins[wired.load_device]
            module._pins = {"weights": {"pin": torch.zeros(4), "hostbuf": pages}}
            module.weight_lowvram_function = pages
            module.comfy_cast_weights, module.weight_function = True, [pages]
    return at_once, wired


def test_a_private_copy_has_none_of_its_pages(loaded):
    at_once, wired = loaded
    before = {name: set(vars(module)) for name, module in wired.model.named_modules()}
    with training_mode(), private_copy(wired) as private, private_copy(at_once) as other:
        assert not any("_v" in vars(module) for module in private.model.modules())
        for module, plain in zip(private.model.modules(), other.model.modules(), strict=True):
            more = vars(module).keys() - vars(plain).keys()
            assert all(name.endswith("_comfy_model_dtype") for name in more), more
            if hasattr(plain, "comfy_cast_weights"):
                assert module.comfy_cast_weights == plain.comfy_cast_weights
                assert not module.weight_function
    management.unload_all_models()
    assert {name: set(vars(module)) for name, module in wired.model.named_modules()} == before


def test_it_learns_what_a_model_loaded_at_once_learns(loaded):
    at_once, wired = loaded
    assert all(p.dtype == torch.float32 for p in wired.model.diffusion_model.parameters())
    same_gradients(wired, at_once, 0)


def test_it_is_the_same_model_for_checkpoints_and_caches(loaded):
    at_once, wired = loaded
    assert fingerprint(wired) == fingerprint(at_once)
