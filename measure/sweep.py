"""A sweep of 2 × 3 by the terminal's command on a real server, and one whose server is killed.

`cost_ratio`: from the command's start to its end, against the time of the six runs in their
training loops, from their `sittings.jsonl`. It holds all else: planning, encoding pictures and
captions, loading the base, saving, grids and the waits between prompts.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..demo.install import FOLDER, PICTURES
from ..demo.server import Server, environment, free_port, running
from ..tests.conftest import PACK, make_base
from ..training.sweep.facts import seconds as training_seconds
from ..training.sweep.kept import DONE, Kept
from .report import Report

GRAPH = PACK / "workflows" / "first-lora.json"
RATES, RANKS = "1e-3, 3e-3", "4, 8, 16"
STEPS, QUICK_STEPS, KILLED_STEPS = 200, 40, 40
GRID = ("seeds=1", "strengths=1", "steps=10")
SMALL_GRID = ("seeds=1", "strengths=1", "steps=4", "prompts=a person wearing a hat")
GOAL = 1.3


@dataclass(frozen=True)
class Ended:
    """A sweep when its command ended: its table, the files, and seconds."""

    code: int
    rows: list[dict[str, Any]]
    runs: list[str]
    loras: int
    grids: int
    wall: float
    training: float
    resumed: int = 0


def measure(quick: bool) -> Report:
    with tempfile.TemporaryDirectory(prefix="atelier-sweep-", ignore_cleanup_errors=True) as name:
        base = prepare(Path(name))
        with running(base) as server:
            whole = sweep(server, "whole", QUICK_STEPS if quick else STEPS)
        killed = killed_sweep(base, "killed", KILLED_STEPS)
    figures = {
        "runs": len(whole.runs),
        "loras": whole.loras,
        "grids": whole.grids,
        "cost_ratio": round(whole.wall / whole.training, 3),
        "cost_ratio_goal": GOAL,
        "resumed": killed.resumed,
        "killed_runs": len(killed.runs),
        "exit_codes": f"{whole.code}, {killed.code}",
    }
    rows = [_row("whole", whole), _row("server killed", killed)]
    return Report(dict(figures), rows, (__doc__ or "").split("\n", 2)[2].strip())


def _row(name: str, one: Ended) -> dict[str, str | int | float]:
    return {
        "sweep": name,
        "points": len(one.rows),
        "runs": len(one.runs),
        "LoRAs": one.loras,
        "grids": one.grids,
        "wall s": round(one.wall),
        "training s": round(one.training),
        "ratio": round(one.wall / one.training, 2),
        "done after the kill": one.resumed,
    }


def prepare(base: Path) -> Path:
    """A base directory with the demo's pictures in it: a link would lead out of it."""
    make_base(base)
    pictures = base / "input" / FOLDER
    pictures.unlink()
    shutil.copytree(PICTURES, pictures)
    return base


def command(
    base: Path,
    server: str,
    name: str,
    rates: str = RATES,
    grid: Sequence[str] = GRID,
    **settings: int,
) -> list[str]:
    """The command line of six points, with other `settings` of the training for all of them."""
    axes = [f"AtelierTrainLora.learning_rate={rates}", f"AtelierTrainLora.rank={RANKS}"]
    axes += [f"AtelierTrainLora.{key}={value}" for key, value in settings.items()]
    axes += [f"AtelierEvaluationGrid.{setting}" for setting in grid]
    # As somebody calls it who has cloned the pack into custom_nodes.
    script = base / "custom_nodes" / "atelier" / "sweep.py"
    line = [sys.executable, str(script), "run", str(GRAPH), "--name", name, "--server", server]
    return [*line, *(part for axis in axes for part in ("--axis", axis))]


def sweep(server: Server, name: str, steps: int) -> Ended:
    """Six points, from the command's start to its end."""
    began = time.monotonic()
    code = subprocess.call(
        command(server.base, server.address, name, steps=steps), env=environment()
    )
    return found(server.base, name, code, time.monotonic() - began)


def killed_sweep(
    base: Path, name: str, steps: int, rates: str = "2e-3, 4e-3", **settings: int
) -> Ended:
    """The server is killed while it trains the fourth of six, and started again on its port."""
    port = free_port()
    with running(base, port=port) as server:
        began = time.monotonic()
        line = command(base, server.address, name, rates, SMALL_GRID, steps=steps, **settings)
        process = subprocess.Popen(line, env=environment())
        log = base / "user" / "__atelier" / "runs" / f"{name}-04" / "log.jsonl"
        while not log.is_file() and process.poll() is None:
            time.sleep(0.2)
        server.kill()
    before = _done(base, name)
    with running(base, port=port):
        code = process.wait()
    wall = time.monotonic() - began
    return found(base, name, code, wall, len(_done(base, name)) - len(before))


def _kept(base: Path, name: str) -> Kept:
    return Kept(base / "user" / "__atelier" / "sweeps" / name)


def _done(base: Path, name: str) -> list[int]:
    kept = _kept(base, name)
    points = kept.points(len(kept.sweep().points))
    return [number for number, point in enumerate(points) if point.state == DONE]


def found(base: Path, name: str, code: int, wall: float, resumed: int = 0) -> Ended:
    """What lies on the disk when the command has ended."""
    listed = [sys.executable, str(base / "custom_nodes/atelier/sweep.py"), "results", name]
    table = base / f"{name}.json"
    subprocess.run([*listed, "--json", str(table)], check=True, stdout=subprocess.DEVNULL)
    rows = json.loads(table.read_text(encoding="utf-8"))["rows"]
    runs = sorted({run for row in rows for run in row.get("runs", [])})
    folders = [base / "user" / "__atelier" / "runs" / run for run in runs]
    pictures = {(p["subfolder"], p["filename"]) for row in rows for p in row.get("pictures", [])}
    return Ended(
        code,
        rows,
        [folder.name for folder in folders if (folder / "result.json").is_file()],
        sum((base / file).is_file() for row in rows for file in set(row.get("files", []))),
        sum((base / "output" / folder / file).is_file() for folder, file in pictures),
        wall,
        sum(map(training_seconds, folders)),
        resumed,
    )
