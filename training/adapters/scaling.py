"""A LoRA's scaling on its small side.

peft multiplies what a LoRA adds, as wide as the layer's output, by alpha / rank: once more through
memory in forward and again in backward. The product is the same where it is put on the `rank` wide
result of the first matrix, and costs nothing there.
"""

from typing import Any

from torch import Tensor


class ScaledInside:
    """One of peft's LoRA variants (`peft.tuners.lora.layer.LoraVariant`)."""

    @staticmethod
    def forward(module: Any, active_adapter: str, x: Tensor, result: Tensor, **_: Any) -> Tensor:
        """`result` `[…, out]` of the base for `x` `[…, in]`, and what the LoRA adds to it."""
        low = module.lora_A[active_adapter](module.lora_dropout[active_adapter](x))
        return result + module.lora_B[active_adapter](low * module.scaling[active_adapter])


def scale_inside(module: Any, name: str) -> None:
    """Let the plain LoRA `name` on a peft layer do so. Older peft has no variants: as it was."""
    getattr(module, "lora_variant", {}).setdefault(name, ScaledInside)
