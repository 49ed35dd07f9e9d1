"""A layer that was made here, and how it is put into a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .layer import Factors
from .names import parse
from .sink import Sink

_PEFT = ("transformer.", "unet.", "base_model.model.")  # their readers know no alpha


@dataclass(frozen=True)
class Result:
    """A LoRA for one layer. `error`: its distance from what it stands for, as a share of that;
    `inner`: the weight's shape behind its outputs; `kept`: tensors that go along as they are.
    """

    stem: str
    factors: Factors
    error: float = 0.0
    inner: tuple[int, ...] | None = None
    kept: Mapping[str, Tensor] = field(default_factory=dict)

    def tensors(self, dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
        """As the stem's own program names them, with alpha = rank where there is one."""
        prefix = parse(self.stem).prefix
        kohya = prefix.endswith("_")
        up, down = self.factors.up, self.factors.down
        if self.inner and len(self.inner) > 1:
            up = up.reshape(*up.shape, *[1] * (len(self.inner) - 1))
            down = down.reshape(len(down), *self.inner)
        yield f"{self.stem}.{'lora_up' if kohya else 'lora_B'}.weight", up.to(dtype)
        yield f"{self.stem}.{'lora_down' if kohya else 'lora_A'}.weight", down.to(dtype)
        if prefix not in _PEFT:
            yield f"{self.stem}.alpha", torch.tensor(float(self.factors.rank))
        yield from self.kept.items()


def add(sink: Sink, result: Result, dtype: torch.dtype) -> None:
    """Raises `ValueError` where a value is too large for `dtype`, or no number."""
    for name, tensor in result.tensors(dtype):
        if not torch.isfinite(tensor.float()).all():
            raise ValueError(
                f"{name} would hold values that {str(dtype).removeprefix('torch.')} cannot: choose "
                "precision = 'fp32', or smaller strengths."
            )
        sink.add(name, tensor)


@dataclass
class Tally:
    """What a person is told of a file that was made layer by layer."""

    layers: int = 0
    ranks: list[int] = field(default_factory=list)
    worst: tuple[float, str] = (0.0, "")
    _squares: float = 0.0

    def count(self, result: Result) -> None:
        self.layers += 1
        self.ranks.append(result.factors.rank)
        self.worst = max(self.worst, (result.error, result.stem))
        self._squares += result.error**2

    def text(self) -> str:
        low, high = min(self.ranks), max(self.ranks)
        lines = [f"{self.layers} layers, rank {low}" + (f" to {high}" if high > low else "")]
        if self.worst[0] < 1e-5:
            return lines[0] + ", exact up to rounding"
        mean = (self._squares / self.layers) ** 0.5
        lines.append(f"error {mean:.2%} of each layer's change (root mean square),")
        lines.append(f"at most {self.worst[0]:.2%} ({self.worst[1]})")
        return "\n".join(lines)
