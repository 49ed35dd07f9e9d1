"""A workflow as the page saves it, as the prompt that ComfyUI's queue takes. Pure."""

from collections.abc import Mapping
from typing import Any

from .wires import (
    ALWAYS,
    BYPASSED,
    MUTED,
    PASSES,
    TYPED_IN,
    Level,
    Node,
    Typed,
    Workflow,
)

WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
CONTROL = {"fixed", "increment", "decrement", "randomize"}  # the widget that follows a seed
SEEDS = {"seed", "noise_seed"}
NOTES = {"Note", "MarkdownNote"}

Prompt = dict[str, dict[str, Any]]


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

    Muted nodes and notes are left out, bypassed nodes and reroutes are passed through, and a
    subgraph's nodes are called `5:3`, all as the page does it. Raises `ValueError` for a node the
    server does not have, and for other things that only the page can resolve.
    """
    if not isinstance(workflow.get("nodes"), list):
        raise ValueError("It is neither a saved workflow nor one of Export (API).")
    prompt: Prompt = {}
    for number, node, level in Level.of(workflow).every():
        kind = node["type"]
        if kind in (*NOTES, PASSES, TYPED_IN) or node.get("mode", ALWAYS) in (MUTED, BYPASSED):
            continue
        if node.get("mode", ALWAYS) != ALWAYS:
            raise ValueError(
                f"Node {number} ({kind}) runs on an event only: set it to Always, or export "
                "with Export (API)."
            )
        if kind not in object_info:
            raise ValueError(f"The server has no node {kind!r}. Install the pack that brings it.")
        title = node.get("title") or object_info[kind].get("display_name") or kind
        prompt[number] = {
            "class_type": kind,
            "inputs": _inputs(node, level, object_info[kind]),
            "_meta": {"title": title},
        }
    return prompt


def _inputs(node: Node, level: Level, info: dict[str, Any]) -> dict[str, Any]:
    """Widgets, then what is wired; where what was wired is muted, the widget's own value stays."""
    inputs = _widget_values(node, info)
    known = {name for group in info["input"].values() for name in group}
    number = str(node["id"])
    inputs |= {n: v for (one, n), v in level.typed.items() if one == number and n in known}
    for slot in node.get("inputs") or []:
        found = level.source(slot)
        if found is not None:
            inputs[slot["name"]] = found.value if isinstance(found, Typed) else list(found)
    return inputs


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


def slots_of(workflow: Workflow, number: str, object_info: Mapping[str, Any]) -> dict[str, int]:
    """As `widget_slots`, for a node of a workflow; nothing where there is no such node."""
    found = Level.of(workflow).find(number)
    if not found or found[0]["type"] not in object_info:
        return {}
    return widget_slots(found[0], object_info[found[0]["type"]])
