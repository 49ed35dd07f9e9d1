"""What a run will need, measured before its first step, and what is done so that it fits."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

MARGIN = 0.9  # of the free memory that a plan may use: allocators leave gaps


@dataclass(frozen=True)
class Need:
    """Bytes that a step keeps for backward: as it is, and if blocks are computed again.

    The second is what lies outside the blocks, what goes into them, and the largest block alone.
    """

    kept: int
    recomputed: int

    def times(self, count: int) -> "Need":
        """For a batch of `count`: what is kept grows with it."""
        return Need(count * self.kept, count * self.recomputed)


@dataclass(frozen=True)
class Plan:
    """All in bytes, on the device that trains. `free` is what there was before the step."""

    weights: int
    adapter: int
    step: int
    step_recomputed: int
    free: int
    recompute: bool
    asked: str

    @property
    def fits(self) -> bool:
        need = self.step_recomputed if self.recompute else self.step
        return need + self.adapter <= MARGIN * self.free

    def text(self) -> str:
        """What was found, what was chosen, and why."""
        how = {
            "auto": "it does not fit otherwise" if self.recompute else "all of it fits",
            "none": "as asked",
            "block": "as asked",
        }[self.asked]
        chosen = "blocks are computed again for the gradient" if self.recompute else "all is kept"
        lines = [
            f"Base {_amount(self.weights)}; LoRA with its optimizer {_amount(self.adapter)}.",
            f"A step keeps {_amount(self.step)}, or {_amount(self.step_recomputed)} if blocks are "
            f"computed again; {_amount(self.free)} are free.",
            f"Chosen: {chosen} ({how}).",
        ]
        if not self.fits:
            lines.append(
                "This may not fit. Lower resolution or batch_size"
                + ("." if self.recompute else ", or set checkpointing = 'block'.")
            )
        return "\n".join(lines)

    def record(self) -> dict[str, Any]:
        """For the run's folder."""
        return asdict(self)


def choose(asked: str, need: Need, adapter: int, free: int) -> bool:
    """Whether blocks are computed again; `asked` is the setting `checkpointing`."""
    if asked != "auto":
        return asked == "block"
    return need.kept + adapter > MARGIN * free and need.recomputed < need.kept


def measure(network: nn.Module, blocks: Iterable[nn.Module], step: Callable[[], Any]) -> Need:
    """What `step`, a forward pass with gradients through `network`, keeps for its backward.

    Counts what autograd saves, each storage once, weights not at all (they are there anyway).
    """
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    total: dict[int, int] = {}
    inner: list[int] = []
    inputs = 0
    marks: list[int] = []

    def count(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            total[storage.data_ptr()] = storage.nbytes()
        return tensor  # kept, so that no other storage takes its address

    def enter(_block: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        nonlocal inputs
        given = [*args, *named.values()]
        inputs += sum(t.numel() * t.element_size() for t in given if isinstance(t, Tensor))
        marks.append(sum(total.values()))

    def leave(_block: nn.Module, _args: Any, _named: Any, _output: Any) -> None:
        inner.append(sum(total.values()) - marks.pop())

    with _hooked(blocks, enter, leave), torch.autograd.graph.saved_tensors_hooks(count, _same):
        step()
    kept = sum(total.values())
    recomputed = kept - sum(inner) + inputs + max(inner, default=0)
    return Need(kept, min(recomputed, kept))


def _same(tensor: Tensor) -> Tensor:
    return tensor


@contextmanager
def _hooked(blocks: Iterable[nn.Module], enter: Any, leave: Any) -> Iterator[None]:
    hooks = []
    for block in blocks:
        hooks.append(block.register_forward_pre_hook(enter, with_kwargs=True))
        hooks.append(block.register_forward_hook(leave, with_kwargs=True))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _amount(size: float) -> str:
    return f"{size / 2**30:.2f} GiB" if size >= 2**28 else f"{size / 2**20:.0f} MiB"
