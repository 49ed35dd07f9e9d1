"""Streaming, compiling and the plan: the same gradients, whatever of the network is where."""

from pathlib import Path

import comfy.model_management as management
import comfy.ops
import pytest
import torch
from torch._inductor.exc import InvalidCxxCompiler

from atelier.tests import tiny
from atelier.tests.tiny.stored import PRECISIONS
from atelier.training.adapters.adapter import Adapter
from atelier.training.config import make_config
from atelier.training.examples import Example
from atelier.training.host import compiled
from atelier.training.host.forward import Denoiser
from atelier.training.host.mode import own_randomness, training_mode
from atelier.training.host.precision import compute_in
from atelier.training.host.private import fill, load, private_copy
from atelier.training.host.recompute import blocks, recompute_blocks
from atelier.training.host.stream import is_left_out, movable
from atelier.training.plan import Plan
from atelier.training.task import Task

from .trained import same, state, stop_at, train

MODELS = {
    "sd15": tiny.unet,
    "sdxl": tiny.sdxl,
    "sd3": tiny.sd3,
    "fp8": lambda: PRECISIONS["fp8"].load(tiny.unet),
    "mixed": lambda: PRECISIONS["mixed"].load(tiny.unet),
}


class Trial:
    """A tiny model with an adapter that is no longer zero, its task, and gradients of it."""

    def __init__(self, private, **settings):
        network = private.model.diffusion_model
        with own_randomness(0):
            self.adapter = Adapter(network, make_config(rank=4, alpha=4, **settings))
        dice = torch.Generator().manual_seed(5)
        for parameter in self.adapter.parameters():
            parameter.data += 0.05 * torch.randn(parameter.shape, generator=dice).to(parameter)
        self.private, self.network = private, network

    def gradients(self, compute="auto", sides=(8,)):
        """Of one step for each size of latents."""
        denoiser = Denoiser(self.private, self.private.load_device)
        precision = compute_in(compute, denoiser, self.adapter)
        task = Task(denoiser, None, seed=0, precision=precision)
        for side in sides:
            dice = torch.Generator().manual_seed(side)
            channels = self.private.model.latent_format.latent_channels
            latents = torch.randn(2, 1, channels, side, side, generator=dice).to(denoiser.device)
            batch = [
                Example(
                    Path(f"{number}.png"),
                    (8 * side, 8 * side),
                    latent,
                    denoiser.conditioning(tiny.caption(self.private, number), latent),
                )
                for number, latent in enumerate(latents)
            ]
            noise = torch.randn(2, *latents.shape[2:], generator=dice).to(latents)
            task.loss(batch, noise, denoiser.sigma(latents.new_tensor([0.3, 0.7]))).sum().backward()
        found = [p.grad for p in self.adapter.parameters() if p.grad is not None]
        assert len(found) == len(self.adapter.parameters())
        for parameter in self.adapter.parameters():
            parameter.grad = None
        return found

    @property
    def left_out(self):
        return [module for module in movable(self.private.model) if is_left_out(module)]


def plan_of(run):
    kept = run.plan()
    assert kept
    return Plan(**kept)


def equal(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


# ------------------------------------------------------------------ streaming


@pytest.mark.parametrize("targets", ["attention_mlp", "all"])
@pytest.mark.parametrize("model", MODELS)
def test_streamed_layers_give_the_same_gradients_to_the_bit(model, targets):
    wired = MODELS[model]()
    before = {name: tensor.clone() for name, tensor in wired.model.state_dict().items()}
    with training_mode(), private_copy(wired) as private:
        trial = Trial(private, targets=targets)
        load(private)
        layers = movable(private.model)
        largest = max(map(management.module_size, layers))
        some = sum(map(management.module_size, layers)) - largest
        for recompute in (False, True):  # which adds gradients up in another order
            if recompute:
                recompute_blocks(trial.network)
            assert not trial.left_out
            whole = trial.gradients()
            load(private, 0)
            assert len(trial.left_out) == len(layers) and private.loaded_size() == 0
            assert equal(trial.gradients(), whole)
            load(private, some)
            if largest < some / 4:
                assert 0 < len(trial.left_out) < len(layers)
            assert private.loaded_size() <= some
            assert equal(trial.gradients(), whole)
            fill(private, None)
        assert not trial.left_out
        assert equal(trial.gradients(), whole)
    after = wired.model.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert not any(is_left_out(module) for module in wired.model.modules())


def test_under_autocast_the_gradients_are_the_same_too():
    found = []
    for resident in (None, 0):
        with training_mode(), private_copy(tiny.unet()) as private:
            trial = Trial(private)
            load(private, resident)
            found.append(trial.gradients("bf16"))
            assert bool(trial.left_out) is (resident == 0)
    assert equal(*found)


def test_nothing_of_the_adapter_is_left_out():
    """ComfyUI would, in a partial load, and when it needs room for something else."""
    with training_mode(), private_copy(tiny.unet()) as private:
        trial = Trial(private, targets="all")
        load(private, 0)
        private.partially_unload(private.offload_device, 10**9)
        theirs = {id(p) for module in movable(private.model) for p in module.parameters()}
        assert not theirs & {id(parameter) for parameter in trial.adapter.parameters()}
        listed = [entry[-2] for entry in private._load_list()]
        assert {id(module) for module in listed} == {id(m) for m in movable(private.model)}


def test_a_layer_whose_weight_dora_reads_stays():
    with training_mode(), private_copy(tiny.unet()) as private:
        trial = Trial(private, adapter="dora", targets="attention")
        load(private)
        whole = trial.gradients()
        load(private, 0)
        inside = {private.model.diffusion_model.get_submodule(n) for n in trial.adapter.layers}
        read = {module.base_layer for module in inside}
        assert read and not read & set(trial.left_out)
        assert equal(trial.gradients(), whole)


@pytest.mark.parametrize("model", ["sd15", "fp8"])
def test_neither_layer_nor_convolution_keeps_its_weight_for_backward(model):
    """What autograd saves in a step with every layer left out has the size of no weight."""
    with training_mode(), private_copy(MODELS[model]()) as private:
        trial = Trial(private, targets="attention")
        load(private, 0)
        shapes = {module.weight.shape for module in trial.left_out if module.weight.ndim == 4}
        kept = []
        hooks = torch.autograd.graph.saved_tensors_hooks
        with hooks(lambda tensor: kept.append(tensor.shape) or tensor, lambda tensor: tensor):
            trial.gradients()
        assert shapes and not shapes & set(kept)


def test_casting_convolutions_are_plain_and_others_are_left_alone():
    wired = MODELS["fp8"]()
    with training_mode(), private_copy(wired) as private:
        kinds = {type(m).__name__ for m in movable(private.model)}
        assert kinds == {"PlainConv2d", "PlainLinear"}
    with training_mode(), private_copy(tiny.unet()) as private:
        kinds = {type(module) for module in movable(private.model)}
        plain = comfy.ops.disable_weight_init
        assert plain.Conv2d in kinds


# ------------------------------------------------------------------ a run


def test_a_streamed_run_is_the_same_run(wires):
    before = state(wires)
    whole = train(wires, name="whole")
    streamed = train(wires, name="streamed", streaming="on")
    plan = plan_of(streamed)
    assert plan.streamed > 0.8 * plan.weights and plan.resident == 0
    assert "are streamed (as asked)" in plan.text()
    assert plan_of(whole).streamed == 0
    assert same([whole.lora()], [streamed.lora()])
    assert same(before, state(wires))


def test_a_run_goes_on_with_the_plan_it_began_with(wires, monkeypatch):
    whole = train(wires, name="whole", streaming="on")
    with monkeypatch.context() as patch:
        stop_at(patch, 4, RuntimeError("crash"))
        with pytest.raises(RuntimeError):
            train(wires, name="stopped", streaming="on")
    monkeypatch.setattr("atelier.training.fitting.measure", None)  # it is not measured again
    assert same([whole.lora()], [train(wires, name="stopped", streaming="on").lora()])


# ------------------------------------------------------------------ compiling


def test_blocks_are_found_however_deep_their_lists_lie():
    """As in HiDream-O1, where a language model is a part of the network."""
    inner = torch.nn.ModuleList([torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)])
    network = torch.nn.ModuleDict({"reader": torch.nn.ModuleDict({"layers": inner})})
    deep = torch.nn.Identity()
    network["levels"] = torch.nn.ModuleList([torch.nn.ModuleList([deep])])
    assert list(blocks(network)) == [*inner, deep]


@pytest.mark.long
@pytest.mark.parametrize(
    ("make", "again"),
    [(tiny.unet, False), (tiny.unet, True), (tiny.flux, False), (tiny.flux, True)],
)
def test_compiled_blocks_give_the_same_gradients_but_for_rounding(make, again):
    """Relative difference below 1e-4 in fp32, at three sizes, of which each is a variant."""
    sides = (8, 16, 12)
    with training_mode(), private_copy(make()) as private, compiled.many_variants():
        trial = Trial(private)
        load(private)
        eager = trial.gradients(sides=sides)
        if again:
            recompute_blocks(trial.network)
        assert compiled.compile_blocks(trial.network) == len(list(blocks(trial.network)))
        for one, other in zip(eager, trial.gradients(sides=sides), strict=True):
            assert (one - other).abs().max() <= 1e-4 * one.abs().max()


@pytest.mark.long
def test_a_compiled_run_gives_the_same_file_but_for_rounding(wires):
    limit = torch._dynamo.config.recompile_limit
    eager = train(wires, name="eager", optimizer="adafactor").lora()
    lora = train(wires, name="compiled", optimizer="adafactor", compile=True).lora()
    assert lora.keys() == eager.keys()
    for name, tensor in eager.items():
        torch.testing.assert_close(lora[name], tensor, rtol=0.02, atol=1e-4)
    assert torch._dynamo.config.recompile_limit == limit


def test_blocks_are_not_told_where_they_stand_unless_a_patch_asks():
    seen = []
    block = compiled._anywhere(lambda **named: seen.append(named["transformer_options"]))
    block(transformer_options={"block": ("input", 1), "sigmas": 1})
    block(transformer_options={"block": ("input", 1), "patches": {"attn1_patch": [print]}})
    assert [set(options) for options in seen] == [{"sigmas"}, {"block", "patches"}]


@pytest.mark.parametrize(
    ("platform", "device", "words"),
    [
        ("linux", "cpu", ["a C++ compiler", "g++ or clang"]),
        ("win32", "cpu", ["a C++ compiler", "Visual Studio Build Tools"]),
        ("linux", "cuda", ["Triton", "Install triton "]),
        ("win32", "cuda", ["Triton", "Install triton-windows"]),
    ],
)
def test_without_a_compiler_the_run_is_refused_by_name(monkeypatch, platform, device, words):
    def broken(_function):
        raise InvalidCxxCompiler()

    monkeypatch.setattr(compiled.torch, "compile", broken)
    monkeypatch.setattr(compiled.torch, "ones", lambda *_, **__: None)
    monkeypatch.setattr(compiled.sys, "platform", platform)
    with pytest.raises(ValueError, match="compile = True needs") as raised:
        compiled.refuse_uncompilable(torch.device(device))
    assert all(word in str(raised.value) for word in [*words, "set compile = False"])


def test_a_run_that_cannot_compile_ends_before_its_first_step(wires, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr("torch._inductor.cpp_builder.get_cpp_compiler", _no_compiler)
    torch._dynamo.reset()
    with pytest.raises(ValueError, match="compile = True needs a C\\+\\+ compiler"):
        train(wires, name="uncompiled", compile=True)


def _no_compiler():
    raise InvalidCxxCompiler()
