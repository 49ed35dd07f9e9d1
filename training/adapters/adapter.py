"""An adapter on a private network, by peft: LoRA, rsLoRA, DoRA, LoHa or LoKr."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from peft import LoHaConfig, LoKrConfig, LoraConfig, PeftConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from ..config import TrainConfig
from ..settings.adapter import Kind
from .diffusers_names import one_alpha, text_with_one_alpha
from .keys import Names
from .patterns import Size
from .scaling import scale_inside
from .targets import layer_sizes
from .tucker import differentiate_cores

_NAME = ".default"  # peft's name for the one adapter
_MAGNITUDE = "lora_magnitude_vector.weight"


@dataclass(frozen=True)
class Start:
    """An adapter that is there already, to go on from: what a file holds, in peft's names.

    `parts` are by layer; `carried` are tensors of the file that are written again, with one alpha
    for all (a text encoder's, say).
    """

    kind: Kind
    sizes: dict[str, Size]
    parts: dict[str, dict[str, Tensor]]
    carried: dict[str, Tensor] = field(default_factory=dict)


class Adapter:
    """The trained part: fp32 tensors for each chosen layer, which change nothing at first.

    What starts at random comes from torch's global generator, so seed that around the making.
    `family` is the name of ComfyUI's class for the model. With a `start`, kind, layers and ranks
    are those of `start`; `sizes` says otherwise which layers there are. Raises `ValueError` where
    the settings fit no layer of this network.
    """

    def __init__(
        self,
        network: nn.Module,
        config: TrainConfig,
        family: str = "",
        start: Start | None = None,
        sizes: dict[str, Size] | None = None,
    ) -> None:
        self.kind: Kind = start.kind if start else config.adapter
        self.sizes = sizes or _sizes(network, config, family, start)
        _refuse_small_floats(network, self.kind, self.sizes)
        inject_adapter_in_model(_peft_config(self.kind, self.sizes, config), network)
        self._modules = {layer: _tuner(network, layer) for layer in self.sizes}
        self._carried = text_with_one_alpha(start.carried) if start else {}
        for layer, module in self._modules.items():
            _learn_plainly(module)
            if start:
                _replace(module, start.parts[layer])
                if "hada_t1" in start.parts[layer]:
                    differentiate_cores(module, _NAME[1:])
            if config.dropout:
                _drop(module)
            if self.kind == "lora":
                scale_inside(module, _NAME[1:])
        for parameter in self.parameters():
            parameter.data = parameter.data.float()
            parameter.requires_grad_(True)
        if not start:
            for module in self._modules.values():
                if _weight(module).dtype.itemsize < 2:
                    _begin(module)
        if self.kind == "dora":
            self._start_magnitudes(start)

    @property
    def layers(self) -> list[str]:
        return list(self.sizes)

    def parameters(self) -> list[nn.Parameter]:
        return [p for module in self._modules.values() for p in _parts(module).values()]

    def second(self) -> list[nn.Parameter]:
        """Of each LoRA the matrix that starts at zero."""
        parts = (_parts(module) for module in self._modules.values())
        return [part["lora_B.weight"] for part in parts if "lora_B.weight" in part]

    def state(self) -> dict[str, Tensor]:
        """The parameters themselves, by layer, for a checkpoint."""
        return {
            f"{layer}.{part}": tensor.detach()
            for layer, module in self._modules.items()
            for part, tensor in _parts(module).items()
        }

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state()` gave, in another process too."""
        own = self.state()
        if own.keys() != state.keys():
            raise ValueError("The checkpoint's layers are not this LoRA's: start a new run.")
        for name, tensor in own.items():
            tensor.copy_(state[name])

    @torch.no_grad()
    def file_state(self, naming: Names) -> dict[str, Tensor]:
        """A copy on the CPU under the names that ComfyUI reads; fp32, with explicit alpha."""
        layers = {layer: self._file_parts(module) for layer, module in self._modules.items()}
        if self.kind == "lora" and naming.one_alpha:
            layers = _with_one_alpha(layers)
        state = dict(self._carried)
        for layer, parts in layers.items():
            for part, tensor in parts.items():
                state[naming.key(layer, part)] = tensor.to("cpu", copy=True).contiguous()
        return state

    def compute_in(self, dtype: torch.dtype, device: str) -> None:
        """Run the chosen layers under autocast: the parameters stay in fp32."""
        for layer in self._modules.values():
            module: Any = layer
            module.cast_input_dtype_enabled = False  # to fp32, from which autocast would cast back
            module.forward = torch.autocast(device, dtype)(module.forward)

    def enabled(self, on: bool) -> None:
        """Off, the network is the base's."""
        for module in self._modules.values():
            module.enable_adapters(on)
        for parameter in self.parameters():
            parameter.requires_grad_(True)  # peft takes it away from what is switched off

    def _file_parts(self, module: BaseTunerLayer) -> dict[str, Tensor]:
        parts: dict[str, Tensor] = {name: p.detach() for name, p in _parts(module).items()}
        scale, rank = _scale(module), _rank(module)
        if self.kind == "dora":
            parts["dora_scale"] = _dora_scale(module, parts.pop(_MAGNITUDE))
        if {"lokr_w1", "lokr_w2"} <= parts.keys():  # readers scale whole matrices by 1
            parts["lokr_w1"] = parts["lokr_w1"] * scale
            scale = 1.0
        parts["alpha"] = torch.tensor(float(scale * rank))
        return parts

    @torch.no_grad()
    def _start_magnitudes(self, start: Start | None) -> None:
        """A DoRA's magnitudes in fp32: the length of each row of what the weight is now."""
        for layer, module in self._modules.items():
            lengths = _row_lengths(_merged(module))
            if not lengths.is_meta and not lengths.all():
                raise ValueError(
                    f"adapter = 'dora' divides by the length of each row of a weight, and {layer} "
                    "has rows of zeros. Leave that layer out (exclude; or text_encoders = 'none', "
                    "if it is one of a text encoder), or choose adapter = 'lora'."
                )
            if start:  # see `_dora_scale`: the other way round
                scale = start.parts[layer]["dora_scale"].to(lengths).flatten()
                lengths = scale * lengths / _row_lengths(_base(module))
            magnitude = _parts(module)[_MAGNITUDE]
            magnitude.copy_(lengths.view(magnitude.shape))


def _with_one_alpha(layers: Mapping[str, dict[str, Tensor]]) -> dict[str, dict[str, Tensor]]:
    """For diffusers, which takes the commonest alpha of a kohya file for all."""
    names = ("lora_A.weight", "lora_B.weight")
    lora = {
        layer: (parts[names[0]], parts[names[1]], parts["alpha"].item())
        for layer, parts in layers.items()
    }
    return {
        layer: {names[0]: a, names[1]: b, "alpha": torch.tensor(alpha)}
        for layer, (a, b, alpha) in one_alpha(lora).items()
    }


def trainable(network: nn.Module, config: TrainConfig) -> list[str]:
    """Names of the layers of `network` that an adapter can sit on under `config`."""
    kinds = (nn.Linear, nn.Conv2d) if config.targets == "all" else (nn.Linear,)
    return [
        name
        for name, module in network.named_modules()
        if isinstance(module, kinds) and getattr(module, "groups", 1) == 1
    ]


def _sizes(
    network: nn.Module, config: TrainConfig, family: str, start: Start | None
) -> dict[str, Size]:
    if start:
        return start.sizes
    return layer_sizes(trainable(network, config), config, config.rank, family)


def _peft_config(kind: Kind, sizes: Mapping[str, Size], config: TrainConfig) -> PeftConfig:
    # peft matches names from their end, so that the longer ones must be asked for first.
    names = sorted(sizes, key=len, reverse=True)
    shared = {
        "r": config.rank,
        "target_modules": f"({'|'.join(map(re.escape, names))})",
        "rank_pattern": {re.escape(name): sizes[name].rank for name in names},
        "alpha_pattern": {re.escape(name): sizes[name].alpha for name in names},
    }
    if kind == "loha":
        return LoHaConfig(**shared, rank_dropout=config.dropout)
    if kind == "lokr":
        factor = config.lokr_factor
        return LoKrConfig(**shared, rank_dropout=config.dropout, decompose_factor=factor)
    return LoraConfig(
        **shared,
        lora_dropout=config.dropout,
        use_rslora=config.rank_stabilized,
        use_dora=kind == "dora",
    )


def _refuse_small_floats(network: nn.Module, kind: Kind, sizes: Mapping[str, Size]) -> None:
    if kind != "dora":
        return
    for layer in sizes:
        dtype = network.get_parameter(f"{layer}.weight").dtype
        if not dtype.is_floating_point or dtype.itemsize < 2:
            raise ValueError(
                f"adapter = 'dora' needs the lengths of the base's weights, and {layer} is stored "
                f"as {dtype}. Load the base in fp16 or bf16, or choose adapter = 'lora'."
            )


def _tuner(network: nn.Module, layer: str) -> BaseTunerLayer:
    module = network.get_submodule(layer)
    assert isinstance(module, BaseTunerLayer), layer
    return module


def _parts(module: BaseTunerLayer) -> dict[str, nn.Parameter]:
    """The adapter's parameters on one layer: `lora_A.weight`, `hada_w1_a` and so on."""
    assert isinstance(module, nn.Module)
    return {
        name.replace(_NAME, ""): parameter
        for name, parameter in module.named_parameters()
        if _NAME in name
    }


def _learn_plainly(module: BaseTunerLayer) -> None:
    """Let torch's own convolutions be what peft puts on one. It makes them of the base's class, and
    where that casts its weight, or streams it, none of theirs would get a gradient."""
    assert isinstance(module, nn.Module)
    for name, part in module.named_modules():
        if isinstance(part, nn.Conv2d) and name != "base_layer":
            part.__class__ = nn.Conv2d


def _replace(module: BaseTunerLayer, parts: Mapping[str, Tensor]) -> None:
    """Put a file's tensors in the place of those that peft made."""
    device = next(iter(_parts(module).values())).device
    if "lora_A.weight" in parts:
        own = _parts(module)
        for name in ("lora_A.weight", "lora_B.weight"):
            own[name].data = parts[name].to(device).reshape(own[name].shape).clone()
        return
    for name in module.adapter_layer_names:  # a LoKr's shapes are the file's, not peft's
        group = getattr(module, name)
        if _NAME[1:] in group:
            del group[_NAME[1:]]
        if name in parts:
            group[_NAME[1:]] = nn.Parameter(parts[name].to(device).clone())


def _begin(module: BaseTunerLayer) -> None:
    """Draw the start again, in fp32: peft rounded it to the base's fp8."""
    reset: Any = getattr(module, "reset_lora_parameters", None)
    if reset:
        reset(_NAME[1:], True)
    else:
        again: Any = getattr(module, "reset_adapter_parameters")  # noqa: B009 - of peft's LyCORIS
        again(_NAME[1:])


def _drop(module: BaseTunerLayer) -> None:
    """Only the adapter is in training mode; the network's own dropout stays off."""
    assert isinstance(module, nn.Module)
    module.training = True
    if hasattr(module, "lora_dropout"):
        module.lora_dropout.train()  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]


def _scale(module: BaseTunerLayer) -> float:
    scaling: Any = getattr(module, "scaling")  # noqa: B009 - peft's layers share it, not its type
    return float(scaling[_NAME[1:]])


def _rank(module: BaseTunerLayer) -> int:
    ranks: Any = getattr(module, "r")  # noqa: B009
    return int(ranks[_NAME[1:]])


def _base(module: BaseTunerLayer) -> Tensor:
    return _weight(module).detach().float()


def _weight(module: BaseTunerLayer) -> Tensor:
    weight = module.get_base_layer().weight
    assert isinstance(weight, Tensor)
    return weight


def _merged(module: BaseTunerLayer) -> Tensor:
    """The layer's weight with a LoRA's product on it (a DoRA's direction), fp32."""
    a, b = (_parts(module)[f"lora_{part}.weight"].detach() for part in "AB")
    base = _base(module)
    product = (b.flatten(1) @ a.flatten(1)).reshape(base.shape)
    return base + _scale(module) * product


def _row_lengths(weight: Tensor) -> Tensor:
    """`[out, …]` to `[out]`."""
    return torch.linalg.vector_norm(weight.flatten(1), dim=1)


def _dora_scale(module: BaseTunerLayer, magnitude: Tensor) -> Tensor:
    """The magnitudes as ComfyUI reads them, `[out, 1, …]`.

    DoRA (Liu et al. 2024, eq. 5) is m · (W + dW) / |W + dW|. ComfyUI's `weight_decompose` divides
    by |W| instead; so m · |W| / |W + dW| is written, and what it computes is the formula again. It
    is exact at strength 1.
    """
    base = _base(module)
    scale = magnitude.flatten() * _row_lengths(base) / _row_lengths(_merged(module))
    return scale.view(-1, *[1] * (base.ndim - 1))
