"""A run as it lies on disk, with everything that a report can tell, and hostile where it can be."""

import json
import math
from pathlib import Path
from typing import Any

from PIL import Image

from atelier.training.config import TrainConfig
from atelier.training.cost import FILE
from atelier.training.mark import save_marked
from atelier.training.run import Run, create

VERSIONS = {"Atelier": "0.1.0", "ComfyUI": "0.3.75", "torch": "2.11.0"}


def make_run(
    folder: Path,
    name: str = "hats",
    steps: int = 400,
    records: dict[str, Any] | None = None,
    finished: bool = True,
    **settings: Any,
) -> Run:
    config = TrainConfig().model_dump() | {"steps": steps, "validate_every": 50} | settings
    asked = {
        "key": "k", "format": 2, "config": config, "model": "a" * 64, "clip": "b" * 64,
        "vae": "c" * 64, "dataset": "d" * 64, "held_out": "e" * 64, "class_pictures": None,
        "continue_from": None, "continues": None,
    }  # fmt: skip
    usual = {
        "dataset": {
            "total": 20,
            "records": {f"hat-{n:02d}.png": ["x"] for n in range(20)},
            "licences": {"CC0": 12, "CC BY 4.0": 8},
            "sources": {"drawn by me": 20},
            "notes": {"hats": "Drawn for this."},
            "told": ["2 pictures were set aside: near duplicates."],
        },
        "held-out": {"total": 5},
    }
    run = create(folder, name, asked, usual if records is None else records)
    rate = settings.get("learning_rate", 1e-4)
    lines: list[dict[str, Any]] = []
    for n in range(1, steps + 1):
        wave = 0.2 + 0.8 * math.exp(-n / 120) + 0.15 * math.sin(n * 2.4) * math.cos(n * 0.7)
        warm = min(1.0, n / 20) * (0.5 + 0.5 * math.cos(math.pi * n / steps))
        lines.append(
            {"step": n, "loss": wave, "grad_norm": 1 + wave / 2, "learning_rate": rate * warm}
        )
        if n % 50 == 0:
            mean = 0.3 + 0.4 * math.exp(-n / 90) + n / 4000
            parts = {"0.125": mean - 0.1, "0.875": mean + 0.1}
            lines.append({"step": n, "held_out": mean, "held_out_by_time": parts})
    run.write_log(lines)
    sat = {"from": 0, "to": steps, "seconds": steps * 0.31, "peak": 7 * 2**30, "device": "cpu"}
    (run.folder / FILE).write_text(json.dumps(sat | {"versions": VERSIONS}) + "\n", "utf-8")
    if finished:
        run.finish()
    return run


def draw_samples(folder: Path, steps: list[int], prompts: int = 2) -> None:
    folder.mkdir(parents=True)
    for step in steps:
        for number in range(1, prompts + 1):
            colour = (step % 255, 90 * number % 255, 160)
            save_marked(
                Image.new("RGB", (96, 96), colour), folder / f"step-{step:06d}-{number}.png"
            )
