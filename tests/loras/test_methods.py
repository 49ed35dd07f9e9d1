"""The ways to merge, on deltas: peft's own functions where they act on deltas, else the papers."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft.utils import merge_utils

from atelier.training.loras.layer import Factors, dense
from atelier.training.loras.methods import Recipe, merged

from .made import near, random


def combined(*arguments):
    return dense(merged(*arguments))


WEIGHTS = [0.7, -0.4, 1.3]
ORACLES = {
    "linear": lambda deltas, weights, density: merge_utils.task_arithmetic(deltas, weights),
    "magnitude": merge_utils.magnitude_prune,
    "ties": merge_utils.ties,
    "dare": merge_utils.dare_linear,
    "dare_ties": merge_utils.dare_ties,
}


def deltas(seed, count=3):
    return [torch.randn(9, 7, generator=random(seed + n)) for n in range(count)]


@given(st.sampled_from(sorted(ORACLES)), st.floats(0.02, 0.98), st.integers(0, 999))
def test_it_is_what_peft_makes_of_the_same_deltas(method, density, seed):
    some = deltas(seed)
    rank = 0 if method == "linear" else 4
    mine = combined(some, WEIGHTS, Recipe(method, rank, density), random(seed))
    torch.manual_seed(seed)
    theirs = ORACLES[method](some, torch.tensor(WEIGHTS), density)
    assert torch.allclose(mine, theirs, atol=1e-5)


def test_chance_is_our_own_and_does_not_move_torchs():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    recipe = Recipe("dare", 4, 0.5, seed=3)
    one, again = (combined(deltas(0), WEIGHTS, recipe, recipe.dice("a")) for _ in range(2))
    other = combined(deltas(0), WEIGHTS, recipe, recipe.dice("b"))
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert torch.equal(before, torch.get_rng_state())


def test_della_keeps_large_values_more_often_and_the_mean_as_it_was():
    row = torch.arange(1.0, 11.0).repeat(1, 1)
    recipe = Recipe("della", 4, density=0.5, window=0.8)
    dice = random(0)
    kept = torch.stack([combined([row], [1.0], recipe, dice) for _ in range(4000)])
    chance = (kept != 0).float().mean((0, 1))
    assert torch.allclose(chance, torch.linspace(0.1, 0.9, 10), atol=0.03)
    assert torch.allclose(kept.mean((0, 1)), row[0], rtol=0.15)


@given(st.floats(0.05, 0.95), st.integers(0, 99), st.booleans())
def test_slerp_is_an_arc(along, seed, thin):
    one, other = (d / d.norm() for d in deltas(seed, 2))
    if thin:
        one, other = one[:, :2], other[:, :2]
        one, other = one / one.norm(), other / other.norm()
        pair = [Factors(d, torch.eye(2)) for d in (one, other)]
    else:
        pair = [one, other]
    out = combined(pair, [1 - along, along], Recipe("slerp"), random(0))
    whole = math.acos(float((one * other).sum()))
    assert float(out.norm()) == pytest.approx(1, abs=1e-4)
    assert math.acos(min(1, float((one * out).sum()))) == pytest.approx(along * whole, abs=2e-3)


def test_slerp_of_the_same_is_the_same_and_of_opposites_the_line():
    one = deltas(0, 1)[0]
    assert near(combined([one, 3 * one], [1, 1], Recipe("slerp"), random(0)), 2 * one) < 1e-5
    assert combined([one, -one], [1, 1], Recipe("slerp"), random(0)).norm() < 1e-5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "sum"}, "no method 'sum'"),
        ({"method": "ties"}, "ties needs a rank"),
        ({"method": "svd"}, "svd needs a rank"),
        ({"rank": -1}, "rank"),
        ({"density": 0}, "density"),
        ({"density": 1.1}, "density"),
        ({"method": "della", "rank": 4, "density": 0.95}, "chances from 0.85 to 1.05"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**settings)
