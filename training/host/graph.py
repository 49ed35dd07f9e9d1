"""The graph that runs: as pictures carry it, and what it says of the base."""

from collections.abc import Mapping
from typing import Any

from comfy.cli_args import args
from comfy_execution.utils import get_executing_context

from ..mark import graph_texts
from ..upstream import base_file


def texts(graph: Mapping[str, Any]) -> dict[str, str]:
    """What is written into pictures; nothing where ComfyUI runs with `--disable-metadata`."""
    return {} if args.disable_metadata else graph_texts(graph)


def base_of(prompt: Any) -> str:
    """The file of the base that is wired to the node that runs; empty where `prompt`, the queued
    graph, does not say.
    """
    context = get_executing_context()
    return base_file(prompt, context.node_id.split(".")[0]) if context else ""
