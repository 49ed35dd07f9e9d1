"""What travels on a wire of LoRA stacks. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from torch import Tensor

from ..files import legible
from .rows import NO_FILE, Row

Plain = tuple[str, float, float]  # name in models/loras, strength for the model, for the text


@dataclass(frozen=True)
class Item:
    """A row that acts: a file by its name in models/loras, or a LoRA in memory (`state`)."""

    name: str
    model: float
    text: float
    blocks: Mapping[str, float] = field(default_factory=dict)
    schedule: tuple[tuple[float, float], ...] = ()
    state: Mapping[str, Tensor] | None = field(default=None, repr=False, compare=False)

    @property
    def beyond_plain(self) -> str:
        """What of it does not fit into a `LORA_STACK`."""
        if self.state is not None:
            return "is a LoRA that is no file: save it first"
        if self.blocks:
            return "has block weights"
        return "has a schedule" if self.schedule else ""


@dataclass(frozen=True)
class Stack:
    items: tuple[Item, ...] = ()

    def with_rows(self, rows: Iterable[Row]) -> "Stack":
        """With the rows that are on and name a file."""
        more = (
            Item(row.lora, row.model, row.text_strength, row.blocks, row.schedule)
            for row in rows
            if row.acts
        )
        return Stack((*self.items, *more))

    def plain(self) -> list[Plain]:
        """As a `LORA_STACK`. `ValueError` that names the first row that does not fit into one."""
        for item in self.items:
            if why := item.beyond_plain:
                raise ValueError(
                    f"'{legible(item.name)}' {why}, which a LORA_STACK cannot hold. Use the output "
                    "'stack' with Apply Stack, or take it out of the row."
                )
        return [(item.name, item.model, item.text) for item in self.items]

    def for_others(self) -> "list[Plain] | Refused":
        """`plain`, or in its place a value that says why not to whoever reads it."""
        try:
            return self.plain()
        except ValueError as error:
            return Refused(str(error))


class Refused(Sequence[Plain]):
    """A `LORA_STACK` that cannot be: every use of it raises `ValueError` with the reason.

    So a node that is wired to it fails with the reason, each time it is queued, and one that is not
    goes on. (ComfyUI's ExecutionBlocker tells the page only, and only once.)
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def _refuse(self, *_: Any) -> NoReturn:
        raise ValueError(self.reason)

    __getitem__ = __len__ = __iter__ = __add__ = __radd__ = _refuse


def plain_rows(stack: Any) -> list[Plain]:
    """The rows of another pack's `LORA_STACK`, without those that name no file.

    Its rows may be longer, with trigger words. `ValueError` for what is no such row.
    """
    if not isinstance(stack, list | tuple | Refused):
        raise ValueError("lora_stack is no list of (name, strength_model, strength_clip).")
    out: list[Plain] = []
    for row in stack:
        try:
            name, model, text = row[:3]
            out.append((str(name), float(model), float(text)))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"lora_stack has {legible(row)}, which is not (name, strength_model, "
                "strength_clip)."
            ) from error
    return [row for row in out if row[0] not in NO_FILE]
