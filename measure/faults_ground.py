"""Where faults are injected: small trainings in processes of their own, which may be killed.

ComfyUI is imported and the base loaded once; each training is a fork of that (POSIX only, as is
this measurement). The parent never trains: a fork after threads have run would hang.
"""

import gc
import json
import os
import select
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from ..demo.install import CHECKPOINT, PICTURES
from ..tests.bits import equal
from ..training import checkpoint
from ..training.config import make_config
from ..training.data.folder import load_folder
from ..training.files import digest
from ..training.host import folders
from ..training.host.progress import Interrupted, Progress
from ..training.prepare import Wires
from ..training.run import Run
from ..training.trainer import train_lora

SAVE_EVERY = 3
STEPS = 24
SETTINGS: dict[str, Any] = {"steps": STEPS, "save_every": SAVE_EVERY, "validate_every": 5}
SETTINGS |= {"rank": 1, "resolution": 64, "batch_size": 1, "learning_rate": 1e-3, "ema_decay": 0.5}
SETTINGS |= {"targets": "attention", "include": r"joint_blocks\.[01]\.x_block"}

Say = Callable[[dict[str, Any]], None]
At = Callable[[int], None]


@dataclass
class Child:
    """A process of ours, and what it says."""

    pid: int
    pipe: int
    said: list[dict[str, Any]] = field(default_factory=list)
    rest: bytes = b""

    @property
    def steps(self) -> int:
        """The last step that it told of."""
        return max((one["step"] for one in self.said if "step" in one), default=0)

    def last(self, key: str) -> Any:
        return next((one[key] for one in reversed(self.said) if key in one), None)

    def listen(self, seconds: float) -> bool:
        """Take in what it says for that long; False when it has ended."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.pipe], [], [], left)[0]:
                continue
            data = os.read(self.pipe, 65536)
            if not data:
                return False
            *lines, self.rest = (self.rest + data).split(b"\n")
            self.said += map(json.loads, lines)
        return True

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def wait(self) -> None:
        """Until it has ended."""
        while self.listen(1):
            pass
        os.waitpid(self.pid, 0)
        os.close(self.pipe)


def fork(job: Callable[[Say], None]) -> Child:
    """Do `job` in a process of its own; what it raises is said as `error`."""
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return Child(pid, read)

    def say(what: dict[str, Any]) -> None:
        os.write(write, json.dumps(what).encode() + b"\n")

    try:
        torch.set_num_threads(1)  # those of the parent are not in a fork
        job(say)
    except (ArithmeticError, OSError, RuntimeError, ValueError, MemoryError, Interrupted) as error:
        say({"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()})
    finally:
        os._exit(0)


class Ground:
    """The base, its pictures, and a run that nothing happened to."""

    def __init__(self, place: Path) -> None:
        from nodes import CheckpointLoaderSimple  # ComfyUI's, once it was started

        torch.set_num_threads(1)
        self.pictures = place / "pictures"
        self.pictures.mkdir()
        for path in sorted((PICTURES / "hats").glob("*"))[:8]:  # four with their captions
            shutil.copy(path, self.pictures)
        with torch.inference_mode():
            base: Any = CheckpointLoaderSimple().load_checkpoint(CHECKPOINT)
        data = load_folder(self.pictures)
        model, clip, vae = base
        held_out = replace(data, records=data.records[:1])
        self.wires = Wires(model, clip, vae, data, held_out=held_out)
        gc.freeze()  # what a fork collects is its own

    def train(self, name: str, say: Say, at: At | None = None, **changes: Any) -> Run:
        """Train in this process, telling of each step; `at` is called after it, to break things."""
        real = Progress.update

        def update(self: Progress, done: int, *more: Any) -> None:
            real(self, done, *more)
            say({"step": done})
            if at and done:
                at(done)

        with mock.patch.object(Progress, "update", update), torch.inference_mode():
            run = train_lora(self.wires, make_config(**SETTINGS | changes), name)
        say({"run": run.name, "finished": run.finished})
        return run

    def forked(self, name: str, at: At | None = None, **changes: Any) -> Child:
        """The same in a process of its own, to its end."""
        child = fork(lambda say: ignored(self.train(name, say, at, **changes)))
        child.wait()
        return child

    def run(self, name: str) -> Run:
        return Run(folders.runs() / name)

    @cached_property
    def whole(self) -> Run:
        """The run that was never disturbed."""
        child = self.forked("whole")
        assert child.last("finished"), child.said
        return self.run("whole")

    def same_as_whole(self, run: Run) -> bool:
        """Weights, running mean, optimizer, schedule, best and log, to the last bit."""
        trees = [checkpoint.newest(one.checkpoints) for one in (self.whole, run)]
        loras = [one.lora() for one in (self.whole, run)]
        return (
            equal(*trees) and equal(*loras) and equal(self.whole.logged(), run.logged())
        ) and run.finished

    def goes_on(self, name: str) -> bool:
        """Whether the run `name`, trained again, ends as if nothing had happened."""
        child = self.forked(name)
        return child.last("run") == name and self.same_as_whole(self.run(name))


def ignored(_value: Any) -> None:
    """What a job gives back stays in its process."""


def newest_step(run: Run) -> int:
    tree = checkpoint.newest(run.checkpoints)
    return tree["step"] if tree else 0


def snapshot(*places: Path) -> dict[Path, str]:
    """The hash of every file below."""
    found: Iterator[Path] = (path for place in places for path in place.rglob("*"))
    return {path: digest(path.read_bytes()) for path in sorted(found) if path.is_file()}


def harmed(before: dict[Path, str]) -> int:
    """How many of these files are gone, or are not what they were."""
    return sum(not p.is_file() or digest(p.read_bytes()) != was for p, was in before.items())


def short(error: str) -> str:
    """The first line of an error, for a table."""
    line = error.partition("\n")[0].replace(str(folders.runs()), "runs").replace("|", "/")
    return line if len(line) <= 160 else f"{line[:157]}..."
