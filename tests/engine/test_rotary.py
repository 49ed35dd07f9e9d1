"""The rotary embedding's backward is what autograd makes of ComfyUI's forward, with less work."""

from typing import Any

import comfy.ldm.flux.math as own
import comfy.ldm.lumina.model
import comfy.ldm.qwen_image.model
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from atelier.training.host.mode import training_mode

USED_BY = [
    (own, "apply_rope"),
    (own, "apply_rope1"),
    (comfy.ldm.lumina.model, "apply_rope"),
    (comfy.ldm.qwen_image.model, "apply_rope1"),
]


class Numbers(TorchDispatchMode):
    """How many numbers came out of all operations."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.count += out.numel() if isinstance(out, torch.Tensor) else 0
        return out


def inputs(shape: tuple[int, int, int], dtype: torch.dtype):
    dice = torch.Generator().manual_seed(1)
    x, grad = (torch.randn(2, *shape, generator=dice).to(dtype) for _ in range(2))
    length, width = shape[1:]
    return x.requires_grad_(), own.rope(torch.arange(length)[None], width, 10000)[:, None], grad


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 1e-2)])
@pytest.mark.parametrize("shape", [(1, 5, 4), (3, 16, 32)])
def test_the_gradient_is_autograds_and_costs_less(shape, dtype, tolerance):
    x, angles, grad = inputs(shape, dtype)
    theirs = own.apply_rope1
    plain, back, numbers = {}, {}, {}
    with training_mode():
        for name, turn in {"ours": own.apply_rope1, "theirs": theirs}.items():
            plain[name] = turn(x, angles)
            with Numbers() as counted:
                (back[name],) = torch.autograd.grad(plain[name], x, grad)
            numbers[name] = counted.count
    assert torch.equal(plain["ours"], plain["theirs"])
    torch.testing.assert_close(back["ours"], back["theirs"], rtol=tolerance, atol=tolerance)
    assert numbers["ours"] < 0.9 * numbers["theirs"]


@pytest.mark.parametrize(("module", "name"), USED_BY)
def test_networks_use_it_while_they_train_and_not_after(module, name):
    before = getattr(module, name)
    with training_mode():
        assert getattr(module, name) is not before
    assert getattr(module, name) is before
