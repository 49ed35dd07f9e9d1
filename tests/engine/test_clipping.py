"""Gradients that are too long, on this torch and on those before 2.6."""

import pytest
import torch
from torch import nn

from atelier.training.loop import shortened


@pytest.fixture(params=["this torch", "before 2.6"])
def version(request, monkeypatch):
    if request.param == "before 2.6":
        monkeypatch.delattr(nn.utils, "get_total_norm", raising=False)


@pytest.mark.usefixtures("version")
@pytest.mark.parametrize(("most", "left"), [(0.0, 5.0), (10.0, 5.0), (1.0, 1.0)])
def test_gradients_are_shortened_together_where_they_are_too_long(most, left):
    parameters = [nn.Parameter(torch.zeros(1)) for _ in range(3)]
    parameters[0].grad, parameters[1].grad = torch.tensor([3.0]), torch.tensor([-4.0])
    assert shortened(parameters, most).item() == pytest.approx(5.0)
    assert parameters[0].grad.item() == pytest.approx(0.6 * left)
    assert parameters[1].grad.item() == pytest.approx(-0.8 * left)
    assert parameters[2].grad is None
