"""Bases stored in every precision that ComfyUI has: the gradient of the weights that they mean."""

import json
from functools import partial
from typing import Any

import comfy.model_management
import comfy.ops
import comfy.quant_ops
import comfy.samplers
import pytest
import torch
from comfy.model_patcher import ModelPatcher

from atelier.tests import tiny
from atelier.tests.tiny.stored import PRECISIONS, is_linear
from atelier.training.adapters.adapter import Adapter
from atelier.training.config import make_config
from atelier.training.host.fingerprint import fingerprint
from atelier.training.host.mode import training_mode
from atelier.training.host.precision import Precision
from atelier.training.host.private import private_copy

from .test_families import dead, same, training

NETWORKS = {"unet": tiny.unet, "sd3": tiny.sd3, "flux": tiny.flux}


def same_gradients(one: ModelPatcher, other: ModelPatcher, tolerance: float) -> None:
    """Of adapters on everything, convolutions too."""
    with training(one, targets="all") as run:
        run.unsettle()
        of_one = run.gradients(8)
    with training(other, targets="all") as run:
        run.unsettle()
        of_other = run.gradients(8)
    assert dead(of_one, ".lora_") == []
    for name, gradient in of_other.items():
        same(of_one[name], gradient, tolerance)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_base_of_low_precision_has_the_gradient_of_the_weights_it_means(network, precision):
    stored, make = PRECISIONS[precision], NETWORKS[network]
    wired = stored.load(make)
    meant = stored.in_full(make, wired)
    before = stored_bytes(wired)
    same_gradients(wired, meant, 1e-3)
    after = stored_bytes(wired)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_base_that_was_sampled_with_before_can_be_sampled_with_after(precision):
    """ComfyUI moves weights on and off the device, and does not take them back in every form."""
    wired = PRECISIONS[precision].load(tiny.sd3)
    with torch.inference_mode():
        comfy.model_management.load_models_gpu([wired])
    with training_mode(), private_copy(wired):
        pass
    with torch.inference_mode():
        comfy.model_management.load_models_gpu([wired])
        comfy.model_management.unload_all_models()


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_that_computes_in_half_precision(network, precision, monkeypatch):
    """As on a graphics card: on a CPU ComfyUI would cast to fp32."""
    monkeypatch.setattr(comfy.model_management, "unet_manual_cast", lambda *_, **__: None)
    stored, make = PRECISIONS[precision], NETWORKS[network]
    wired = stored.load(make)
    assert wired.model.manual_cast_dtype is None
    same_gradients(wired, stored.in_full(make, wired), 0.1)


def test_the_adapter_can_compute_in_fp32_on_a_network_that_does_not(monkeypatch):
    monkeypatch.setattr(comfy.model_management, "unet_manual_cast", lambda *_, **__: None)
    found = {}
    for compute in ("auto", "fp32"):
        with training(PRECISIONS["bf16"].load(tiny.sd3), compute) as run:
            run.unsettle()
            found[compute] = run.gradients(8)
    some = next(iter(found["auto"]))
    assert not torch.equal(found["auto"][some], found["fp32"][some])
    for name, gradient in found["fp32"].items():
        same(found["auto"][name], gradient, 0.1)


@pytest.mark.parametrize("asked", ["auto", "bf16", "fp32"])
def test_where_the_network_computes_in_fp16_losses_are_scaled(asked):
    assert Precision.of(asked, torch.float16).overflows
    assert not Precision.of(asked, torch.bfloat16).overflows
    assert Precision.of("fp16", torch.float32).overflows


@pytest.mark.parametrize("precision", ["fp8", "scaled-fp8", "mixed"])
def test_products_in_fp8_are_replaced(precision, monkeypatch):
    """As on cards that multiply in fp8: ComfyUI's own layers then lose the gradient."""
    monkeypatch.setattr(comfy.model_management, "supports_fp8_compute", lambda *_, **__: True)
    stored = PRECISIONS[precision]
    wired = stored.load(tiny.sd3, fp8_optimizations=True)
    same_gradients(wired, stored.in_full(tiny.sd3, wired), 1e-3)


@pytest.mark.parametrize("layout", ["nvfp4", "mxfp8", "int8_tensorwise", "float8_e5m2"])
def test_newer_formats_of_mixed_precision(layout):
    quant_ops = comfy.quant_ops
    if layout not in quant_ops.QUANT_ALGOS:
        pytest.skip(f"this ComfyUI has no {layout}")
    name = quant_ops.QUANT_ALGOS[layout]["comfy_tensor_layout"]
    mark = torch.frombuffer(bytearray(json.dumps({"format": layout}).encode()), dtype=torch.uint8)

    def quantised(state: tiny.State) -> dict[str, Any]:
        """Those in blocks: detection reads sizes off the others."""
        return {
            key: quant_ops.QuantizedTensor.from_float(tensor, name, scale="recalculate")
            for key, tensor in state.items()
            if is_linear(key, tensor) and key.startswith("joint_blocks")
        }

    def file(state: tiny.State) -> tiny.State:
        out = dict(state)
        for key, tensor in quantised(state).items():
            del out[key]
            out |= tensor.state_dict(key)
            out[key.removesuffix("weight") + "comfy_quant"] = mark
        return out

    def meant(state: tiny.State) -> tiny.State:
        return state | {key: tensor.dequantize() for key, tensor in quantised(state).items()}

    same_gradients(tiny.sd3(convert=file), tiny.sd3(convert=meant), 1e-3)


def test_a_lora_on_the_wire_is_part_of_a_base_of_low_precision():
    for precision in ("fp8", "scaled-fp8", "mixed"):
        wired = PRECISIONS[precision].load(tiny.sd3)
        patched = wired.clone()
        name = "joint_blocks.0.x_block.mlp.fc1.weight"
        with training_mode(), private_copy(wired) as private:
            before = weight_of(private, name)
        patched.add_patches({f"diffusion_model.{name}": ("diff", (-before,))}, 0.5)
        with training_mode(), private_copy(patched) as private:
            after = weight_of(private, name)
        same(after, 0.5 * before, 0.1)


def weight_of(patcher: ModelPatcher, name: str) -> torch.Tensor:
    """A linear layer's weight, found by what the layer does."""
    layer = patcher.model.diffusion_model.get_submodule(name.removesuffix(".weight"))
    with torch.no_grad():
        return (layer(torch.eye(layer.in_features)) - layer(torch.zeros(1, layer.in_features))).T


class Foreign(torch.nn.Module):
    """A layer as another pack makes it, which is no nn.Linear."""

    def __init__(self) -> None:
        super().__init__()
        self.in_features = self.out_features = 4


def test_layers_that_no_adapter_can_sit_on_are_refused():
    wired = tiny.sd3()
    wired.model.diffusion_model.joint_blocks[0].x_block.mlp.fc1 = Foreign()
    message = r"layer joint_blocks\.0\.x_block\.mlp\.fc1 is a .*\.Foreign.*fp16 or bf16"
    with pytest.raises(ValueError, match=message), training_mode(), private_copy(wired):
        pass


def stored_bytes(wired: ModelPatcher) -> dict[str, torch.Tensor]:
    """Of all weights, of quantised ones too."""
    tensors = {
        name: tensor._qdata if isinstance(tensor, comfy.ops.QuantizedTensor) else tensor
        for name, tensor in wired.model.named_parameters()
    }
    return {
        name: torch.empty(0, dtype=torch.uint8).set_(tensor.untyped_storage()).clone()
        for name, tensor in tensors.items()
    }


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_base_of_any_precision_is_known_by_its_weights(precision):
    load = PRECISIONS[precision].load
    assert fingerprint(load(tiny.sd3)) == fingerprint(load(tiny.sd3))
    assert fingerprint(load(tiny.sd3)) != fingerprint(load(partial(tiny.sd3, seed=1)))


def test_a_dora_on_fp8_is_refused_with_the_way_out():
    wired = PRECISIONS["fp8"].load(tiny.sd3)
    config = make_config(rank=2, adapter="dora")
    message = "needs the lengths of the base's weights, and .* is stored as .*float8.*'lora'"
    with training_mode(), private_copy(wired) as private, pytest.raises(ValueError, match=message):
        Adapter(private.model.diffusion_model, config)


def test_an_adapter_on_fp8_starts_in_fp32():
    wired = PRECISIONS["fp8"].load(tiny.sd3)
    for kind in ("lora", "loha", "lokr"):
        with training_mode(), private_copy(wired) as private:
            adapter = Adapter(private.model.diffusion_model, make_config(rank=4, adapter=kind))
            drawn = [parameter for parameter in adapter.parameters() if parameter.any()]
            assert drawn
            assert all((p != p.to(torch.float8_e4m3fn).float()).any() for p in drawn)
