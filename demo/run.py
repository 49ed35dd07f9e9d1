"""The demo: a LoRA trained, saved, applied and shown in a grid, by a real ComfyUI server.

    python dev.py demo

Queues workflows/first-lora.json through the HTTP API as a person would from the page. The last
line is JSON: where the LoRA, the grid and the loss curve are, and how long it took.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from ..training.sweep.client import connect
from .engine import base_directory
from .install import install
from .server import Server, running

WORKFLOW = Path(__file__).resolve().parent.parent / "workflows" / "first-lora.json"


class Screen:
    """Prints what the server says, one line for each new thing and not more than one a second."""

    def __init__(self, titles: dict[str, str]) -> None:
        self.titles = titles
        self.last = 0.0

    def __call__(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "executing" and data.get("node") in self.titles:
            print(f"  {self.titles[data['node']]}", flush=True)
        elif kind == "text" and time.monotonic() - self.last > 1:
            self.last = time.monotonic()
            print(f"    {data['text']}", flush=True)


def file_of(output: dict[str, Any], base: Path, kind: str = "images") -> Path:
    """The file behind a picture that a node showed."""
    shown = output[kind][0]
    return base / "output" / shown["subfolder"] / shown["filename"]


def shown_by(outputs: dict[str, Any], node: str) -> dict[str, Any]:
    """What a node showed, itself or through the nodes that it was expanded into."""
    return next(o for number, o in outputs.items() if number.split(".")[0] == node)


async def train_and_judge(server: Server) -> dict[str, str]:
    """Queue the workflow and wait; return the paths of what came out."""
    workflow = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    async with connect(server.address) as client:
        prompt = await client.prompt_of(workflow)
        titles = {number: node["_meta"]["title"] for number, node in prompt.items()}
        outputs = await client.run(prompt, workflow, Screen(titles))
    node = {entry["class_type"]: number for number, entry in prompt.items()}
    trained = shown_by(outputs, node["AtelierTrainLora"])
    lora = shown_by(outputs, node["AtelierSaveLora"])["text"][0]
    return {
        "lora": str(server.base / lora),
        "grid": str(file_of(shown_by(outputs, node["AtelierEvaluationGrid"]), server.base)),
        "loss_curve": str(file_of(trained, server.base, "loss_curve")),
    }


def main() -> None:
    started = time.monotonic()
    install()
    print("Starting ComfyUI ...", flush=True)
    with running(base_directory()) as server:
        print(f"ComfyUI listens at {server.address}. Training, saving, and drawing the grid:")
        made = asyncio.run(train_and_judge(server))
    print(f"\nLoRA        {made['lora']}\nGrid        {made['grid']}")
    print(f"Loss curve  {made['loss_curve']}")
    print("To play with it on the canvas: python dev.py serve")
    print(json.dumps({**made, "seconds": round(time.monotonic() - started)}))


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(f"\nThe demo stopped: {error}")
