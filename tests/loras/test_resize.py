"""Resize and extract, against the best that an SVD in float64 can do."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from atelier.training.loras.layer import Factors, Layer, delta, dense
from atelier.training.loras.lowrank import Budget, decompose, randomized
from atelier.training.loras.resize import extracted, resized

from .made import KINDS, named, near, parts, random, reference, wired


def tail(matrix, rank):
    values = torch.linalg.svdvals(matrix.double()).square()
    return float((values[rank:].sum() / values.sum()).sqrt())


def budgets():
    return st.one_of(
        st.builds(Budget, rank=st.integers(1, 12)),
        st.builds(Budget, energy=st.floats(0.3, 0.999)),
        st.builds(Budget, error=st.floats(0.02, 0.9)),
        st.builds(Budget, rank=st.integers(1, 6), energy=st.floats(0.3, 0.999)),
    )


@given(st.sampled_from(KINDS), st.integers(1, 6), budgets(), st.integers(0, 999))
def test_it_is_the_best_there_is_of_that_rank(kind, rank, budget, seed):
    made = parts(kind, 12, 10, rank, random(seed), 1.5)
    lora = wired(named("lora_unet_x", made))
    exact = reference(kind, made, rank)
    result = resized(lora, "lora_unet_x", budget)
    kept = result.factors.rank
    assert near(result.factors.dense(), exact) <= tail(exact, kept) * 1.0001 + 1e-5
    assert result.error == pytest.approx(tail(exact, kept), abs=1e-3)
    if budget.rank:
        assert kept <= budget.rank
        return
    share = min(budget.energy, 1 - budget.error**2)
    assert 1 - tail(exact, kept) ** 2 >= share - 1e-5  # enough
    assert kept == 1 or 1 - tail(exact, kept - 1) ** 2 < share + 1e-5  # and no more


def test_as_large_as_it_was_nothing_is_lost_and_nothing_added():
    made = parts("lora", 12, 10, 3, random(0), 1.5)
    result = resized(wired(named("lora_unet_x", made)), "lora_unet_x", Budget(rank=64))
    assert result.factors.rank == 3 and result.error < 1e-5


def test_a_doras_magnitudes_go_along():
    made = parts("lora", 12, 10, 3, random(0)) | {"dora_scale": torch.rand(12, 1)}
    result = resized(wired(named("lora_unet_x", made)), "lora_unet_x", Budget(rank=2))
    tensors = dict(result.tensors(torch.float32))
    assert torch.equal(tensors["lora_unet_x.dora_scale"], made["dora_scale"])


def test_a_layer_that_does_nothing_stays_so():
    made = parts("lora", 12, 10, 3, random(0))
    made["up"].zero_()
    result = resized(wired(named("lora_unet_x", made)), "lora_unet_x", Budget(energy=0.9))
    assert not result.factors.dense().any() and result.error == 0


@pytest.mark.parametrize("decay", [0.0, 0.5, 1.5])
def test_the_randomised_svd_is_as_good_within_a_percent(decay):
    values = torch.arange(1.0, 201.0) ** -decay  # flat is the hardest
    left, right = (torch.linalg.qr(torch.randn(n, 200, generator=random(n)))[0] for n in (240, 200))
    matrix = left * values @ right.T
    svd = randomized(matrix, 16, random(0))
    assert near(svd.first(16).dense(), matrix) <= tail(matrix, 16) * 1.01
    again = decompose(matrix, Budget(16), random(0))
    assert torch.equal(again.s, svd.s)  # and is the one that is used


@given(st.integers(1, 6), st.integers(0, 99))
def test_thin_and_whole_come_apart_alike(rank, seed):
    one = delta(Layer("x", parts("lora", 12, 10, rank, random(seed))))
    assert isinstance(one, Factors)
    thin, full = (decompose(d, Budget(), random(0)) for d in (one, dense(one)))
    assert torch.allclose(thin.s[:rank], full.s[:rank], atol=1e-4)
    assert thin.total == pytest.approx(full.total, rel=1e-5)


@pytest.mark.parametrize("shape", [(12, 10), (8, 6, 3, 3)])
def test_what_a_tuning_changed_comes_out(shape):
    base = torch.randn(shape, generator=random(0))
    change = parts("lora", shape[0], base[0].numel(), 2, random(1))
    change = (change["up"] @ change["down"]).reshape(shape)
    result = extracted("lora_unet_x", base + change, base, Budget(rank=2))
    assert result and near(result.factors.dense(), change.flatten(1)) < 1e-4
    assert result.inner == shape[1:]
    assert extracted("x", base, base, Budget(rank=2)) is None


def test_other_shapes_and_broken_numbers_are_refused_by_name():
    with pytest.raises(ValueError, match=r"x is \[2, 2\] in the tuned model and \[2, 3\]"):
        extracted("x", torch.ones(2, 2), torch.ones(2, 3), Budget(rank=1))
    with pytest.raises(ValueError, match="x has values that are no numbers"):
        extracted("x", torch.full((2, 2), torch.nan), torch.ones(2, 2), Budget(rank=1))
    for rank, energy, error in ((-1, 1.0, 0.0), (0, 0.0, 0.0), (0, 1.1, 0.0), (0, 1.0, 1.0)):
        with pytest.raises(ValueError, match="rank must be"):
            Budget(rank, energy, error)
