"""A whole ComfyUI server that is killed while it trains."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from ..demo.install import CHECKPOINT
from ..demo.server import Server, running
from ..tests.bits import equal
from ..tests.conftest import make_base
from ..training import nest
from ..training.sweep.client import PromptFailed, connect
from .faults_ground import Ground, snapshot
from .outcome import Outcome

STEPS, AT, SAVE_EVERY = 80, 40, 7


def killed_server(ground: Ground) -> Outcome:
    """Killed at a step, started again, the same prompt queued again: it ends as another did."""
    with tempfile.TemporaryDirectory(prefix="atelier-killed-", ignore_cleanup_errors=True) as name:
        base = Path(name)
        make_base(base)
        pictures = base / "input" / "pictures"
        pictures.mkdir()
        for path in ground.pictures.iterdir():
            (pictures / path.name).write_bytes(path.read_bytes())
        with running(base) as server:
            asyncio.run(_train(server, "whole"))
            before = snapshot(base / "user" / "__atelier" / "runs", pictures)
            told = asyncio.run(_killed_at(server, "killed"))
        runs = base / "user" / "__atelier" / "runs"
        kept = max(int(path.stem[5:]) for path in (runs / "killed" / "checkpoints").glob("step-*"))
        lost = int(kept < told // SAVE_EVERY * SAVE_EVERY)
        with running(base) as server:
            asyncio.run(_train(server, "killed"))
        last = f"checkpoints/step-{STEPS:08d}.safetensors"
        # Not by bytes: safetensors writes the entries of a header in any order.
        lost += not equal(*(nest.load(runs / name / last) for name in ("whole", "killed")))
        after = snapshot(runs, pictures)
    changed = sum(after.get(path) != was for path, was in before.items())
    return Outcome(
        "a killed server", 1, lost, changed, 1, told=f"killed at step {told}, {kept} on disk"
    )


def _prompt(name: str) -> dict[str, Any]:
    settings = {"name": name, "steps": STEPS, "batch_size": 1, "learning_rate": 0.01, "rank": 2}
    wires = {"model": ["1", 0], "clip": ["1", 1], "vae": ["1", 2], "dataset": ["2", 0]}
    validation = {"validate_every": 0, "patience": 0, "keep": "last", "save_every": SAVE_EVERY}
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": CHECKPOINT}},
        "2": {
            "class_type": "AtelierLoadDataset",
            "inputs": {"folder": "pictures", "default_caption": ""},
        },
        "3": {
            "class_type": "AtelierTrainLora",
            "inputs": wires | settings | {"resolution": 128, "seed": 1, "options": ["4", 0]},
        },
        "4": {"class_type": "AtelierValidationOptions", "inputs": validation},
    }


async def _train(server: Server, name: str) -> None:
    async with connect(server.address) as client:
        await client.run(_prompt(name))


async def _killed_at(server: Server, name: str) -> int:
    """Kill the server when it tells of step AT; return the last step that it told of."""
    told = 0

    def watch(kind: str, data: dict[str, Any]) -> None:
        nonlocal told
        if kind == "progress":
            told = max(told, int(data["value"]))
        if kind == "progress" and told >= AT:
            server.kill()

    async with connect(server.address) as client:
        try:
            await client.run(_prompt(name), watch=watch)
        except (PromptFailed, json.JSONDecodeError):
            return told
    raise RuntimeError("The server ended the prompt before it was killed.")
