"""A workflow as the page saves it, as the prompt that ComfyUI's queue takes. Pure."""

from collections.abc import Mapping
from typing import Any

WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
CONTROL = {"fixed", "increment", "decrement", "randomize"}  # the widget that follows a seed
SEEDS = {"seed", "noise_seed"}
NOTES = {"Note", "MarkdownNote"}
PASSES = "Reroute"  # a node of the page alone
TYPED_IN = "PrimitiveNode"  # a value of the page alone, wired to widgets
ALWAYS, MUTED, BYPASSED = 0, 2, 4

Workflow = dict[str, Any]
Prompt = dict[str, dict[str, Any]]
Source = tuple[str, int]  # node and output


def is_prompt(value: Any) -> bool:
    """Whether it is a prompt already, as Export (API) writes it."""
    return (
        isinstance(value, dict)
        and bool(value)
        and all(
            isinstance(node, dict)
            and isinstance(node.get("class_type"), str)
            and isinstance(node.get("inputs"), dict)
            for node in value.values()
        )
    )


def to_prompt(workflow: Workflow, object_info: Mapping[str, Any]) -> Prompt:
    """Turn a saved workflow into a prompt, with the server's `/object_info` to name the widgets.

    Muted nodes and notes are left out, bypassed nodes and reroutes are passed through. Raises
    `ValueError` for a node the server does not have, and for subgraphs and other things that only
    the page can resolve.
    """
    if workflow.get("definitions", {}).get("subgraphs"):
        raise ValueError("This workflow has subgraphs: export it from the page with Export (API).")
    if not isinstance(workflow.get("nodes"), list):
        raise ValueError("It is neither a saved workflow nor one of Export (API).")
    wires = _Wires(workflow)
    prompt: Prompt = {}
    for node in wires.nodes.values():
        kind = node["type"]
        if kind in (*NOTES, PASSES, TYPED_IN) or node.get("mode", ALWAYS) in (MUTED, BYPASSED):
            continue
        if node.get("mode", ALWAYS) != ALWAYS:
            raise ValueError(
                f"Node {node['id']} ({kind}) runs on an event only: set it to Always, or export "
                "with Export (API)."
            )
        if kind not in object_info:
            raise ValueError(f"The server has no node {kind!r}. Install the pack that brings it.")
        inputs = _widget_values(node, object_info[kind])
        for slot in node.get("inputs", []):
            if slot.get("link") is not None:
                inputs |= wires.into(slot)
        title = node.get("title") or object_info[kind].get("display_name") or kind
        prompt[str(node["id"])] = {
            "class_type": kind,
            "inputs": inputs,
            "_meta": {"title": title},
        }
    return prompt


class _Wires:
    """Who is wired to whom, in the end."""

    def __init__(self, workflow: Workflow) -> None:
        self.nodes = {str(node["id"]): node for node in workflow["nodes"]}
        self.links: dict[Any, Source] = {}
        for link in workflow.get("links", []):
            if isinstance(link, dict):  # as newer pages may save it
                self.links[link["id"]] = (str(link["origin_id"]), link["origin_slot"])
            else:
                self.links[link[0]] = (str(link[1]), link[2])

    def into(self, slot: dict[str, Any]) -> dict[str, Any]:
        """What an input gets: a wire, a value, or nothing where what was wired is muted."""
        found = self._source(self.links.get(slot["link"]), slot.get("type"))
        if found is None:
            return {}
        node = self.nodes[found[0]]
        if node["type"] == TYPED_IN:
            return {slot["name"]: (node.get("widgets_values") or [None])[0]}
        return {slot["name"]: list(found)}

    def _source(self, source: Source | None, kind: Any) -> Source | None:
        """Back through reroutes and bypassed nodes, which give the first input of the same type."""
        for _ in range(len(self.nodes) + 1):  # a ring of reroutes has no source
            node = self.nodes.get(source[0]) if source else None
            if source is None or node is None or node.get("mode", ALWAYS) == MUTED:
                return None
            if node["type"] != PASSES and node.get("mode", ALWAYS) != BYPASSED:
                return source
            inputs = [one for one in node.get("inputs", []) if one.get("link") is not None]
            if node["type"] != PASSES:
                inputs = [one for one in inputs if one.get("type") == kind]
            source = self.links.get(inputs[0]["link"]) if inputs else None
        return None


def _widget_values(node: dict[str, Any], info: dict[str, Any]) -> dict[str, Any]:
    values = node.get("widgets_values") or []
    if isinstance(values, dict):
        return dict(values)
    return {name: values[slot] for name, slot in widget_slots(node, info).items()}


def widget_slots(node: dict[str, Any], info: dict[str, Any]) -> dict[str, int]:
    """Where each input's value stands in the node's `widgets_values`."""
    values = node.get("widgets_values") or []
    if isinstance(values, dict):
        return {}
    slots: dict[str, int] = {}
    place = 0
    for group in ("required", "optional"):
        specs = info["input"].get(group, {})
        for name in info["input_order"].get(group, list(specs)):
            if place >= len(values) or not _has_widget(specs[name]):
                continue
            slots[name] = place
            place += 1
            if _has_control(name, specs[name]) and values[place : place + 1]:
                place += values[place] in CONTROL
    return slots


def _options(spec: Any) -> dict[str, Any]:
    return spec[1] if len(spec) > 1 and isinstance(spec[1], dict) else {}


def _has_widget(spec: Any) -> bool:
    listed = isinstance(spec[0], list | tuple)
    return (listed or spec[0] in WIDGETS) and not _options(spec).get("forceInput")


def _has_control(name: str, spec: Any) -> bool:
    asked = _options(spec).get("control_after_generate", name in SEEDS)
    return spec[0] == "INT" and bool(asked)


def slots_of(workflow: Workflow, node: str, object_info: Mapping[str, Any]) -> dict[str, int]:
    """As `widget_slots`, for a node of a workflow; nothing where there is no such node."""
    for one in workflow.get("nodes", []):
        if str(one["id"]) == node and one["type"] in object_info:
            return widget_slots(one, object_info[one["type"]])
    return {}


def widget_list(workflow: Workflow, node: str) -> list[Any] | None:
    """The `widgets_values` of a node, in which they may be changed.

    `5:3` is node 3 of the subgraph that node 5 shows. None where there is none, or where the
    subgraph is shown twice, and a change would be one of both.
    """
    nodes = workflow.get("nodes") or []
    subgraphs = {one["id"]: one for one in (workflow.get("definitions") or {}).get("subgraphs", [])}
    *outer, last = node.split(":")
    for number in outer:
        kind = next((one["type"] for one in nodes if str(one["id"]) == number), None)
        everywhere = [*(workflow.get("nodes") or [])]
        for subgraph in subgraphs.values():
            everywhere += subgraph.get("nodes", [])
        if kind not in subgraphs or sum(one["type"] == kind for one in everywhere) != 1:
            return None
        nodes = subgraphs[kind].get("nodes", [])
    found = next((one for one in nodes if str(one["id"]) == last), {})
    values = found.get("widgets_values")
    return values if isinstance(values, list) else None
