"""`kill -9`, at any moment, and in the middle of a save above all."""

import json
import random
import shutil
import time
from pathlib import Path

from ..training import nest
from ..training.host import folders
from ..training.run import Run
from .faults_ground import (
    SAVE_EVERY,
    STEPS,
    Child,
    Ground,
    fork,
    harmed,
    ignored,
    newest_step,
    snapshot,
)
from .outcome import Outcome


def kills(ground: Ground, count: int, seed: int = 0) -> Outcome:
    """Kill trainings until `count` have died; each run is gone on with until it is finished."""
    dice = random.Random(seed)
    kept = snapshot(ground.whole.folder, ground.pictures)
    lost = number = died = saving = finished = 0
    while died < count or number == 0:
        number += 1
        name = f"killed-{number}"
        while died < count:
            if dice.random() < 0.2:
                shutil.rmtree(folders.cache(), ignore_errors=True)  # so that it dies while encoding
            child = fork(lambda say, name=name: ignored(ground.train(name, say)))
            in_save = dice.random() < 0.5
            if not _let_run(child, ground.run(name), in_save, dice):
                break  # it was faster
            child.kill()
            died += 1
            half = _half_written(ground.run(name))
            saving += half
            lost += _broken(ground.run(name), child.steps)
        lost += not ground.goes_on(name)
        finished += 1
    changed = harmed(kept) + _damaged_cache()
    told = f"{saving} of them in a save; {finished} runs gone on with to their end"
    return Outcome("kill -9", died, lost, changed, died, told=told)


def _let_run(child: Child, run: Run, in_save: bool, dice: random.Random) -> bool:
    """Wait for the moment; False if the child has ended before."""
    if in_save:
        skip = dice.randrange(1 + STEPS // SAVE_EVERY)
        seen: set[str] = set()
        while child.listen(0.0005):
            seen |= {path.name for path in _parts(run)}
            if len(seen) > skip and _half_written(run):
                return True
        child.wait()
        return False
    end = time.monotonic() + dice.uniform(0, 2.5)
    while (left := end - time.monotonic()) > 0:
        if not child.listen(min(left, 0.05)):
            child.wait()
            return False
    return True


def _parts(run: Run) -> list[Path]:
    return [*run.checkpoints.glob(".*.part"), *run.folder.glob(".*.part")]


def _half_written(run: Run) -> bool:
    return bool(_parts(run))


def _broken(run: Run, told: int) -> int:
    """How many things are wrong in a run's folder whose process died after step `told`."""
    if not (run.folder / "config.json").is_file():
        return int(told > 0)
    wrong = int(told // SAVE_EVERY * SAVE_EVERY > newest_step(run))
    for path in run.folder.glob("*.json"):
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            wrong += 1
    for path in run.checkpoints.glob("step-*.safetensors"):
        wrong += not _readable(path)
    steps = [line["step"] for line in run.logged() if "loss" in line]
    return wrong + (steps != list(range(1, len(steps) + 1)))


def _readable(path: Path) -> bool:
    try:
        nest.load(path)
    except ValueError:
        return False
    return True


def _damaged_cache() -> int:
    return sum(not _readable(path) for path in folders.cache().rglob("*.safetensors"))
