"""Who is wired to whom in a saved workflow, in the end, as the page's own `graphToPrompt` finds it.

Through reroutes, bypassed nodes, and in and out of subgraphs, which may lie in one another. Pure.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PASSES = "Reroute"  # a node of the page alone
TYPED_IN = "PrimitiveNode"  # a value of the page alone, wired to widgets
ALWAYS, MUTED, BYPASSED = 0, 2, 4
INPUTS = "-10"  # what stands in a subgraph for the inputs of the node that shows it
OWN = "-1"  # among a node's shown widgets: one of its own inputs
_BELOW = re.compile(r"\s*(\d+)\s*:\s*(.+)")  # `3: seed`, a widget shown through two subgraphs

Workflow = dict[str, Any]
Node = dict[str, Any]
Shown = tuple[str, str, Any]  # node, widget, and the value that it has at this place


@dataclass(frozen=True)
class Typed:
    """A value where a wire would be."""

    value: Any


Source = tuple[str, int] | Typed | None  # node and output, a value, or nothing


class Level:
    """The workflow itself, or a subgraph as one node shows it: `5:` leads the numbers in node 5.

    `typed` are values of widgets inside that are those of this one place: a subgraph may be shown
    twice. `given` are the values of its inputs, by name, where nothing is wired to them.
    """

    def __init__(
        self,
        graph: Mapping[str, Any],
        subgraphs: Mapping[str, Any],
        around: "Level | None" = None,
        node: Node | None = None,
        shown: Sequence[Shown] = (),
        lead: str = "",
    ) -> None:
        self.graph, self.around, self.node, self.lead = graph, around, node or {}, lead
        self.nodes: dict[str, Node] = {str(node["id"]): node for node in graph.get("nodes") or []}
        self.links: dict[Any, tuple[str, int]] = {}
        for link in graph.get("links") or []:
            if isinstance(link, dict):  # as subgraphs have it, and newer pages may save it
                self.links[link["id"]] = (str(link["origin_id"]), link["origin_slot"])
            else:
                self.links[link[0]] = (str(link[1]), link[2])
        self.given: dict[str, Any] = {}
        self.typed: dict[tuple[str, str], Any] = {}
        for where, name, value in [*self._kept(), *shown]:
            self._take(where, name, value)
        self.inner: dict[str, Level] = {}
        for number, one in self.nodes.items():
            kind = one.get("type", "")
            if kind not in subgraphs:
                continue
            if kind in self._kinds_around():
                raise ValueError(f"Node {lead}{number} shows a subgraph inside itself.")
            below = [_below(w, v) for (inside, w), v in self.typed.items() if inside == number]
            self.inner[number] = Level(
                subgraphs[kind], subgraphs, self, one, below, f"{lead}{number}:"
            )

    @classmethod
    def of(cls, workflow: Workflow) -> "Level":
        listed = (workflow.get("definitions") or {}).get("subgraphs") or []
        return cls(workflow, {one["id"]: one for one in listed})

    def every(self) -> Iterator[tuple[str, Node, "Level"]]:
        """All nodes with their numbers in a prompt, those inside subgraphs too."""
        for number, node in self.nodes.items():
            if number not in self.inner:
                yield f"{self.lead}{number}", node, self
            elif node.get("mode", ALWAYS) == ALWAYS:
                yield from self.inner[number].every()

    def find(self, number: str) -> "tuple[Node, Level] | None":
        """The node that a prompt calls `5:3`, and where it lies."""
        first, _, rest = number.partition(":")
        if rest:
            return self.inner[first].find(rest) if first in self.inner else None
        return (self.nodes[first], self) if first in self.nodes else None

    # ------------------------------------------------------------ values of a place

    def _kinds_around(self) -> list[str]:
        return [self.node["type"], *self.around._kinds_around()] if self.around else []

    def _kept(self) -> list[Shown]:
        """The values that the node around keeps for the widgets which it shows."""
        return [
            (where, name, value)
            for (where, name), value in zip(self.widgets(), _values(self.node), strict=False)
            if value is not None
        ]

    def widgets(self) -> list[tuple[str, str]]:
        """The widgets of the node around, in the order of its values: node inside, and name."""
        listed = (self.node.get("properties") or {}).get("proxyWidgets")
        listed = json.loads(listed) if isinstance(listed, str) else listed
        if listed:
            # A third part names the node, two subgraphs deep, whose widget it is.
            return [(str(o[0]), f"{o[2]}: {o[1]}" if len(o) > 2 else o[1]) for o in listed]
        return [(OWN, name) for name in self.names if self.fed(name)]

    @property
    def names(self) -> list[str]:
        """Of a subgraph's inputs."""
        return [one["name"] for one in self.graph.get("inputs") or []] if self.around else []

    def fed(self, name: str) -> list[tuple[str, str]]:
        """The widgets inside that an input of this subgraph gives a value to: node and name."""
        place = self.names.index(name)
        return [
            (number, slot["widget"]["name"])
            for number, node in self.nodes.items()
            for slot in node.get("inputs") or []
            if slot.get("widget") and self.links.get(slot.get("link")) == (INPUTS, place)
        ]

    def _take(self, where: str, name: str, value: Any) -> None:
        names = self.names
        if where == OWN:
            fits = [own for own in names if own == name]
            fits = fits or [own for own in names if name in [one for _, one in self.fed(own)]]
        else:
            fits = [own for own in names if (where, name) in self.fed(own)]
        if fits:
            self.given[fits[0]] = value
        elif where != OWN:
            self.typed[where, name] = value

    # ------------------------------------------------------------ wires

    def source(self, slot: Mapping[str, Any], kind: Any = None, seen: Any = frozenset()) -> Source:
        """What an input is wired to; `kind` is the type that is wanted, else that of the input."""
        link = slot.get("link")
        if link not in self.links or (self.lead, link) in seen:  # a ring of reroutes has no source
            return None
        return self._origin(*self.links[link], kind or slot.get("type"), {*seen, (self.lead, link)})

    def _origin(self, number: str, place: int, kind: Any, seen: Any) -> Source:
        if number == INPUTS and self.around:
            return self._outside(self.names[place], seen)
        node = self.nodes.get(number)
        mode = (node or {}).get("mode", ALWAYS)
        if node is None or mode == MUTED:
            return None
        if mode == BYPASSED:
            slot = _passing(node, place, kind)
            return self.source(slot, None, seen) if slot else None
        if number in self.inner:
            return self.inner[number]._leaving(place, kind, seen)
        if node["type"] == PASSES:
            return self.source((node.get("inputs") or [{}])[0], kind, seen)
        if node["type"] == TYPED_IN:
            return Typed(([*_values(node), None])[0])
        return f"{self.lead}{number}", place

    def _outside(self, name: str, seen: Any) -> Source:
        """What is wired to an input of the node around, or the value that it has."""
        assert self.around
        slots = [one for one in self.node.get("inputs") or [] if one["name"] == name]
        found = self.around.source(slots[0], None, seen) if slots else None
        return found or (Typed(self.given[name]) if name in self.given else None)

    def _leaving(self, place: int, kind: Any, seen: Any) -> Source:
        """What an output of the node around is made by."""
        wired = self.graph["outputs"][place].get("linkIds")
        return self.source({"link": wired[0]}, kind, seen) if wired else None


def _below(widget: str, value: Any) -> Shown:
    """A widget of a node that itself shows a subgraph: whose it is, as seen from in there."""
    match = _BELOW.fullmatch(widget)
    return (match[1], match[2], value) if match else (OWN, widget, value)


def _values(node: Node) -> list[Any]:
    values = node.get("widgets_values")
    return values if isinstance(values, list) else []


def _passing(node: Node, place: int, kind: Any) -> Mapping[str, Any] | None:
    """The input that a bypassed node gives out at an output instead."""
    inputs = node.get("inputs") or []
    outputs = node.get("outputs") or []
    made = outputs[place].get("type") if place < len(outputs) else kind
    opposite = inputs[place : place + 1]
    if kind in ("*", ""):
        return next(iter([*opposite, *inputs]), None)
    fitting = [one for one in inputs if all(_fits(one.get("type"), t) for t in (made, kind))]
    exact = [one for one in inputs if one.get("type") == kind]
    return next(iter([*(one for one in opposite if one in fitting), *exact, *fitting]), None)


def _fits(one: Any, other: Any) -> bool:
    """Whether one type may be wired to the other; `A,B` is any of both."""
    if one in ("*", "", None) or other in ("*", "", None):
        return True
    first, second = (set(str(kind).lower().split(",")) for kind in (one, other))
    return bool(first & second)
