"""A grid of a thousand cells on a server: what it costs in memory and time besides the sampling.

The server's resident memory is read after each cell (`psutil`); pictures are of 128 x 128 pixels
and one step, so that what is held for each of them would show.
"""

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from safetensors.numpy import save_file

from ..demo.install import CHECKPOINT
from ..demo.server import Server, running
from ..tests.conftest import make_base
from ..training.sweep.client import connect
from .report import Report, Value

SIDE, LORA = 128, "measured.safetensors"
UNSET = ("MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_")
WARM = 0.1  # share of the cells after which growth counts


def measure(quick: bool) -> Report:
    cells = 200 if quick else 1000
    for name in UNSET:  # with these, memory is never given back
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="atelier-grids-") as folder:
        base = Path(folder)
        make_base(base)
        _lora(base)
        with running(base) as server:
            started = time.monotonic()
            sizes = asyncio.run(_draw(server, cells))
            seconds = time.monotonic() - started
            pages = sorted((base / "output/atelier/grids/measured").glob("grid-*.png"))
        drawn = len(list((base / "output/atelier/cells").rglob("*.png")))
    return _report(cells, drawn, sizes, seconds, len(pages))


def _report(cells: int, drawn: int, sizes: list[float], seconds: float, pages: int) -> Report:
    """`sizes` are MiB after each drawing, the last one after the pages were laid."""
    first = sizes[int(WARM * len(sizes))]
    figures: dict[str, Value] = {
        "cells": drawn,
        "asked": cells,
        "grown_mib": round(sizes[-2] - first, 1),
        "grown_with_pages_mib": round(sizes[-1] - first, 1),
        "held_if_kept_mib": round(drawn * (1 - WARM) * SIDE * SIDE * 3 * 4 / 2**20, 1),
        "seconds": round(seconds, 1),
        "pages": pages,
    }
    rows = [
        {
            "after": f"{int(share * len(sizes))} cells",
            "MiB": round(sizes[int(share * len(sizes))], 1),
        }
        for share in (WARM, 0.25, 0.5, 0.75, 0.99)
    ]
    notes = (
        "Resident memory of the server. `grown_mib`: from the first tenth of the cells to the "
        "last; `held_if_kept_mib`: what the pictures alone would take, as ComfyUI holds them."
    )
    return Report(figures, rows, notes)


async def _draw(server: Server, cells: int) -> list[float]:
    process = psutil.Process(server.process.pid)
    sizes: list[float] = []

    def watch(kind: str, data: dict[str, Any]) -> None:
        if kind == "text" and " of " in data.get("text", ""):
            sizes.append(process.memory_info().rss / 2**20)

    async with connect(server.address) as client:
        await client.run(_prompt(cells), watch=watch)
    return [*sizes, process.memory_info().rss / 2**20]


def _prompt(cells: int) -> dict[str, Any]:
    """Ten prompts, a base and one strength: the rest are seeds."""
    seeds = ", ".join(map(str, range(cells // 20)))
    settings = {"name": "measured", "negative": "", "strengths": "1", "steps": 1, "cfg": 1.0}
    settings |= {"prompts": "\n".join(f"a person, number {n}" for n in range(10)), "seeds": seeds}
    settings |= {"sampler_name": "euler", "scheduler": "simple", "width": SIDE, "height": SIDE}
    wires = {"model": ["1", 0], "clip": ["1", 1], "vae": ["1", 2], "lora": ["2", 0]}
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": CHECKPOINT}},
        "2": {"class_type": "AtelierLoadLoraFile", "inputs": {"lora_name": LORA}},
        "3": {"class_type": "AtelierEvaluationGrid", "inputs": settings | wires},
    }


def _lora(base: Path) -> None:
    """Of one layer, which the demo's base has."""
    layer = "diffusion_model.joint_blocks.0.x_block.attn.proj"
    one = np.full((2, 192), 0.01, np.float32)
    state = {f"{layer}.lora_A.weight": one, f"{layer}.lora_B.weight": one.T.copy()}
    path = base / "models" / "loras" / LORA
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path)
