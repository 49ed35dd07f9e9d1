"""What a command line asks for, as a sweep: the server's nodes, the graph, and the axes."""

import argparse
import asyncio
import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from ..files import legible
from .axes import Asked
from .client import connect
from .places import subgraph_nodes
from .plan import Sweep, make_sweep
from .runner import POLL, Gone, answered
from .workflow import Prompt, Workflow, is_prompt, slots_of, to_prompt


class Wrong(Exception):
    """Something in the command or the plan; nothing was queued."""


class Nobody(Exception):
    """No server answers."""


async def first_answer(addresses: Sequence[str], give_up: float) -> tuple[Any, Any]:
    """What the first server that answers says of its nodes and its earlier runs."""
    deadline = time.monotonic() + give_up
    while True:
        told = []
        for address in addresses:
            async with connect(address) as client:
                try:
                    info = await answered(client.get("/object_info"))
                    about = await answered(client.get("/atelier/sweeps/server"))
                except aiohttp.ClientResponseError as error:
                    raise Wrong(
                        f"{address} has no Atelier that knows sweeps ({error.status})."
                    ) from error
                except Gone as error:
                    told.append(f"{address} does not answer ({error}).")
                else:
                    return info, about["costs"]
        if time.monotonic() > deadline:
            raise Nobody("\n".join(told))
        await asyncio.sleep(POLL)


def planned(options: argparse.Namespace, info: Mapping[str, Any]) -> Sweep:
    try:
        graph = json.loads(options.graph.read_text(encoding="utf-8"))
        workflow: Workflow | None = None if is_prompt(graph) else graph
        prompt: Prompt = graph if workflow is None else to_prompt(workflow, info)
        axes = [_axis(text, prompt, workflow, info) for text in options.axis]
        return make_sweep(
            options.name or options.graph.stem,
            options.mode,
            axes,
            prompt,
            info,
            count=options.count,
            seed=options.seed,
            goal=options.goal,
            workflow=workflow,
            reader=HereReader(),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        what = error if isinstance(error, OSError | ValueError) else f"no workflow ({error!r})"
        raise Wrong(f"{options.graph}: {what}") from error


def _axis(text: str, prompt: Prompt, workflow: Workflow | None, info: Mapping[str, Any]) -> Asked:
    """`node.input=values`; the node by number, title or type."""
    match = re.fullmatch(r"(?s)(?P<node>.+?)\.(?P<input>\w+)\s*=(?P<values>.*)", text)
    if not match:
        raise ValueError(f"--axis {legible(text)}: write it as node.input=values.")
    wanted = match["node"].strip()
    named = {number: _names(number, node) for number, node in prompt.items()}
    if workflow:  # a node that shows a subgraph is no part of the prompt, but its widgets are
        named |= {one: [one, *titles] for one, titles in subgraph_nodes(workflow).items()}
    found = [number for number, names in named.items() if wanted in names]
    if len(found) != 1:
        known = "; ".join(f"{number} {names[-1]}" for number, names in named.items())
        what = "several nodes are" if found else "no node is"
        raise ValueError(f"--axis {legible(text)}: {what} called {legible(wanted)}. {known}")
    slot = slots_of(workflow, found[0], info).get(match["input"]) if workflow else None
    return Asked(found[0], match["input"], match["values"].strip(), slot)


def _names(number: str, node: Mapping[str, Any]) -> list[str]:
    title = (node.get("_meta") or {}).get("title")
    return [number, node["class_type"], *([title] if title else [])]


class HereReader:
    """Files are those of whoever is at the terminal."""

    def lines(self, name: str) -> list[str]:
        text = Path(name).read_text(encoding="utf-8-sig")
        return [line.strip() for line in text.splitlines() if line.strip()]

    def folders(self, pattern: str) -> list[str]:
        raise ValueError(f"folders {pattern}: name the folders; only the page can look for them.")
