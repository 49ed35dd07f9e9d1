"""What a run will need, measured before its first step, and what is done so that it fits."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

MARGIN = 0.9  # of the free memory that a plan may use: allocators leave gaps


@dataclass(frozen=True)
class Need:
    """Bytes that a step keeps for backward: as it is, and if blocks are computed again.

    The second is what lies outside the blocks, what goes into them, and the largest block alone.
    """

    kept: int
    recomputed: int

    def beside(self, shown: int) -> "Need":
        """With what it is shown, which has to be there either way."""
        return Need(self.kept + shown, self.recomputed + shown)

    def times(self, count: int) -> "Need":
        """For a batch of `count`: what is kept grows with it."""
        return Need(count * self.kept, count * self.recomputed)


@dataclass(frozen=True)
class Plan:
    """All in bytes, on the device that trains. `free` is what there was before the step.

    `streamed` of the `weights` are brought over for each use; `resident` is how many bytes of
    layers that could be may stay there, `buffer` is what one on its way takes. `asked` is the
    setting `checkpointing`.
    """

    weights: int
    adapter: int
    step: int
    step_recomputed: int
    free: int
    recompute: bool
    asked: str
    streamed: int = 0
    resident: int | None = None
    streaming: str = "auto"
    compiled: bool = False
    buffer: int = 0

    @property
    def besides(self) -> int:
        """What training takes besides the base: a step, the LoRA with its optimizer, the buffer."""
        need = self.step_recomputed if self.recompute else self.step
        return need + self.adapter + self.buffer

    @property
    def peak(self) -> int:
        """What is taken at most, the base included."""
        return self.weights - self.streamed + self.besides

    @property
    def spare(self) -> int:
        """What is left for pictures and captions; below 0 a step may not fit."""
        return int(MARGIN * self.free) - self.besides

    @property
    def fits(self) -> bool:
        return self.spare >= 0

    def text(self) -> str:
        """What was found, what was chosen, and why."""
        lines = [
            f"Base {_amount(self.weights)}; LoRA with its optimizer {_amount(self.adapter)}.",
            f"A step keeps {_amount(self.step)}, or {_amount(self.step_recomputed)} if blocks are "
            f"computed again; {_amount(self.free)} are free.",
            f"Chosen: {self._kept()}; {self._streamed()}.",
        ]
        if self.compiled:
            lines.append("Blocks are compiled in their first steps, which take long.")
        if not self.fits:
            lines.append(f"This may not fit. Lower resolution or batch_size{self._more()}.")
        return "\n".join(lines)

    def _kept(self) -> str:
        how = "as asked"
        if self.asked == "auto":
            how = "it does not fit otherwise" if self.recompute else "all of it fits"
        chosen = "blocks are computed again for the gradient" if self.recompute else "all is kept"
        return f"{chosen} ({how})"

    def _streamed(self) -> str:
        if not self.streamed:
            return "the base stays on the device"
        how = "as asked" if self.streaming == "on" else "the whole base does not fit beside a step"
        return f"{_amount(self.streamed)} of the base are streamed ({how})"

    def _more(self) -> str:
        more = []
        if not self.recompute:
            more.append("set checkpointing = 'block'")
        if self.streaming == "off":
            more.append("set streaming = 'auto'")
        return "".join(f", or {one}" for one in more)

    def record(self) -> dict[str, Any]:
        """For the run's folder."""
        return asdict(self)


@dataclass(frozen=True)
class Base:
    """Bytes of the frozen weights, and of those of them in layers that can be streamed. `largest`
    is what streaming needs room for: the largest such layer in fp32, or twice in half of that."""

    whole: int
    movable: int
    largest: int = 0


@dataclass(frozen=True)
class Choice:
    """`resident` bytes of the layers that can be streamed stay on the device; None: all do."""

    recompute: bool
    resident: int | None = None


def choose(
    checkpointing: str, streaming: str, need: Need, adapter: int, base: Base, free: int
) -> Choice:
    """What is done so that a step fits, what costs least time first.

    `free` is what there would be with every layer that can be streamed off the device. What costs
    nothing is to keep all; then blocks are computed again; then layers are streamed, as few as
    will do. `checkpointing` and `streaming` are the settings.
    """
    ways = {"none": [False], "block": [True]}.get(checkpointing, [False, True])
    if checkpointing == "auto" and need.recomputed >= need.kept:
        ways = [False]

    def room(recompute: bool, buffer: int = 0) -> float:
        """Left for layers beside a step."""
        kept = need.recomputed if recompute else need.kept
        return free - (kept + adapter + buffer) / MARGIN

    if streaming != "on":
        for recompute in ways:
            if room(recompute) >= base.movable:
                return Choice(recompute)
        if streaming == "off":
            return Choice(ways[-1])
    fitting = [recompute for recompute in ways if room(recompute, base.largest) >= 0]
    if streaming == "on":
        return Choice(fitting[0] if fitting else ways[-1], 0)
    return Choice(ways[-1], max(0, int(room(ways[-1], base.largest))))


def measure(
    trees: Iterable[nn.Module],
    blocks: Iterable[nn.Module],
    step: Callable[[], Any],
    device: torch.device,
) -> Need:
    """What `step`, a forward pass with gradients through `trees`, keeps on `device` for backward.

    Counts what autograd would save, each storage once, weights not at all (they are there anyway).
    Nothing is saved: it takes no more memory than sampling does, and there is no way back.
    """
    weights = {
        parameter.untyped_storage().data_ptr() for tree in trees for parameter in tree.parameters()
    }
    there: dict[int, StorageWeakRef] = {}
    total = 0
    inner: list[int] = []
    inputs = 0
    marks: list[int] = []

    def count(tensor: Tensor) -> None:
        nonlocal total
        storage = tensor.untyped_storage()
        place = storage.data_ptr()
        if tensor.device.type != device.type or place in weights:
            return
        if place in there and not there[place].expired():
            return
        there[place] = StorageWeakRef(storage)  # another one may lie there once this one is gone
        total += storage.nbytes()

    def enter(_block: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        nonlocal inputs
        given = [*args, *named.values()]
        inputs += sum(t.numel() * t.element_size() for t in given if isinstance(t, Tensor))
        marks.append(total)

    def leave(_block: nn.Module, _args: Any, _named: Any, _output: Any) -> None:
        inner.append(total - marks.pop())

    with _hooked(blocks, enter, leave), torch.autograd.graph.saved_tensors_hooks(count, _no_way):
        step()
    recomputed = total - sum(inner) + inputs + max(inner, default=0)
    return Need(total, min(recomputed, total))


def _no_way(_nothing: None) -> Tensor:
    raise AssertionError("a step that is measured has no backward")


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
