"""A workflow as the page saves it, as the prompt that ComfyUI's queue takes. Pure."""

from typing import Any

WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
CONTROL = {"fixed", "increment", "decrement", "randomize"}  # the widget that follows a seed
NOTES = {"Note", "MarkdownNote"}
ALWAYS, MUTED = 0, 2

Workflow = dict[str, Any]
Prompt = dict[str, dict[str, Any]]


def to_prompt(workflow: Workflow, object_info: dict[str, Any]) -> Prompt:
    """Turn a saved workflow into a prompt, with the server's `/object_info` to name the widgets.

    Muted nodes and notes are left out. Raises `ValueError` for a node the server does not have, and
    for subgraphs, bypassed nodes and other things that only the page can resolve.
    """
    if workflow.get("definitions", {}).get("subgraphs"):
        raise ValueError("This workflow has subgraphs: export it from the page with Export (API).")
    links = {link[0]: (str(link[1]), link[2]) for link in workflow["links"]}
    prompt: Prompt = {}
    for node in workflow["nodes"]:
        kind = node["type"]
        if kind in NOTES or node.get("mode", ALWAYS) == MUTED:
            continue
        if node.get("mode", ALWAYS) != ALWAYS:
            raise ValueError(
                f"Node {node['id']} ({kind}) is bypassed: remove it, or export with Export (API)."
            )
        if kind not in object_info:
            raise ValueError(f"The server has no node {kind!r}. Install the pack that brings it.")
        inputs = _widget_values(node, object_info[kind])
        for slot in node.get("inputs", []):
            if slot.get("link") in links:
                inputs[slot["name"]] = list(links[slot["link"]])
        title = node.get("title") or object_info[kind].get("display_name") or kind
        prompt[str(node["id"])] = {
            "class_type": kind,
            "inputs": inputs,
            "_meta": {"title": title},
        }
    return prompt


def _widget_values(node: dict[str, Any], info: dict[str, Any]) -> dict[str, Any]:
    values = node.get("widgets_values") or []
    if isinstance(values, dict):
        return dict(values)
    waiting = list(values)
    named: dict[str, Any] = {}
    for group in ("required", "optional"):
        specs = info["input"].get(group, {})
        for name in info["input_order"].get(group, list(specs)):
            if not waiting or not _has_widget(specs[name]):
                continue
            named[name] = waiting.pop(0)
            if specs[name][0] == "INT" and waiting and waiting[0] in CONTROL:
                waiting.pop(0)
    return named


def _has_widget(spec: list[Any]) -> bool:
    options = spec[1] if len(spec) > 1 and isinstance(spec[1], dict) else {}
    return (isinstance(spec[0], list) or spec[0] in WIDGETS) and not options.get("forceInput")
