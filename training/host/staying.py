"""What does not move with a private model: its frozen weights' bytes in main memory, which are the
wired model's too, and on the device what is trained."""

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, TypeVar

import torch
from comfy.model_patcher import ModelPatcher
from torch import nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from .dynamic import forget, in_own_type, is_dynamic, left_in

Tree = TypeVar("Tree", bound=nn.Module)
Place = tuple[nn.Module, str]  # a layer, and the name of one of its parameters


def over_same_bytes(tensor: torch.Tensor) -> torch.Tensor:
    """An ordinary tensor that is `tensor`: same storage, no inference flag, no gradient.

    A quantised one stays what it is: its class, and what it knows of itself (type, scales, shape).
    """
    if is_traceable_wrapper_subclass(tensor):  # ComfyUI's: several tensors that act as one
        names, context = tensor.__tensor_flatten__()
        inner = {name: over_same_bytes(getattr(tensor, name)) for name in names}
        kind: Any = type(tensor)
        return kind.__tensor_unflatten__(inner, context, tensor.size(), tensor.stride())
    twin = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
    twin.set_(tensor.untyped_storage(), tensor.storage_offset(), tensor.size(), tensor.stride())
    if type(tensor) not in (torch.Tensor, nn.Parameter):  # GGUF's: bytes with a type
        twin = twin.as_subclass(type(tensor))
        vars(twin).update(vars(tensor))
    return twin


def frozen_copy(tree: Tree, shared: Iterable[Any] = (), without: Any = None) -> Tree:
    """The module tree over the same bytes, frozen; `shared` objects are in both, and in place of
    `without` there is None. Outside inference mode only.

    Where ComfyUI converts a weight for each use (`dynamic.py`), it is converted once, here.
    """
    memo: dict[int, Any] = {id(one): one for one in shared}
    memo[id(without)] = None
    moves = is_dynamic(tree)
    if moves:
        memo.update((id(one), None) for one in left_in(tree))
    for module in tree.modules():
        for name, tensor in [*module._parameters.items(), *module._buffers.items()]:
            if tensor is None or id(tensor) in memo:
                continue
            own = over_same_bytes(in_own_type(module, name, tensor) if moves else tensor)
            trained = isinstance(tensor, nn.Parameter)
            memo[id(tensor)] = nn.Parameter(own, requires_grad=False) if trained else own
    twin = copy.deepcopy(tree, memo)
    if moves:
        forget(twin)
    return twin


class Staying(ModelPatcher):
    """A patcher whose model goes off its device without what is trained, and without copying what
    is in main memory already.

    What is trained is little, and the optimizer knows it: of a device that is an extension of torch
    (NPU, MLU, DirectML) other parameters would come back. The frozen weights are the wired model's,
    which is in main memory while its copy is trained: a second copy beside it could be too much.
    """

    homes: Mapping[Place, torch.Tensor] = MappingProxyType({})

    def keep_homes(self, but: Collection[str]) -> None:
        """Where the parameters are now they will be taken up again, all `but` these."""
        self.homes = {
            (module, name): over_same_bytes(parameter)
            for place, module in self.model.named_modules()
            for name, parameter in module._parameters.items()
            if parameter is not None and f"{place}.{name}" not in but
        }

    def unpatch_model(self, device_to: Any = None, unpatch_weights: bool = True) -> None:
        if unpatch_weights and device_to is not None:
            for place in self.homes:
                self._go_home(place, torch.device(device_to))
        with _without_trained(self.model):
            super().unpatch_model(device_to, unpatch_weights)

    def pin_weight_to_device(self, key: str) -> None:
        """What ComfyUI calls for every weight that it took off the device, when it took a part."""
        layer, _, name = key.rpartition(".")
        place = self.model.get_submodule(layer), name
        if place in self.homes:
            self._go_home(place, self.offload_device)
        super().pin_weight_to_device(key)

    def _go_home(self, place: Place, device: torch.device) -> None:
        """As `module.to(device)` does it, for one parameter and without a copy. What autocast made
        (`precision.cast_once`) is not what it was at home."""
        (module, name), home = place, self.homes[place]
        parameter = module.get_parameter(name)

        def at_home(tensor: torch.Tensor) -> torch.Tensor:
            return over_same_bytes(home) if tensor is parameter else tensor

        if home.device == device and home.dtype == parameter.dtype:
            module._apply(at_home, recurse=False)


@contextmanager
def _without_trained(model: nn.Module) -> Iterator[None]:
    held = [
        (module._parameters, name, parameter)
        for module in model.modules()
        for name, parameter in module._parameters.items()
        if parameter is not None and parameter.requires_grad
    ]
    for places, name, _ in held:
        places[name] = None
    try:
        yield
    finally:
        for places, name, parameter in held:
            places[name] = parameter
