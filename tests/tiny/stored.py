"""Files of low precision, as ComfyUI and ComfyUI-GGUF read them, and what their weights mean."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import comfy.ops
import torch
from comfy.model_patcher import ModelPatcher

from atelier.training.host.dynamic import in_own_type

from .files import State


@dataclass(frozen=True)
class Stored:
    """A file of low precision, and in fp32 what its weights mean."""

    file: Callable[[State], State]
    meant: Callable[[State], State]
    options: dict[str, Any] = field(default_factory=dict)
    metadata: Callable[[State], dict[str, str]] | None = None

    def load(self, make: Callable[..., ModelPatcher], **options: Any) -> ModelPatcher:
        how = self.options | options
        return make(convert=self.file, metadata=self.metadata, **how)

    def in_full(self, make: Callable[..., ModelPatcher], wired: ModelPatcher) -> ModelPatcher:
        """The same model in fp32: what is no linear layer's weight as `wired` has it."""
        return make(convert=lambda state: self.meant(state) | _others(wired, state))


def _others(wired: ModelPatcher, state: State) -> State:
    """With DynamicVRAM what was loaded is as the file has it, and is converted for each use."""
    network = wired.model.diffusion_model
    kept = {
        f"{place}.{name}".lstrip("."): in_own_type(module, name, tensor).float()
        for place, module in network.named_modules()
        for name, tensor in [*module._parameters.items(), *module._buffers.items()]
        if tensor is not None
    }
    return {n: kept[n] for n, tensor in state.items() if not is_linear(n, tensor)}


def _cast(dtype: torch.dtype) -> Stored:
    """Stored in `dtype`, and cast for each product: `weight_dtype` of Load Diffusion Model."""

    def meant(state: State) -> State:
        return {name: tensor.to(dtype).float() for name, tensor in state.items()}

    return Stored(dict, meant, {"dtype": dtype})


def is_linear(name: str, tensor: torch.Tensor) -> bool:
    return name.endswith(".weight") and tensor.ndim == 2


def _fp8(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    scale = weight.abs().max() / 448
    return (weight / scale).to(torch.float8_e4m3fn), scale


def _scaled(scale_name: str, mark: State) -> Callable[[State], State]:
    def file(state: State) -> State:
        out = dict(mark)
        for name, tensor in state.items():
            out[name] = tensor
            if is_linear(name, tensor):
                layer = name.removesuffix("weight")
                out[name], out[layer + scale_name] = _fp8(tensor)
                out[layer + "scale_input"] = torch.ones(())
        return out

    return file


def _rounded(state: State) -> State:
    out = dict(state)
    for name, tensor in state.items():
        if is_linear(name, tensor):
            stored, scale = _fp8(tensor)
            out[name] = stored.float() * scale
    return out


def _layers_in_fp8(state: State) -> dict[str, str]:
    layers = {
        name.removesuffix(".weight"): {"format": "float8_e4m3fn"}
        for name, tensor in state.items()
        if is_linear(name, tensor)
    }
    return {"_quantization_metadata": json.dumps({"format_version": "1.0", "layers": layers})}


class Packed(torch.Tensor):
    """Q8_0 of GGUF as ComfyUI-GGUF's GGMLTensor keeps it: bytes that know what they are."""

    meant_shape: torch.Size

    @staticmethod
    def __new__(cls, data: torch.Tensor, meant_shape: torch.Size) -> "Packed":
        packed = data.as_subclass(cls)
        packed.meant_shape = meant_shape
        return packed

    def to(self, *how: Any, **named: Any) -> "Packed":
        return Packed(super().to(*how, **named), self.meant_shape)

    def clone(self, *_how: Any, **_named: Any) -> "Packed":
        return self

    def detach(self) -> "Packed":
        return self

    @property
    def shape(self) -> torch.Size:  # pyright: ignore[reportIncompatibleVariableOverride]
        return getattr(self, "meant_shape", self.size())


def _pack(weight: torch.Tensor) -> torch.Tensor:
    """Blocks of 32 values: a scale in fp16, then 32 bytes."""
    blocks = weight.reshape(-1, 32)
    scale = (blocks.abs().amax(1, keepdim=True) / 127).half()
    values = (blocks / scale.float()).round().to(torch.int8)
    data = torch.cat([scale.view(torch.uint8), values.view(torch.uint8)], 1)
    return Packed(data.reshape(weight.shape[0], -1), weight.shape)


def _unpack(packed: torch.Tensor) -> torch.Tensor:
    blocks = packed.as_subclass(torch.Tensor).reshape(-1, 34)
    scale, values = blocks[:, :2].contiguous(), blocks[:, 2:].contiguous()
    whole = scale.view(torch.float16).float() * values.view(torch.int8).float()
    return whole.reshape(packed.shape)


class PackedOps(comfy.ops.manual_cast):
    """As ComfyUI-GGUF's GGMLOps."""

    class Linear(comfy.ops.manual_cast.Linear):
        def _load_from_state_dict(self, state: State, prefix: str, *_more: Any) -> None:
            self.weight = torch.nn.Parameter(state[prefix + "weight"], requires_grad=False)
            if prefix + "bias" in state:
                self.bias = torch.nn.Parameter(state[prefix + "bias"], requires_grad=False)

        def _save_to_state_dict(self, destination: State, prefix: str, keep_vars: bool) -> None:
            """Nothing but sizes, from which ComfyUI reckons memory."""
            for name, tensor in self.named_parameters():
                destination[prefix + name] = torch.zeros_like(tensor, device="meta")

        def forward_comfy_cast_weights(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002
            return torch.nn.functional.linear(input, _unpack(self.weight).to(input), self.bias)


def _packed(state: State, how: Callable[[torch.Tensor], torch.Tensor] = _pack) -> State:
    return {n: how(tensor) if is_linear(n, tensor) else tensor for n, tensor in state.items()}


PRECISIONS = {
    "fp16": _cast(torch.float16),
    "bf16": _cast(torch.bfloat16),
    "fp8": _cast(torch.float8_e4m3fn),
    "scaled-fp8": Stored(
        _scaled("scale_weight", {"scaled_fp8": torch.zeros(2, dtype=torch.float8_e4m3fn)}), _rounded
    ),
    "mixed": Stored(_scaled("weight_scale", {}), _rounded, metadata=_layers_in_fp8),
    "gguf": Stored(
        _packed,
        lambda state: _packed(state, lambda tensor: _unpack(_pack(tensor))),
        {"custom_operations": PackedOps},
    ),
}
