"""The LoRAs that a run left on the way: of every checkpoint, of the last step, and the best."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load, save_file

from .files import atomic
from .run import Kept, Run, State

NAME = "step-{:08d}.safetensors"
RECOMMENDED = "recommended.json"  # which of them a scored grid recommends


def keep(run: Run, step: int, lora: Kept) -> None:
    """Write what was learned up to `step`: tensors and header."""
    run.refuse_vanished()
    tensors, header = lora
    with atomic(file(run, step)) as temporary:
        save_file(tensors, temporary, metadata=header)


def file(run: Run, step: int) -> Path:
    return _folder(run) / NAME.format(step)


def forget_after(run: Run, step: int) -> None:
    """Delete those of later steps: a run that goes on from `step` does them again."""
    for later, path in _of_steps(run).items():
        if later > step:
            path.unlink(missing_ok=True)


def kept(run: Run) -> dict[int, Path]:
    """The files there are, by step; the last and the best weights are among them."""
    found = _of_steps(run)
    for step, path in ((last_step(run), _file(run, "last")), (best_step(run), _file(run, "best"))):
        if step is not None and path.is_file():
            found.setdefault(step, path)
    return dict(sorted(found.items()))


def recommended_step(run: Run) -> int | None:
    """The step that Recommend Checkpoint chose; None if it never did, or its LoRA is gone."""
    try:
        found = json.loads((run.folder / RECOMMENDED).read_text(encoding="utf-8"))
        step = int(found["step"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return step if step in kept(run) else None


def read(path: Path) -> State:
    """The tensors of one, in memory: a mapped file that changes later would end the process."""
    return load(path.read_bytes())


def last_step(run: Run) -> int | None:
    """The step of the last weights; None of a run that has not got so far."""
    steps = [line["step"] for line in run.logged() if "loss" in line]
    return steps[-1] if steps and _file(run, "last").is_file() else None


def best_step(run: Run) -> int | None:
    """Where the held-out loss was lowest; None if it was not measured."""
    measured = [(line["held_out"], line["step"]) for line in run.logged() if "held_out" in line]
    return min(measured)[1] if measured and _file(run, "best").is_file() else None


def _folder(run: Run) -> Path:
    return run.folder / "loras"


def _of_steps(run: Run) -> dict[int, Path]:
    matches = {
        path: re.fullmatch(r"step-(\d+)\.safetensors", path.name)
        for path in _folder(run).glob("step-*.safetensors")
    }
    return {int(match[1]): path for path, match in matches.items() if match}


def _file(run: Run, which: str) -> Path:
    """The one that became the LoRA has its name, the other one has its own."""
    other = run.other_file(which)
    return other if other.is_file() else run.lora_file if _chosen(run) == which else other


def _chosen(run: Run) -> str:
    config: Mapping[str, object] = run.asked()["config"]
    best = run.other_file("last").is_file()  # then it was the best that became the LoRA
    return "best" if config.get("keep") == "best" and best else "last"
