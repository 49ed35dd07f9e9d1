"""The plan of memory: what a step keeps, and what is chosen."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from atelier.training.plan import Need, Plan, choose, measure

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

    need = measure(blocks, blocks, step)
    assert need.kept == pytest.approx(8 * WIDE, rel=0.3)  # two outputs of tanh in each block
    assert need.recomputed == pytest.approx(6 * WIDE, rel=0.3)  # four inputs and one block's two
    assert not any(block._forward_hooks or block._forward_pre_hooks for block in blocks)

    def again():
        y: Any = x * 1.0
        for block in blocks:
            y = checkpoint(block, y, use_reentrant=False)
        return y.sum()

    assert measure(blocks, [], again).kept == 4 * WIDE  # as planned, before one block is done again


@pytest.mark.parametrize(
    ("asked", "kept", "free", "recompute"),
    [
        ("auto", 50, 100, False),
        ("auto", 95, 100, True),
        ("auto", 500, 100, True),
        ("none", 500, 100, False),
        ("block", 5, 100, True),
    ],
)
def test_what_does_not_fit_is_computed_again(asked, kept, free, recompute):
    assert choose(asked, Need(kept, 3), 10, free) is recompute


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
