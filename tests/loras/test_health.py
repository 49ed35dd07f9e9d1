"""What Inspect LoRA says of files that are well, and of files that are not."""

import math

import pytest
import torch

from atelier.training.loras.health import health, rows, told

from .made import KINDS, named, parts, random, reference, wired


def lora(spoil=None, **more):
    state: dict = {}
    for n in range(6):
        state |= named(f"lora_unet_x{n}", parts("lora", 12, 8, 3, random(n), 1))
    if spoil:
        spoil(state)
    return wired(state | more)


def test_a_good_file_is_well():
    table = list(rows(lora()))
    assert health(table).well
    text = told(lora(), table)
    assert "6 x net: lora, rank 3, alpha 1" in text and "\n  healthy" in text


@pytest.mark.parametrize("kind", KINDS)
def test_figures_are_those_of_the_true_delta(kind):
    made = parts(kind, 12, 8, 3, random(0), 2)
    (row,) = rows(wired(named("lora_unet_x", made)))
    exact = reference(kind, made, 3)
    assert row.size == pytest.approx(float(exact.norm()) / math.sqrt(exact.numel()), rel=1e-4)
    share = torch.linalg.svdvals(exact).square()
    share = share[share > 0] / share.sum()
    assert row.effective == pytest.approx(float((-(share * share.log()).sum()).exp()), rel=1e-3)
    assert row.shape == tuple(exact.shape)


def nan(state):
    state["lora_unet_x2.lora_up.weight"][0, 0] = torch.nan


def zero(state):
    state["lora_unet_x2.lora_up.weight"].zero_()


def loud(state):
    state["lora_unet_x2.lora_up.weight"].mul_(1000)


def short(state):
    del state["lora_unet_x2.lora_up.weight"]


@pytest.mark.parametrize(
    ("spoil", "where", "words"),
    [
        (nan, "broken", "no numbers"),
        (short, "broken", "not whole"),
        (zero, "dead", "without effect: lora_unet_x2"),
        (loud, "loud", "x the median: lora_unet_x2"),
    ],
)
def test_a_sick_layer_is_named(spoil, where, words):
    sick = lora(spoil)
    table = list(rows(sick))
    found = health(table)
    assert [row.stem for row in getattr(found, where)] == ["lora_unet_x2"]
    text = told(sick, table)
    assert words in text and "not healthy" in text


def test_what_is_of_no_known_kind_is_told():
    odd = lora(**{"x.oft_blocks": torch.ones(1)})
    assert "1 tensors of no known kind, such as x.oft_blocks" in told(odd, list(rows(odd)))
