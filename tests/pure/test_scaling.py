"""A LoRA's scaling on its small side adds what peft's own forward adds, and is not as wide."""

from typing import Any

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from atelier.training.adapters.scaling import scale_inside

LAYERS = [
    pytest.param(nn.Linear(12, 40), (3, 12), id="linear"),
    pytest.param(nn.Conv2d(12, 40, 3, padding=1), (2, 12, 5, 5), id="conv"),
]


class Multiplied(TorchDispatchMode):
    """How many numbers came out of multiplications."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if func.overloadpacket is torch.ops.aten.mul:
            self.numbers += out.numel()
        return out


@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_adds_what_peft_adds(layer: nn.Module, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    network: Any = nn.Sequential(layer).double()
    config = LoraConfig(r=3, lora_alpha=5, target_modules=["0"], init_lora_weights=False)
    inject_adapter_in_model(config, network)
    x = torch.randn(shape, dtype=torch.float64)

    def run() -> tuple[list[Tensor], int]:
        network.zero_grad()
        with Multiplied() as multiplied:
            result = network(x)
            result.square().sum().backward()
        grads = [p.grad.clone() for p in network.parameters() if p.grad is not None]
        return [result.detach(), *grads], multiplied.numbers

    wanted, before = run()
    scale_inside(network[0], "default")
    found, after = run()
    torch.testing.assert_close(found, wanted)
    assert len(found) == 3
    width = wanted[0].numel()
    assert before - after > 1.5 * width  # 2 of the output's width less, 2 of rank's more
