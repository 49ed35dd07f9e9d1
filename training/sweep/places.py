"""Where a saved workflow keeps the value that an input has, to change it there. Pure."""

from dataclasses import dataclass
from typing import Any

from .wires import OWN, Level, Node, Workflow


@dataclass(frozen=True)
class Place:
    """One of a node's `widgets_values`, which newer pages write down by name too."""

    node: Node
    index: int
    name: str

    @property
    def value(self) -> Any:
        return self.node["widgets_values"][self.index]

    def put(self, value: Any) -> None:
        self.node["widgets_values"][self.index] = value
        named = self.node.get("widgets_values_named")
        if isinstance(named, dict) and self.name in named:
            named[self.name] = value


def place_of(workflow: Workflow, number: str, name: str, slot: int | None) -> Place | None:
    """Where the value of an input lies; `5:3` is node 3 of the subgraph that node 5 shows.

    In the node itself at `slot`, or in a node around it that shows its widget. None where there is
    none, or where it lies in a subgraph that is shown twice, and a change would be one of both.
    """
    found = Level.of(workflow).find(number)
    if not found:
        return None
    node, level = found
    while above := _above(node, name, level):
        assert level.around
        node, slot, name, level = level.node, *above, level.around
    values = node.get("widgets_values")
    known = isinstance(values, list) and slot is not None and slot < len(values)
    return Place(node, slot or 0, name) if known and _once(workflow, level) else None


def inside(workflow: Workflow, number: str, name: str) -> list[tuple[str, str]]:
    """What a widget of a node that shows a subgraph feeds in it: nodes of a prompt, and inputs."""
    found = Level.of(workflow).find(number)
    level = found[1].inner.get(str(found[0]["id"])) if found else None
    return _fed(level, name) if level else []


def subgraph_nodes(workflow: Workflow) -> dict[str, list[str]]:
    """The nodes that show a subgraph, by number: the subgraph's name, and a title of their own."""
    found: dict[str, list[str]] = {}
    waiting = [Level.of(workflow)]
    while waiting:
        for level in waiting.pop().inner.values():
            names = (level.graph.get("name"), level.node.get("title"))
            found[level.lead[:-1]] = [name for name in names if name]
            waiting.append(level)
    return found


def _fed(level: Level, name: str) -> list[tuple[str, str]]:
    found = []
    for number, widget in level.fed(name) if name in level.names else ():
        below = level.inner.get(number)
        found += _fed(below, widget) if below else [(f"{level.lead}{number}", widget)]
    return found


def _above(node: Node, name: str, level: Level) -> tuple[int, str] | None:
    """Which value of the node around is that of a widget inside, and the widget's name there."""
    number = str(node["id"])
    by_input = [own for own in level.names if (number, name) in level.fed(own)]
    wanted = [(number, name), *((OWN, own) for own in by_input)]
    values = level.node.get("widgets_values") or []
    for index, shown in enumerate(level.widgets()):
        if shown in wanted and index < len(values) and values[index] is not None:
            return index, by_input[0] if by_input else name
    return None


def _once(workflow: Workflow, level: Level) -> bool:
    """Whether no other node shows the subgraph of a level, nor one around it."""
    graphs = [workflow, *(workflow.get("definitions") or {}).get("subgraphs", [])]
    kinds = [node.get("type") for graph in graphs for node in graph.get("nodes", [])]
    while level.around:
        if kinds.count(level.node["type"]) != 1:
            return False
        level = level.around
    return True
