"""A LoRA (Hu et al. 2021) on a private network, by peft."""

import re

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from ..config import TrainConfig
from .keys import KeyForm, file_key
from .targets import choose


class Adapter:
    """The trained part: A `[rank, in]` and B `[out, rank]` in fp32 for each chosen layer.

    B starts at zero and A from torch's global generator, so seed that around the making.
    """

    def __init__(self, network: nn.Module, config: TrainConfig) -> None:
        linear = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
        self.layers = choose(linear, config.targets)
        exactly_these = "|".join(map(re.escape, self.layers))
        peft_config = LoraConfig(
            r=config.rank,
            lora_alpha=config.alpha,  # pyright: ignore[reportArgumentType] - fractions work
            target_modules=f"({exactly_these})",
        )
        inject_adapter_in_model(peft_config, network)
        self.alpha = config.alpha
        self._parts = {layer: _parts(network.get_submodule(layer)) for layer in self.layers}
        for parameter in self.parameters():
            parameter.data = parameter.data.float()
            parameter.requires_grad_(True)

    def parameters(self) -> list[nn.Parameter]:
        return [parameter for pair in self._parts.values() for parameter in pair]

    def state(self) -> dict[str, Tensor]:
        """The parameters themselves, by layer, for a checkpoint."""
        return {
            f"{layer}.{part}": tensor.detach()
            for layer, pair in self._parts.items()
            for part, tensor in zip("AB", pair, strict=True)
        }

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """Take over what `state()` gave, in another process too."""
        own = self.state()
        if own.keys() != state.keys():
            raise ValueError("The checkpoint's layers are not this LoRA's: start a new run.")
        for name, tensor in own.items():
            tensor.copy_(state[name])

    def file_state(self, form: KeyForm) -> dict[str, Tensor]:
        """A copy on the CPU under the names that ComfyUI reads; fp32, with explicit alpha."""
        state: dict[str, Tensor] = {}
        for layer, (a, b) in self._parts.items():
            state[file_key(layer, "A", form)] = a.detach().to("cpu", copy=True).contiguous()
            state[file_key(layer, "B", form)] = b.detach().to("cpu", copy=True).contiguous()
            state[file_key(layer, "alpha", form)] = torch.tensor(float(self.alpha))
        return state


def _parts(module: nn.Module) -> tuple[nn.Parameter, nn.Parameter]:
    assert isinstance(module, LoraLayer)
    a, b = module.lora_A["default"].weight, module.lora_B["default"].weight
    assert isinstance(a, nn.Parameter) and isinstance(b, nn.Parameter)
    return a, b
