"""What ComfyUI's DynamicVRAM leaves in a model, and what a weight is that it has not brought over.

On Nvidia's cards it is how ComfyUI loads since 0.12. Weights stay in main memory as the file has
them; for each use they come into pages of the card that all models share, in the model's own type.
The pages and the pinned memory are comfy-aimdo's, which a copy would free a second time.
"""

import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

# Of 0.12 to 0.33; of a whole model, of a layer.
_LEFT = re.compile(
    r"dynamic_(vbars|pins|patchers)|_v(_.*)?|_pins?(_.*)?|pin_failed|_prefetch|_comfy_graph"
    r"|_comfy_cross_step_state|(weight|bias)_lowvram_function"
)
_CAST = {
    "comfy_cast_weights",
    "weight_function",
    "bias_function",
}  # a layer's own, over its class's


def is_dynamic(model: nn.Module) -> bool:
    """Whether ComfyUI brings this model's weights over by DynamicVRAM."""
    return hasattr(model, "dynamic_vbars")


def left_in(model: nn.Module) -> Iterator[Any]:
    """The objects of comfy-aimdo's, and what else is of no use in a copy."""
    for module in model.modules():
        for name, value in vars(module).items():
            if _LEFT.fullmatch(name) and not isinstance(value, bool | int | float | str | None):
                yield value


def forget(model: nn.Module) -> None:
    """Make a copy a model that was loaded without DynamicVRAM."""
    for module in model.modules():
        own = vars(module)
        for name in [name for name in own if _LEFT.fullmatch(name)]:
            del own[name]
        for name in _CAST & own.keys():
            if hasattr(type(module), name):
                del own[name]


def named_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers by name, as a model has them that was loaded at once."""
    found = [*model.named_parameters()]
    if is_dynamic(model):  # a linear layer gets its weight when the file is read, in its order
        order: dict[str, int] = {}
        for name, _ in found:
            order.setdefault(name.rpartition(".")[0], len(order))
        found.sort(
            key=lambda one: (order[one[0].rpartition(".")[0]], not one[0].endswith(".weight"))
        )
    yield from found
    yield from model.named_buffers()


def own_type(module: nn.Module, name: str, tensor: Tensor) -> torch.dtype | None:
    """The type that a parameter or buffer is computed with, where the file's may be another.

    None for what is taken as it is: ComfyUI's quantised tensors, GGUF's bytes.
    """
    plain = type(tensor) in (Tensor, nn.Parameter) and tensor.is_floating_point()
    return getattr(module, f"{name}_comfy_model_dtype", None) if plain else None


def in_own_type(module: nn.Module, name: str, tensor: Tensor) -> Tensor:
    """`tensor` in that type; itself, where it is taken as it is."""
    kind = own_type(module, name, tensor)
    return tensor.to(kind) if kind else tensor


def convert(model: nn.Module) -> None:
    """Bring a model that was loaded at once where others are moved into its own types, in place:
    ComfyUI 0.33 leaves its linear layers as the file has them, and does not convert them in use."""
    for module in model.modules():
        for name, tensor in module._parameters.items():
            if tensor is not None and own_type(module, name, tensor) not in (None, tensor.dtype):
                converted = in_own_type(module, name, tensor)
                module._parameters[name] = nn.Parameter(converted, requires_grad=False)
