"""The inputs that a sweep changes, checked against what the server's nodes take. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..files import legible
from .places import inside
from .values import Reader, Span, Spec, Values, parse, within
from .wires import Workflow
from .workflow import Prompt


@dataclass(frozen=True)
class Asked:
    """An axis as a person asks for it: node and input, and the values as written.

    `slot` is the place of the widget in the node's `widgets_values`, where it is known.
    """

    node: str
    input: str
    values: str
    slot: int | None = None


@dataclass(frozen=True)
class Axis:
    """One input of one node, and what it may be; `also` are others that the same widget feeds."""

    node: str
    input: str
    values: Values
    title: str
    slot: int | None = None
    also: tuple[tuple[str, str], ...] = ()

    @property
    def places(self) -> list[tuple[str, str]]:
        """Every node and input of a prompt that gets the value."""
        return [(self.node, self.input), *self.also]

    @property
    def label(self) -> str:
        return f"{self.title}: {self.input}"


def is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[1], int)


def make_axes(
    asked: Sequence[Asked],
    prompt: Prompt,
    object_info: Mapping[str, Any],
    reader: Reader | None = None,
    workflow: Workflow | None = None,
) -> list[Axis]:
    """A node that shows a subgraph stands for those inside that its widget feeds.

    Raises `ValueError` for a node or input that is not there, is wired, or a wrong value.
    """
    if not asked:
        raise ValueError("Nothing changes: add an input to the sweep first.")
    axes = []
    for wanted in asked:
        one, *also = _through(wanted, prompt, workflow)
        node = prompt.get(one.node)
        if node is None:
            raise ValueError(f"Node {legible(one.node)} is not part of what would be queued.")
        title = str((node.get("_meta") or {}).get("title") or node["class_type"])
        label = f"{legible(title)}: {legible(one.input)}"
        spec = spec_of(object_info, node["class_type"], one.input)
        if is_link(node["inputs"].get(one.input)):
            raise ValueError(f"{label} is wired to another node. Sweep that node's widget.")
        try:
            values = parse(one.values, spec, reader)
            ends = (values.low, values.high) if isinstance(values, Span) else values
            for value in ends:
                within(value, spec)
        except ValueError as error:
            raise ValueError(f"{label}: {error}") from None
        places = tuple((other.node, other.input) for other in also)
        axes.append(Axis(one.node, one.input, values, title, one.slot, places))
    return axes


def _through(one: Asked, prompt: Prompt, workflow: Workflow | None) -> list[Asked]:
    """What is asked, or what it comes to inside the subgraph that the node shows."""
    if one.node in prompt or not workflow:
        return [one]
    found = [place for place in inside(workflow, one.node, one.input) if place[0] in prompt]
    return [Asked(node, name, one.values) for node, name in found] or [one]


def spec_of(object_info: Mapping[str, Any], kind: str, name: str) -> Spec:
    """Raises `ValueError` for a node that the server lacks, or an input without a widget."""
    if kind not in object_info:
        raise ValueError(f"The server has no node {legible(kind)}. Install the pack it is from.")
    groups = object_info[kind]["input"]
    for group in ("required", "optional"):
        if name in groups.get(group, {}):
            spec = Spec.of(groups[group][name])
            if spec.kind in ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"):
                return spec
            raise ValueError(f"{legible(kind)}: {name} is a wire and has no value of its own.")
    raise ValueError(f"{legible(kind)} has no input {legible(name)}.")
