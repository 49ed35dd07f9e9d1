"""Run on a card that counts, by `test_card.py`: `pytest --card=fp32 tests/card/on_card.py`."""

import gc
import os
from collections import Counter
from pathlib import Path

import comfy.model_management as management
import pytest
import torch
from safetensors.torch import load_file
from torch.utils._python_dispatch import TorchDispatchMode

from atelier.training.data.folder import load_folder
from atelier.training.fitting import planned
from atelier.training.host.staying import Staying
from atelier.training.task import Task

from ..engine.trained import some, train, wired
from .runs import FOLDER, RUNS

CPUS = Path(os.environ[FOLDER])
DEVICE = management.get_torch_device()
CARD = torch.get_device_module(DEVICE)
STILL = ("lora_A.weight", "lora_down.weight", "alpha")


@pytest.fixture
def wires(base):
    """The pictures that the CPU was shown."""
    dataset = load_folder(CPUS / "pictures")
    return wired(base, dataset, held_out=some(dataset, 2))


def same(one, other, tolerance):
    """Text encoders' part and the network's each up to a share of its length, without what hardly
    moves from its random start."""
    assert one.keys() == other.keys()
    for text in (True, False):
        learned = [
            name
            for name in other
            if name.startswith("lora_te") is text and not name.endswith(STILL)
        ]
        if learned:
            here, there = (torch.cat([lora[n].flatten() for n in learned]) for lora in (one, other))
            assert (here - there).norm() <= tolerance * there.norm()


def peak(wires, name, **settings):
    """Bytes of the card that a run takes at most, and its LoRA."""
    management.unload_all_models()
    gc.collect()
    CARD.reset_peak_memory_stats()
    run = train(wires, name=name, **settings)
    return CARD.max_memory_allocated(), run


@pytest.mark.parametrize("name", RUNS)
def test_it_learns_what_the_cpu_learns(wires, name):
    assert DEVICE.type != "cpu" and management.unet_offload_device().type == "cpu"
    here = train(wires, name=name, **RUNS[name]).lora()
    same(here, load_file(CPUS / f"{name}.safetensors"), 2e-3)


def test_what_is_streamed_or_computed_again_takes_less_and_learns_the_same(wires):
    whole, run = peak(wires, "whole", checkpointing="none", streaming="off")
    again, recomputed = peak(wires, "again", checkpointing="block", streaming="off")
    away, streamed = peak(wires, "away", checkpointing="block", streaming="on")
    assert away < 0.8 * again < 0.8 * whole
    same(streamed.lora(), run.lora(), 1e-3)
    same(recomputed.lora(), run.lora(), 1e-3)


@pytest.mark.parametrize(("text_encoders", "batch_size"), [("none", 4), ("clip", 1)])
def test_the_plan_foresees_the_peak(wires, monkeypatch, text_encoders, batch_size):
    """With a text encoder on the card too, where ComfyUI has it unless all is in fp32."""
    monkeypatch.setattr(wires.clip.patcher, "load_device", DEVICE)
    how = {"batch_size": batch_size, "text_encoders": text_encoders, "validate_every": 0}
    train(wires, name="encoded", steps=1, **how)
    for checkpointing in ("none", "block"):
        taken, run = peak(wires, checkpointing, checkpointing=checkpointing, **how)
        plan = planned(run)
        assert plan
        text = wires.clip.patcher.model_size() if text_encoders != "none" else 0
        assert 0.85 < taken / (plan.peak + text) < 1.1


class Brought(TorchDispatchMode):
    """Bytes that go from main memory to the card or back, by step."""

    step = 0

    def __init__(self):
        super().__init__()
        self.bytes = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function.overloadpacket in (torch.ops.aten._to_copy, torch.ops.aten.copy_):
            source = args[1] if function.overloadpacket is torch.ops.aten.copy_ else args[0]
            if source.device != result.device:
                self.bytes[self.step] += result.nbytes
        return result


def test_a_step_waits_for_nothing_from_main_memory(wires, monkeypatch):
    """What was drawn before is on the card."""
    real, brought = Task.training_loss, Brought()

    def counting(self, batch, stream, number):
        brought.step = number + 1
        return real(self, batch, stream, number)

    monkeypatch.setattr(Task, "training_loss", counting)
    with brought:
        train(wires, validate_every=0, save_every=100)
    assert brought.bytes[1] > 0
    assert not any(brought.bytes[step] for step in range(3, 6))  # the last is saved


def test_idle_models_leave_the_card_to_it(wires, monkeypatch):
    """The VAE, which encoded the pictures and draws samples, is not there in any step."""
    real, there = Task.training_loss, Counter()

    def looking(self, batch, stream, number):
        for loaded in management.current_loaded_models:
            there[isinstance(loaded.model, Staying) or loaded.device.type == "cpu"] += 1
        return real(self, batch, stream, number)

    monkeypatch.setattr(Task, "training_loss", looking)
    how = {"sample_every": 2, "sample_prompts": "a person", "sample_steps": 1}
    train(wires, name="drawing", **how)
    assert there[True] and not there[False]
    free = []
    for name, idle in (("alone", []), ("beside", [wires.vae.patcher])):
        management.unload_all_models()
        management.load_models_gpu(idle)
        plan = planned(train(wires, name=name))
        assert plan
        free.append(plan.free)
    assert abs(free[0] - free[1]) < 0.1 * wires.vae.patcher.model_size()


def test_on_a_small_card_it_makes_room_and_learns_the_same(wires, monkeypatch):
    """Down to what streaming alone takes, less than which nothing could do."""
    most, run = peak(wires, "most", checkpointing="none", streaming="off")
    least, _ = peak(wires, "least", checkpointing="block", streaming="on")
    chosen = set()
    for number in range(5):
        CARD.card.set_most(int(most - (most - 1.25 * least) * number / 4))
        try:
            taken, other = peak(wires, f"run {number}")
        finally:
            CARD.card.set_most(8 * 2**30)
        plan = other.plan()
        assert plan and taken <= most
        chosen.add((plan["recompute"], plan["streamed"] > 0))
        same(other.lora(), run.lora(), 1e-3)
    assert (True, True) in chosen


def test_where_drawing_pushes_the_model_off_the_card_it_learns_the_same(wires):
    how = {"checkpointing": "none", "sample_every": 2, "sample_prompts": "a person"}
    most, whole = peak(wires, "whole", sample_steps=1, **how)
    CARD.card.set_most(int(0.9 * most))
    try:
        taken, run = peak(wires, "pushed", sample_steps=1, **how)
    finally:
        CARD.card.set_most(8 * 2**30)
    assert taken < 0.9 * most
    same(run.lora(), whole.lora(), 1e-3)


def test_nothing_of_a_run_stays_on_the_card(wires):
    management.unload_all_models()
    gc.collect()
    before = CARD.memory_allocated()
    train(wires, name="gone", **RUNS["everything"])
    management.unload_all_models()
    gc.collect()
    assert CARD.memory_allocated() == before
