"""What is arranged otherwise than in peft costs less and gives the same."""

from typing import Any

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from atelier.training.adapters.arithmetic import join_rows, scale_inside

LAYERS = [
    pytest.param(nn.Linear(12, 40), (3, 12), id="linear"),
    pytest.param(nn.Conv2d(12, 40, 3, padding=1), (2, 12, 5, 5), id="conv"),
]


class Numbers(TorchDispatchMode):
    """How many numbers came out of an operation."""

    def __init__(self, operation: Any) -> None:
        super().__init__()
        self.operation, self.count = operation, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if func.overloadpacket is self.operation:
            self.count += out.numel()
        return out


def adapted(layer: nn.Module) -> Any:
    torch.manual_seed(0)
    network: Any = nn.Sequential(layer).double()
    config = LoraConfig(r=3, lora_alpha=5, target_modules=["0"], init_lora_weights=False)
    return inject_adapter_in_model(config, network)


def run(network: Any, x: Tensor, operation: Any) -> tuple[list[Tensor], int]:
    """Result and gradients, and how many numbers came out of `operation`."""
    network.zero_grad()
    with Numbers(operation) as numbers:
        result = network(x)
        result.square().sum().backward()
    grads = [p.grad.clone() for p in network.parameters() if p.grad is not None]
    return [result.detach(), *grads], numbers.count


@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_scaled_inside_adds_what_peft_adds(layer: nn.Module, shape: tuple[int, ...]) -> None:
    network = adapted(layer)
    x = torch.randn(shape, dtype=torch.float64)
    wanted, before = run(network, x, torch.ops.aten.mul)
    scale_inside(network[0], "default")
    found, after = run(network, x, torch.ops.aten.mul)
    torch.testing.assert_close(found, wanted)
    assert len(found) == 3
    width = wanted[0].numel()
    assert before - after > 1.5 * width  # 2 of the output's width less, 2 of rank's more


def test_a_slice_of_a_sequence_goes_through_a_layer_as_one_product() -> None:
    network = adapted(nn.Linear(12, 40))
    x = torch.randn(4, 9, 12, dtype=torch.float64)[:, 2:]
    wanted, before = run(network, x, torch.ops.aten.bmm)
    join_rows(network[0])
    found, after = run(network, x, torch.ops.aten.bmm)
    torch.testing.assert_close(found, wanted)
    assert before > after == 0


def test_what_a_convolution_is_given_stays_as_it_lies() -> None:
    network = adapted(nn.Conv2d(12, 40, 3))
    join_rows(network[0])
    x = torch.randn(2, 12, 5, 5, dtype=torch.float64).to(memory_format=torch.channels_last)
    assert network(x).is_contiguous(memory_format=torch.channels_last)
