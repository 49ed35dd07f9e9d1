"""The plan of memory: what a step keeps, and what is chosen."""

import weakref
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from atelier.training.plan import MARGIN, Base, Choice, Need, Plan, choose, measure

CPU = torch.device("cpu")
WIDE = 64 * 64 * 4  # bytes of one activation below


def network():
    block = [nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Tanh()) for _ in range(4)]
    return nn.ModuleList(block).requires_grad_(False)


def test_what_a_step_keeps_is_counted_once_and_block_by_block():
    blocks = network()
    x = torch.randn(64, 64, requires_grad=True)

    def step():
        y = x * 1.0
        for block in blocks:
            y = block(y)
        return y.sum()

    need = measure([blocks], blocks, step, CPU)
    assert need.kept == pytest.approx(8 * WIDE, rel=0.3)  # two outputs of tanh in each block
    assert need.recomputed == pytest.approx(6 * WIDE, rel=0.3)  # four inputs and one block's two
    assert not any(block._forward_hooks or block._forward_pre_hooks for block in blocks)

    def again():
        y: Any = x * 1.0
        for block in blocks:
            y = checkpoint(block, y, use_reentrant=False)
        return y.sum()

    # As planned, before one block is done again.
    assert measure([blocks], [], again, CPU).kept == 4 * WIDE
    assert measure([blocks], [], again, torch.device("meta")).kept == 0


def test_what_is_measured_is_not_kept_meanwhile():
    """Else the measurement would need as much memory as the step that may not fit."""
    seen: list[weakref.ref] = []
    x = torch.randn(64, 64, requires_grad=True)

    def step():
        y = x
        for _ in range(4):
            y = y.tanh()
            seen.append(weakref.ref(y))
            assert sum(ref() is not None for ref in seen) == 1
        return y.sum()

    assert measure([], [], step, CPU).kept == 4 * WIDE


ALL = Base(whole=40, movable=30, largest=4)


@pytest.mark.parametrize(
    ("checkpointing", "kept", "free", "recompute"),
    [
        ("auto", 50, 100, False),
        ("auto", 95, 100, True),
        ("auto", 500, 100, True),
        ("none", 500, 100, False),
        ("block", 5, 100, True),
    ],
)
def test_what_does_not_fit_is_computed_again(checkpointing, kept, free, recompute):
    choice = choose(checkpointing, "off", Need(kept, 3), 10, ALL, free + ALL.movable)
    assert choice == Choice(recompute)


@pytest.mark.parametrize(
    ("checkpointing", "streaming", "free", "choice"),
    [
        ("auto", "auto", 200, Choice(False)),  # all of it fits
        ("auto", "auto", 100, Choice(True)),  # a recomputed step beside the whole base
        ("auto", "auto", 60, Choice(True, 14)),  # 27 + 10 + 4 and the margin: 45.6
        ("auto", "auto", 20, Choice(True, 0)),  # nothing helps
        ("auto", "off", 60, Choice(True)),
        ("auto", "on", 200, Choice(False, 0)),
        ("auto", "on", 60, Choice(True, 0)),
        ("none", "auto", 115, Choice(False, 9)),  # asked to keep all: layers go instead
        ("block", "auto", 200, Choice(True)),
    ],
)
def test_layers_are_streamed_when_nothing_else_helps(checkpointing, streaming, free, choice):
    """A step keeps 81, or 27 with blocks computed again; the LoRA takes 10, layers 30."""
    assert choose(checkpointing, streaming, Need(81, 27), 10, ALL, free) == choice


def test_what_is_chosen_fits():
    for free in range(30, 200):
        choice = choose("auto", "auto", Need(81, 27), 10, ALL, free)
        resident = ALL.movable if choice.resident is None else choice.resident
        taken = (27 if choice.recompute else 81) + 10
        if free >= 46:  # the least that streaming everything needs
            assert taken <= MARGIN * (free - resident)


def test_a_plan_of_before_there_was_streaming_is_still_a_plan():
    kept: dict[str, Any] = {"weights": 9, "adapter": 1, "step": 3, "step_recomputed": 2, "free": 20}
    plan = Plan(**kept, recompute=True, asked="auto")
    assert (plan.streamed, plan.resident, plan.compiled) == (0, None, False)
    assert Plan(**plan.record()) == plan


def test_pictures_may_keep_what_is_left():
    plan = Plan(80, 10, 60, 30, 100, recompute=True, asked="auto", streamed=20, buffer=15)
    assert plan.fits and plan.spare == 90 - 30 - 10 - 15
    tight = Plan(80, 10, 60, 30, 61, recompute=True, asked="auto", streamed=20, buffer=15)
    assert not tight.fits


def test_a_batch_needs_as_much_more():
    assert Need(3, 2).times(4) == Need(12, 8)


@pytest.mark.parametrize(
    ("recompute", "free", "words"),
    [
        (False, 2**33, ["0.50 GiB", "all is kept", "fits"]),
        (True, 2**28, ["computed again", "does not fit otherwise"]),
        (True, 2**20, ["may not fit", "Lower resolution or batch_size."]),
    ],
)
def test_the_plan_says_what_was_chosen_and_why(recompute, free, words):
    text = Plan(2**29, 2**20, 2**29, 2**27, free, recompute, "auto").text()
    assert all(word in text for word in words)


def test_the_plan_says_what_is_streamed_and_compiled():
    plan = Plan(2**32, 2**20, 2**30, 2**28, 2**29, True, "auto", 2**31, 2**31)
    assert "2.00 GiB of the base are streamed (the whole base does not fit" in plan.text()
    asked = Plan(2**32, 2**20, 2**30, 2**28, 2**31, False, "none", 2**31, 0, "on", True)
    assert "streamed (as asked)" in asked.text() and "compiled" in asked.text()
    off = Plan(2**32, 2**20, 2**30, 2**28, 2**20, True, "auto", streaming="off")
    assert "or set streaming = 'auto'." in off.text()
