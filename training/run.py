"""A run's folder: what was asked, what it logged, what came out. Any editor can read it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from safetensors.torch import load, save_file

from .files import atomic, new_folder, telling, write_json


@dataclass(frozen=True)
class Run:
    """One training run on disk.

    `config.json` what was asked, `log.jsonl` a line a step, `checkpoints/` to go on from,
    `lora.safetensors` and, written last, `result.json`: a run that has it is finished.
    """

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def lora_file(self) -> Path:
        return self.folder / "lora.safetensors"

    @property
    def finished(self) -> bool:
        return (self.folder / "result.json").is_file()

    def asked(self) -> dict[str, Any]:
        """What `create` wrote down."""
        return json.loads((self.folder / "config.json").read_text(encoding="utf-8"))

    def plan(self) -> dict[str, Any] | None:
        """The plan of memory that the run began with, if it has begun."""
        path = self.folder / "plan.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    def keep_plan(self, plan: dict[str, Any]) -> None:
        write_json(self.folder / "plan.json", plan)

    def lora(self) -> dict[str, torch.Tensor]:
        """What was learned, in memory: a mapped file that changes later would end the process."""
        return load(self.lora_file.read_bytes())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold this run alone; `ValueError` if another ComfyUI trains it at this moment."""
        try:
            with FileLock(self.folder / "lock", timeout=0):
                yield
        except Timeout as error:
            raise ValueError(
                f"The run {self.name} is being trained by another ComfyUI at this moment. Wait for "
                "it, or change the seed or the name to start another."
            ) from error

    # ------------------------------------------------------------ the log

    def log(self, lines: list[dict[str, Any]]) -> None:
        """Append a line for each step."""
        path = self.folder / "log.jsonl"
        with telling(path), path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

    def logged(self) -> list[dict[str, Any]]:
        """The log's lines, oldest first; a last line that was cut short is left out."""
        file = self.folder / "log.jsonl"
        if not file.is_file():
            return []
        text = file.read_text(encoding="utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def forget_after(self, step: int) -> None:
        """Drop the log's lines of steps after `step`: a resumed run does them again."""
        kept = [line for line in self.logged() if line["step"] <= step]
        with atomic(self.folder / "log.jsonl") as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")

    # ------------------------------------------------------------ the end

    def finish(self, lora: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
        """Write the LoRA, then the mark that the run is finished."""
        with atomic(self.lora_file) as temporary:
            save_file(lora, temporary, metadata=metadata)
        losses = [line["loss"] for line in self.logged() if "loss" in line]
        write_json(self.folder / "result.json", {"lora": self.lora_file.name, "steps": len(losses)})


def create(runs: Path, name: str, asked: dict[str, Any]) -> Run:
    """A new run folder `name` (or `name-2` …) that says what was `asked`."""
    run = Run(new_folder(runs, name))
    write_json(run.folder / "config.json", asked)
    return run


def find(runs: Path, name: str, key: str) -> Run | None:
    """The run of this name that was made from exactly this (`key`), finished before unfinished."""
    if not runs.is_dir():
        return None
    named = [folder for folder in sorted(runs.iterdir()) if folder.name.startswith(name)]
    asked = [Run(folder) for folder in named if (folder / "config.json").is_file()]
    found = [run for run in asked if run.asked()["key"] == key]
    return next((run for run in found if run.finished), found[0] if found else None)
