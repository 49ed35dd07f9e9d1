"""Shortening a gradient gives torch's own numbers, and touches nothing that is short enough."""

import pytest
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

from atelier.training.clipping import shorten


def gradients(seed: int) -> list[nn.Parameter]:
    dice = torch.Generator().manual_seed(seed)
    parameters = [nn.Parameter(torch.zeros(size, 33)) for size in (1, 16, 130)]
    for parameter in parameters:
        parameter.grad = torch.randn(parameter.shape, generator=dice)
    return [*parameters, nn.Parameter(torch.zeros(3))]  # the last had no part in the step


@pytest.mark.parametrize("longest", [0.1, 30.0, 1000.0, 0.0])
def test_it_is_as_torch_has_it(longest: float) -> None:
    own, other = gradients(1), gradients(1)
    length = shorten(own, longest)
    assert length == clip_grad_norm_(other, longest or float("inf"))
    for mine, theirs in zip(own[:-1], other[:-1], strict=True):
        assert mine.grad is not None
        assert torch.equal(mine.grad, theirs.grad)  # pyright: ignore[reportArgumentType]
    assert own[-1].grad is None


def test_what_is_not_finite_is_told() -> None:
    parameters = gradients(2)
    assert parameters[0].grad is not None
    parameters[0].grad[0, 0] = float("nan")
    assert shorten(parameters, 1.0).isnan()
