"""What nodes put on a model, as a hash; and letting go of what a picture was made from."""

import functools

import pytest
import torch
from comfy.model_patcher import ModelPatcher
from comfy.samplers import ksampler

from atelier.training.host.behaviour import behaviour, described
from atelier.training.host.grid_graph import let_go


def patcher():
    return ModelPatcher(torch.nn.Linear(2, 2), torch.device("cpu"), torch.device("cpu"))


def rescaled(by):
    def rescale(arguments):
        return arguments["cond"] * by

    return rescale


def doubled(arguments, more=0):
    return arguments["cond"] * 2 + more


class Wrapper:
    def __init__(self, by):
        self.by, self.itself = by, self

    def __call__(self, arguments):
        return arguments["cond"] * self.by


def with_guidance(function):
    made = patcher()
    made.set_model_sampler_cfg_function(function)
    return behaviour(made)


def with_attention(value):
    made = patcher()
    made.set_model_attn1_patch(value)
    return behaviour(made)


@pytest.mark.parametrize("put", [with_guidance, with_attention])
def test_equal_closures_are_the_same_and_others_are_not(put):
    assert put(rescaled(0.7)) == put(rescaled(0.7))
    makers = [rescaled(0.7), rescaled(0.3), doubled, Wrapper(1), Wrapper(2)]
    makers += [functools.partial(doubled, more=1), functools.partial(doubled, more=2)]
    makers += [Wrapper(1).__call__, rescaled(torch.ones(3)), rescaled(torch.zeros(3))]
    found = {put(one) for one in makers}
    assert len(found) == len(makers) and behaviour(patcher()) not in found
    assert put(Wrapper(2)) in found and put(rescaled(torch.ones(3))) in found


def test_a_sampler_is_known_by_its_name_and_options():
    samplers = [ksampler("euler"), ksampler("heun"), ksampler("euler", {"s_noise": 0.5})]
    hashes = [described(one) for one in samplers]
    assert len(set(hashes)) == 3 and described(ksampler("heun")) == hashes[1]


def test_what_is_left_out_counts_nowhere():
    assert described(Wrapper(1), ("by",)) == described(Wrapper(2), ("by",))
    assert described(Wrapper(1), ("other",)) != described(Wrapper(2), ("other",))
    assert described(Wrapper(1), ("by",)) != described(Wrapper(1), ("by", "itself"))


def test_what_is_let_go_holds_nothing():
    with torch.inference_mode():
        image, text = torch.ones(1, 8, 8, 3), [[torch.ones(1, 7, 4), {"pooled": torch.ones(4)}]]
        view = image.movedim(-1, 1)
        let_go(view, text, {"samples": torch.ones(2)}, None)
    assert view.numel() == text[0][0].numel() == text[0][1]["pooled"].numel() == 0
    assert image.numel()  # it has its own hold
